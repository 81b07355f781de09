"""The order of a model's nodes while it is kept, and who reads a tensor."""

import gc

import numpy as np

import ovlite.opset13 as ops
from ovlite import Model


def chain() -> tuple[Model, list]:
    x = ops.parameter([2], np.float32, name="x")
    nodes = [x, ops.relu(x)]
    nodes.append(ops.tanh(nodes[-1]))
    model = Model([nodes[-1]], [x], "chain")
    return model, nodes


def test_a_change_is_seen_while_the_order_is_kept() -> None:
    model, (x, relu, tanh) = chain()
    with model.order_kept():
        first = model.get_ordered_ops()
        assert model.get_ordered_ops() == first and model.get_ordered_ops() is not first
        first.clear()  # the list is the caller's
        between = ops.sigmoid(relu)
        tanh.set_arguments([between.output(0)])
        assert between in model.get_ordered_ops()
        model.add_results([])
        extra = Model([ops.abs(x)], [x], "other").results[0]
        model.results.append(extra)
        assert extra in model.get_ordered_ops()


def test_a_tensor_does_not_keep_those_who_read_it_alive() -> None:
    x = ops.parameter([2], np.float32, name="x")
    kept = ops.relu(x)
    for _ in range(30):
        for _ in range(100):
            ops.tanh(x)
        gc.collect()
    assert [port.get_node() for port in x.output(0).get_target_inputs()] == [kept]
    readers = [ops.abs(x) for _ in range(40)]
    assert {port.get_node() for port in x.output(0).get_target_inputs()} == {kept, *readers}
    assert len(x.output(0)._users) < 512, "those that are gone are forgotten now and then"


def test_a_tensor_that_is_read_twice_has_one_reader_of_two_inputs() -> None:
    x = ops.parameter([2], np.float32, name="x")
    total = ops.add(x, x)
    assert sorted(port.get_index() for port in x.output(0).get_target_inputs()) == [0, 1]
    total.input(0).replace_source_output(ops.relu(x).output(0))
    found = {(port.get_node().get_type_name(), port.get_index()) for port in x.output(0).get_target_inputs()}
    assert found == {("Add", 1), ("Relu", 0)}
