"""Variables: how they start, advance, are read, set and reset."""

import numpy as np
import pytest

X = np.array([[1, 2]], np.float32)


@pytest.fixture
def compiled(lab):
    return lab.compile(lab.accumulating())


def test_states_advance_and_reset(compiled):
    request = compiled.create_infer_request()
    (state,) = request.query_state()
    assert state.name == "total"
    for count in (1, 2, 3):
        np.testing.assert_array_equal(request.infer(X)["y"], 10 + count * X)
        np.testing.assert_array_equal(state.state.data, 10 + count * X)
    request.start_async(X)
    request.wait()
    np.testing.assert_array_equal(request.get_output_tensor().data, 10 + 4 * X)
    request.reset_state()
    np.testing.assert_array_equal(request.infer(X)["y"], 10 + X)
    state.reset()
    np.testing.assert_array_equal(request.infer(X)["y"], 10 + X)


def test_requests_are_isolated_and_calls_go_on(compiled):
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    first.infer(X)
    np.testing.assert_array_equal(first.infer(X)["y"], 10 + 2 * X)
    np.testing.assert_array_equal(second.infer(X)["y"], 10 + X)
    compiled(X)
    np.testing.assert_array_equal(compiled(X)["y"], 10 + 2 * X)
    for _ in range(2):
        np.testing.assert_array_equal(compiled.infer_new_request(X)["y"], 10 + X)
    np.testing.assert_array_equal(compiled.query_state()[0].state.data, 10 + 2 * X)
    compiled.reset_state()
    np.testing.assert_array_equal(compiled(X)["y"], 10 + X)


def test_setting_a_state(lab, compiled):
    request = compiled.create_infer_request()
    (state,) = request.query_state()
    given = np.array([[5, 6]], np.float32)
    state.state = lab.ov.Tensor(given, shared_memory=True)
    given[:] = 99
    np.testing.assert_array_equal(state.state.data, [[5, 6]])
    np.testing.assert_array_equal(request.infer(X)["y"], [[6, 8]])
    with pytest.raises(TypeError):
        state.state = given
    with pytest.raises(RuntimeError):
        state.state = lab.ov.Tensor(given.astype(np.float64))
    with pytest.raises(AttributeError):
        state.name = "other"


def test_a_state_set_before_the_first_run(lab, compiled):
    request = compiled.create_infer_request()
    request.query_state()[0].state = lab.ov.Tensor(np.zeros((1, 2), np.float32))
    np.testing.assert_array_equal(request.infer(X)["y"], X)


def test_a_model_without_variables(lab):
    request = lab.compile(lab.plus_one()).create_infer_request()
    assert request.query_state() == []
    request.reset_state()


def test_a_state_that_grows(lab):
    """y = kept := concat(kept, x): a cache along axis 0."""
    x = lab.parameter((-1, 2))
    kept = lab.ops.read_value(lab.ops.constant(np.zeros((0, 2), np.float32)), "kept", np.float32, [-1, 2])
    grown = lab.ops.concat([kept, x], 0)
    model = lab.ov.Model([lab.ops.result(grown, name="y")], [lab.ops.assign(grown, "kept")], [x], "growing")
    request = lab.compile(model).create_infer_request()
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert request.infer(rows[:2])["y"].shape == (2, 2)
    np.testing.assert_array_equal(request.infer(rows[2:3])["y"], rows[:3])
    np.testing.assert_array_equal(request.infer(rows[3:])["y"], rows)
    np.testing.assert_array_equal(request.query_state()[0].state.data, rows)
    request.reset_state()
    np.testing.assert_array_equal(request.infer(rows[:1])["y"], rows[:1])


def test_a_state_is_shown_as_a_copy(mine):
    request = mine.compile(mine.accumulating()).create_infer_request()
    (state,) = request.query_state()
    np.testing.assert_array_equal(state.state.data, [[10, 10]])
    state.state.data[:] = 99
    np.testing.assert_array_equal(request.infer(X)["y"], 10 + X)
    state.state.data[:] = 99
    np.testing.assert_array_equal(request.infer(X)["y"], 10 + 2 * X)
    request.reset_state()
    np.testing.assert_array_equal(state.state.data, [[10, 10]])


def test_classes_of_nodes(lab):
    ops, op = lab.ops, lab.submodule("op")
    x = lab.parameter((1, 2))
    read = ops.read_value(x, "total")
    model = lab.ov.Model([ops.result(read)], [ops.assign(ops.add(read, x), "total")], [x])
    for found in (model, model.clone()):
        (sink,) = found.get_sinks()
        assert isinstance(sink, op.assign) and isinstance(sink, lab.ov.Node)
        assert sink.get_type_name() == "Assign" and sink.get_variable_id() == "total"
    assert isinstance(read, op.read_value) and read.get_variable_id() == "total"
    assert all(isinstance(kind, type) for kind in (op.assign, op.read_value, op.if_op, op.loop, op.tensor_iterator))


def test_nodes_made_of_their_classes(lab, tmp_path):
    op, util = lab.submodule("op"), lab.submodule("op.util")
    x = lab.parameter((1, 2))
    info = util.VariableInfo()
    info.data_shape, info.data_type, info.variable_id = lab.ov.PartialShape([1, 2]), lab.ov.Type.f32, "total"
    variable = util.Variable(info)
    read = op.read_value(x, variable)
    sink = op.assign(lab.ops.add(read, x), variable)
    assert read.get_variable_id() == sink.get_variable_id() == "total"
    model = lab.ov.Model([lab.ops.result(read)], [sink], [x], [variable])
    lab.ov.save_model(model, tmp_path / "m.xml")
    again = lab.ov.Core().read_model(tmp_path / "m.xml")
    assert [node.get_variable_id() for node in again.get_sinks()] == ["total"]
    compiled = lab.compile(model)
    for factor in (1, 2):
        np.testing.assert_array_equal(compiled(np.ones((1, 2), np.float32))[0], [[factor, factor]])
