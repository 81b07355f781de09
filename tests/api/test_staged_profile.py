"""The steps of plans in stages are timed as those of others are."""

import numpy as np
import pytest


def staged(mine):
    """The places of the elements above 0, plus one: NonZero makes a stage."""
    x = mine.parameter([-1])
    places = mine.ops.convert(mine.ops.non_zero(mine.ops.relu(x), name="places"), "f32")
    return mine.ov.Model([mine.ops.add(places, np.float32(1))], [x], "staged")


def steps(request):
    return [(info.node_type, info.status.name, info.real_time.total_seconds()) for info in request.get_profiling_info()]


def test_every_stage_has_its_steps(mine):
    request = mine.compile(staged(mine), PERF_COUNT=True).create_infer_request()
    assert {status for _, status, _ in steps(request)} == {"NOT_RUN"}
    for count in (5, 3, 5):
        request.infer(np.arange(count, dtype=np.float32))
        found = steps(request)
        assert "NonZero" in [kind for kind, _, _ in found] and len(found) >= 2
        assert {status for _, status, _ in found} == {"EXECUTED"}
        assert all(seconds >= 0 for _, _, seconds in found) and sum(seconds for _, _, seconds in found) > 0
    request.start_async(np.arange(4, dtype=np.float32))
    request.wait()
    assert "NonZero" in [kind for kind, _, _ in steps(request)]


def test_nothing_is_timed_without_asking(mine):
    request = mine.compile(staged(mine)).create_infer_request()
    request.infer(np.arange(5, dtype=np.float32))
    assert {status for _, status, _ in steps(request)} == {"NOT_RUN"} and request.timed_steps() == []


def test_plans_with_and_without_stages_take_turns(mine):
    """An If whose branches differ: the condition says whether there are stages."""
    condition, x = mine.parameter([], np.bool_, "c"), mine.parameter([-1])
    bodies = []
    for make in (lambda v: mine.ops.convert(mine.ops.non_zero(v), "f32"), lambda v: mine.ops.unsqueeze(v, np.int64(0))):
        inner = mine.parameter([-1], name="inner")
        bodies.append(mine.ov.Model([make(inner)], [inner]))
    node = mine.submodule("op").if_op(condition)
    node.set_then_body(bodies[0])
    node.set_else_body(bodies[1])
    node.set_input(x.output(0), bodies[0].parameters[0], bodies[1].parameters[0])
    result = node.set_output(bodies[0].results[0], bodies[1].results[0])
    request = mine.compile(mine.ov.Model([result], [condition, x]), PERF_COUNT=True).create_infer_request()
    for chosen in (True, False, True):
        request.infer([np.array(chosen), np.arange(4, dtype=np.float32)])
        assert ("NonZero" in [kind for kind, _, _ in steps(request)]) == chosen


def test_operations_on_strings(mine):
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    node = helper.make_node("StringConcat", ["a", "a"], ["b"])
    ports = [helper.make_tensor_value_info(name, TensorProto.STRING, [2]) for name in "ab"]
    content = helper.make_model(
        helper.make_graph([node], "g", ports[:1], ports[1:]), opset_imports=[helper.make_opsetid("", 20)], ir_version=9
    ).SerializeToString()
    core = mine.ov.Core()
    request = core.compile_model(core.read_model(content), "CPU", {"PERF_COUNT": True}).create_infer_request()
    assert request.infer([np.array(["x", "y"])])[0].tolist() == ["xx", "yy"]
    assert [(kind, status) for kind, status, _ in steps(request)] == [("StringConcat", "EXECUTED")]
