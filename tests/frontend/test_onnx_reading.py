"""What an ONNX graph becomes: names, shapes, weights, bodies, functions, older operator sets."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from ovlite.frontend.onnx import read_onnx
from ovlite.graph import Constant, Model
from ovlite.types import PartialShape, Type

from .onnx_cases import evaluate, peer_outputs


def proto(text: str, opset: int = 17, head: str = "") -> onnx.ModelProto:
    """A model from ONNX's text syntax."""
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}{head}]>\n{text}')


def read(text: str, opset: int = 17, head: str = "") -> Model:
    return read_onnx(proto(text, opset, head).SerializeToString())


def run(text: str, *inputs: Any, opset: int = 17, head: str = "") -> list[np.ndarray]:
    return evaluate(read(text, opset, head), list(inputs))


def peer(text: str, *inputs: np.ndarray, opset: int = 17) -> list[np.ndarray]:
    """What onnxruntime gives."""
    model = proto(text, opset)
    return peer_outputs(model.SerializeToString(), feeds(model, inputs), text, opset)


def feeds(model: Any, arrays: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by the names of the inputs that have no initializer, in order."""
    held = {tensor.name for tensor in model.graph.initializer}
    return dict(zip([value.name for value in model.graph.input if value.name not in held], arrays, strict=True))


def types(model: Model) -> list[str]:
    return [node.op.type for node in model.get_ordered_ops()]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


NAMES = """agraph (float[N,3] a, float[3] w) => (float[N,3] b, float[N,3] d, float[N,3] e, float[N,3] b, float[N,3] a)
<float[3] w = {1, 2, 3}> {
    [first] b = Relu(a)
    [second] c = Sigmoid(b)
    d = Identity(c)
    [last] e = Add(d, w)
}"""


def test_names_follow_the_graph() -> None:
    model = read(NAMES)
    assert [port.names for port in model.inputs] == [{"a"}]
    assert [port.names for port in model.outputs] == [{"b"}, {"d"}, {"e"}, {"b"}, {"a"}]
    assert [result.friendly_name for result in model.results] == [
        "b/sink_port_0_1", "d/sink_port_0", "e/sink_port_0", "b/sink_port_0", "a/sink_port_0",
    ]  # fmt: skip
    assert {node.friendly_name for node in model.get_ordered_ops()} >= {"a", "b", "w", "d", "e"}


def test_names_are_those_of_openvino() -> None:
    openvino = pytest.importorskip("openvino")
    content = proto(NAMES).SerializeToString()
    theirs, ours = openvino.Core().read_model(content, b""), read_onnx(content)
    assert ours.friendly_name == theirs.friendly_name
    assert [port.names for port in ours.outputs] == [port.names for port in theirs.outputs]
    names = [result.get_friendly_name() for result in theirs.results]
    assert [result.friendly_name for result in ours.results] == names


def test_file_and_bytes_have_the_model_names_of_openvino(tmp_path: Path) -> None:
    path = tmp_path / "some.onnx"
    path.write_bytes(proto(NAMES).SerializeToString())
    assert read_onnx(path).friendly_name == "onnx_Frontend_IR"
    assert read_onnx(str(path)).friendly_name == "onnx_Frontend_IR"
    assert read(NAMES).friendly_name == "agraph"


def test_node_without_name_takes_its_output_s_name() -> None:
    model = read("g (float[2] a) => (float[2] c) { b = Relu(a) c = Sigmoid(b) }")
    assert [node.friendly_name for node in model.get_ordered_ops()][1] == "b"


def test_initializers_among_the_inputs_are_constants() -> None:
    model = read(NAMES)
    assert len(model.inputs) == 1
    assert [node.friendly_name for node in model.get_ordered_ops() if isinstance(node, Constant)] == ["w"]


def test_dimensions_without_a_number_are_dynamic() -> None:
    model = read("g (float[N,3,?] a, float b) => (float[N,3,?] y) { y = Add(a, b) }")
    assert str(model.inputs[0].partial_shape) == "[?,3,?]"
    unshaped = proto("g (float[1] a) => (float[1] y) { y = Relu(a) }")
    unshaped.graph.input[0].type.tensor_type.ClearField("shape")
    assert not read_onnx(unshaped.SerializeToString()).inputs[0].partial_shape.has_rank


def test_dimension_of_minus_one_is_dynamic() -> None:
    model = proto("g (float[1,3] a) => (float[1,3] y) { y = Relu(a) }")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert str(read_onnx(model.SerializeToString()).outputs[0].partial_shape) == "[?,3]"


def test_nodes_may_come_in_any_order() -> None:
    found = run("g (float[2] a) => (float[2] c) { c = Neg(b) b = Relu(a) }", np.array([1, -1], np.float32))
    np.testing.assert_array_equal(found[0], [-1, 0])


@pytest.mark.parametrize(
    ("number", "element_type", "raw", "shape", "values"),
    [
        (TensorProto.BFLOAT16, Type.bf16, b"\x80\x3f\x40\xc0", [2], [1.0, -3.0]),
        (TensorProto.FLOAT16, Type.f16, np.array([1.5, -2], np.float16).tobytes(), [2], [1.5, -2.0]),
        (TensorProto.FLOAT8E4M3FN, Type.f8e4m3, b"\x38\xc0", [2], [1.0, -2.0]),
        (TensorProto.FLOAT8E5M2, Type.f8e5m2, b"\x3c\xc0", [2], [1.0, -2.0]),
        (TensorProto.UINT4, Type.u4, b"\x21\x03", [3], [1.0, 2.0, 3.0]),
        (TensorProto.INT4, Type.i4, b"\xe1\x0f", [3], [1.0, -2.0, -1.0]),
        (TensorProto.INT8, Type.i8, b"\x01\xff", [2], [1.0, -1.0]),
        (TensorProto.DOUBLE, Type.f64, np.array([0.25]).tobytes(), [1], [0.25]),
    ],
)
def test_weights_keep_their_type(
    number: int, element_type: Type, raw: bytes, shape: list[int], values: list[float]
) -> None:
    model = proto(f"g (float[{shape[0]}] a) => (float[{shape[0]}] y) {{ f = Cast<to = 1>(w) y = Add(a, f) }}", 21)
    model.graph.initializer.append(helper.make_tensor("w", number, shape, raw, raw=True))
    read_model = read_onnx(model.SerializeToString())
    (node,) = [node for node in read_model.get_ordered_ops() if isinstance(node, Constant)]
    assert node.output(0).element_type is element_type
    assert list(node.output(0).shape) == shape
    np.testing.assert_array_equal(evaluate(read_model, [np.zeros(shape, np.float32)])[0], values)


@pytest.mark.parametrize(
    "kind",
    ["float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"],
)
def test_typed_fields_hold_what_raw_data_holds(kind: str) -> None:
    values = np.array([[1, 0, 3], [4, 5, 6]]).astype(kind)
    number = helper.np_dtype_to_tensor_dtype(values.dtype)
    for raw in (False, True):
        data = values.tobytes() if raw else values.ravel()
        graph = helper.make_graph(
            [helper.make_node("Identity", ["w"], ["y"])], "g", [], [helper.make_tensor_value_info("y", number, [2, 3])],
            [helper.make_tensor("w", number, [2, 3], data, raw)],
        )  # fmt: skip
        content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        model = read_onnx(content.SerializeToString())
        (node,) = [node for node in model.get_ordered_ops() if isinstance(node, Constant)]
        np.testing.assert_array_equal(node.array, values)
        assert node.array.dtype == kind


def test_sparse_weights_become_dense() -> None:
    model = proto("g (float[2,3] a) => (float[2,3] y) { y = Add(a, w) }")
    values = helper.make_tensor("w", TensorProto.FLOAT, [2], [5.0, 7.0])
    indices = helper.make_tensor("places", TensorProto.INT64, [2], [1, 5])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [2, 3]))
    found = evaluate(read_onnx(model.SerializeToString()), [np.zeros((2, 3), np.float32)])
    np.testing.assert_array_equal(found[0], [[0, 5, 0], [0, 0, 7]])


def test_external_weights_are_mapped_not_copied(tmp_path: Path) -> None:
    model = proto("g (float[4] a) => (float[4] y) { y = Add(a, w) }")
    model.graph.initializer.append(numpy_helper.from_array(np.arange(4, dtype=np.float32), "w"))
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    read_model = read_onnx(tmp_path / "m.onnx")
    (node,) = [node for node in read_model.get_ordered_ops() if isinstance(node, Constant)]
    assert not node.array.flags.writeable
    base: Any = node.array
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)
    np.testing.assert_array_equal(evaluate(read_model, [np.zeros(4, np.float32)])[0], np.arange(4))


BRANCH = """g (bool c, float[2] a) => (float[2] y) {{
    {condition}
    y = If (k) <
        then_branch = t () => (float[2] u) {{ u = Add(a, a) }},
        else_branch = e () => (float[2] v) {{ v = Neg(a) }}
    >
}}"""


@pytest.mark.parametrize("chosen", [True, False])
def test_branch_captures_outer_values(chosen: bool) -> None:
    text = BRANCH.format(condition="k = Identity(c)")
    assert "If" in types(read(text))
    found = run(text, np.array(chosen), np.array([1, 2], np.float32))
    np.testing.assert_array_equal(found[0], [2, 4] if chosen else [-1, -2])


def test_known_condition_leaves_one_branch() -> None:
    text = BRANCH.format(condition="s = Shape(a) n = Constant<value = int64[1] {2}>() q = Equal(s, n) k = Squeeze(q)")
    model = read(text)
    assert "If" not in types(model)
    np.testing.assert_array_equal(evaluate(model, [np.array(True), np.array([1, 2], np.float32)])[0], [2, 4])


def test_branches_may_be_nested_deep() -> None:
    body = "u = Neg(a)"
    for _ in range(20):
        deep = f"b () => (float[2] u) {{ {body} }}"
        body = f"u = If (c) <then_branch = {deep}, else_branch = e () => (float[2] v) {{ v = Relu(a) }}>"
    found = run(f"g (bool c, float[2] a) => (float[2] u) {{ {body} }}", np.array(True), np.array([1, 2], np.float32))
    np.testing.assert_array_equal(found[0], [-1, -2])


LOOP = """g (int64 n, float[1] start, float[1] step) => (float[1] last, float[K,1] all) {
    go = Constant<value = bool {1}>()
    last, all = Loop (n, go, start) <body = b (int64 i, bool c, float[1] x) => (bool c2, float[1] y, float[1] z) {
        c2 = Identity(c)
        y = Add(x, step)
        z = Mul(y, y)
    }>
}"""


@pytest.mark.parametrize("trips", [0, 1, 3])
def test_loop_carries_and_stacks(trips: int) -> None:
    start, step = np.array([1], np.float32), np.array([2], np.float32)
    last, stacked = run(LOOP, np.array(trips), start, step)
    np.testing.assert_array_equal(last, [1 + 2 * trips])
    np.testing.assert_array_equal(stacked, [[(1 + 2 * i) ** 2] for i in range(1, trips + 1)] or np.zeros((0, 1)))


def test_loop_state_may_grow() -> None:
    text = """g (int64 n, float[1] start) => (float[K] last) {
        go = Constant<value = bool {1}>()
        last = Loop (n, go, start) <body = b (int64 i, bool c, float[M] x) => (bool c2, float[L] y) {
            c2 = Identity(c)
            y = Concat<axis = 0>(x, start)
        }>
    }"""
    model = read(text)
    assert str(model.outputs[0].partial_shape) == "[1..]"
    np.testing.assert_array_equal(evaluate(model, [np.array(3), np.array([5], np.float32)])[0], [5] * 4)


def test_scan_runs_backwards_along_an_axis() -> None:
    text = """g (float[2] start, float[2,3] data) => (float[2] last, float[2,3] sums) {
        last, sums = Scan (start, data) <num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
            scan_output_axes = [1], body = b (float[2] s, float[2] x) => (float[2] t, float[2] u) {
            t = Add(s, x)
            u = Identity(t)
        }>
    }"""
    data = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    last, sums = run(text, np.zeros(2, np.float32), data)
    np.testing.assert_array_equal(last, data.sum(1))
    np.testing.assert_array_equal(sums, np.cumsum(data[:, ::-1], axis=1))


@pytest.mark.parametrize("lengths", [None, [3, 1]], ids=["whole", "lengths"])
@pytest.mark.parametrize("direction", [0, 1])
def test_scan_of_batches(direction: int, lengths: list[int] | None) -> None:
    """Version 8, whose sequences have a dimension of batches before the others, each with a length of its own."""
    given, name = ("int64[2] n, ", "n") if lengths else ("", "")
    text = f"""g ({given}float[2,2] start, float[2,3,2] data) => (float[2,2] l, float[2,3,2] s) {{
        l, s = Scan ({name}, start, data) <num_scan_inputs = 1, directions = [{direction}],
            body = b (float[2] a, float[2] x) => (float[2] t, float[2] u) {{
            t = Add(a, x)
            u = Identity(t)
        }}>
    }}"""
    data = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    start = np.array([[1, 2], [3, 4]], np.float32)
    expected = np.zeros((2, 3, 2), np.float32)
    for batch, length in enumerate(lengths or [3, 3]):
        expected[batch, :length] = start[batch] + np.cumsum(data[batch, :length][:: -1 if direction else 1], axis=0)
    last, sums = run(text, *([np.array(lengths)] if lengths else []), start, data, opset=8)
    np.testing.assert_array_equal(sums, expected)
    np.testing.assert_array_equal(
        last, [row[length - 1] for row, length in zip(expected, lengths or [3, 3], strict=True)]
    )


FUNCTIONS = """g (float[2] a) => (float[2] y) { y = own.Twice<times = 3.0>(a) }
<opset_import: ["" : 17], domain: "own">
Twice<times>(x) => (z) {
    k = Constant<value_float: float = @times>()
    d = Mul(x, k)
    z = own.Other(d)
}
<opset_import: ["" : 17], domain: "own">
Other(x) => (z) { z = Neg(x) }"""


def test_functions_of_the_model_are_written_out() -> None:
    found = run(FUNCTIONS, np.array([1, 2], np.float32), head=', "own" : 1')
    np.testing.assert_array_equal(found[0], [-3, -6])


def test_operators_that_onnx_defines_by_functions_are_written_out() -> None:
    text = """g (float[2,3] a, float[3] s) => (float[2,3] y, float[2,1] m, float[2,1] d) {
        y, m, d = LayerNormalization(a, s)
    }"""
    model = read(text)
    assert not any(kind.startswith("onnx.") for kind in types(model))
    a, s = random(2, 3), random(3)
    for found, expected in zip(evaluate(model, [a, s]), peer(text, a, s), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_what_has_no_translation_runs_on_onnx_reference() -> None:
    text = "g (float[2,2] a) => (float y) { y = Det(a) }"
    model = read(text)
    assert "onnx.Det" in types(model)
    assert model.outputs[0].partial_shape == PartialShape([])
    np.testing.assert_allclose(evaluate(model, [np.array([[1, 2], [3, 4]], np.float32)])[0], -2, rtol=1e-6)


OLD = [
    (7, "float[2,3] y = Softmax(a)", (2, 3)),
    (11, "float[2,3,4] y = Softmax<axis = 1>(a)", (2, 3, 4)),
    (11, "float[2,3,4] y = LogSoftmax<axis = 0>(a)", (2, 3, 4)),
    (11, "float[2,3,4] y = Hardmax<axis = 1>(a)", (2, 3, 4)),
    (9, "float[1,2] y = Slice<starts = [-1], ends = [9], axes = [0]>(a)", (3, 2)),
    (9, "float[2,2] y = Slice<starts = [1], ends = [3]>(a)", (3, 2)),
    (12, "float[1,2] y, float[2,2] z = Split<axis = 0, split = [1, 2]>(a)", (3, 2)),
    (12, "float[2] y = Squeeze<axes = [0]>(a)", (1, 2)),
    (12, "float[1,2,1] y = Unsqueeze<axes = [0, 2]>(a)", (2,)),
    (9, "float[2,2] y, int64[2,2] z = TopK<k = 2>(a)", (2, 3)),
    (10, "float[2,3] y = Clip<min = -0.5, max = 0.25>(a)", (2, 3)),
    (10, "float[4,3] y = Pad<pads = [1, 0, 1, 0], value = 2.0>(a)", (2, 3)),
    (8, 'float[1,1,4,6] y = Upsample<scales = [1.0, 1.0, 2.0, 2.0], mode = "nearest">(a)', (1, 1, 2, 3)),
    (8, 'float[1,1,4,6] y = Upsample<scales = [1.0, 1.0, 2.0, 2.0], mode = "linear">(a)', (1, 1, 2, 3)),
    (12, "float[1,3] y = ReduceSum<axes = [0]>(a)", (2, 3)),
    (13, "float[2,1] y = ReduceMean<axes = [-1]>(a)", (2, 3)),
    (13, "float y = ReduceMax<keepdims = 0>(a)", (2, 3)),
    (8, "float[2,3] y = Dropout<ratio = 0.5>(a)", (2, 3)),
    (8, "float[2,3] y = Flatten<axis = 1>(a)", (2, 3, 1)),
    (8, "float[6,4] y = Flatten<axis = 2>(a)", (2, 3, 4)),
]  # fmt: skip


OLD_NAMES = [f"{call.partition(' = ')[2]} {opset}" for opset, call, _ in OLD]


@pytest.mark.parametrize(("opset", "call", "shape"), OLD, ids=OLD_NAMES)
def test_older_forms_give_what_onnxruntime_gives(opset: int, call: str, shape: tuple[int, ...]) -> None:
    declared, _, made = call.partition(" = ")
    names = ", ".join(part.split()[1] for part in declared.split(", "))
    text = f"g (float[{','.join(map(str, shape))}] a) => ({declared}) {{ {names} = {made} }}"
    a = random(*shape)
    for found, expected in zip(run(text, a, opset=opset), peer(text, a, opset=opset), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_importing_ovlite_does_not_import_onnx() -> None:
    code = "import sys, ovlite, ovlite.frontend.onnx; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
