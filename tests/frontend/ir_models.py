"""Small models built alike with ovlite's and with openvino's own node factories, and inputs for them."""

import importlib

import numpy as np


class Builder:
    """The factories of one of both modules."""

    def __init__(self, name):
        self.ov = importlib.import_module(name)
        self.ops = importlib.import_module(f"{name}.opset13")
        self.op = importlib.import_module(f"{name}.op")

    def bodied(self, name, *arguments):
        make = getattr(self.op, name, None) or getattr(self.ops, name)
        return make(*arguments)

    def constants(self):
        """Constants of the plain types, added to an input."""
        x = self.ops.parameter([2, 2], np.float32, name="x")
        total = x
        for dtype in (np.float16, np.float64, np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint32, np.bool_):
            constant = self.ops.constant(np.array([[1, 0], [3, 1]], dtype))
            total = self.ops.add(total, self.ops.convert(constant, np.float32))
        return self.ov.Model([self.ops.result(total, name="y")], [x], "constants")

    def convolution(self):
        """Attributes that are lists, floats, booleans and enumerations."""
        ops = self.ops
        x = ops.parameter([-1, 3, 9, 9], np.float32, name="x")
        weights = ops.constant(np.linspace(-1, 1, 4 * 3 * 9, dtype=np.float32).reshape(4, 3, 3, 3))
        node = ops.convolution(x, weights, [2, 1], [1, 0], [0, 1], [1, 1])
        node = ops.avg_pool(node, [2, 1], [0, 0], [0, 1], [2, 2], True, "ceil", "explicit")
        values, places = ops.topk(node, ops.constant(np.int64(2)), 1, "max", "value").outputs()
        values.set_names({"best", "comma, in the name"})
        soft = ops.softmax(ops.relu(ops.clamp(values, -0.75, 0.5)), 1)
        return self.ov.Model([ops.result(soft, name="soft"), ops.result(places, name="places")], [x], "convolution")

    def state(self):
        """total := total + x from 10"""
        x = self.ops.parameter([1, 2], np.float32, name="x")
        total = self.ops.read_value(self.ops.constant(np.full((1, 2), 10, np.float32)), "total")
        added = self.ops.add(total, x)
        sink = self.ops.assign(added, "total")
        return self.ov.Model([self.ops.result(added, name="y")], [sink], [x], "state")

    def iterator(self):
        """Sums of the rows before each row, and of all."""
        ops = self.ops
        x, start = ops.parameter([4, 2, 3], np.float32, name="x"), ops.parameter([1, 2, 3], np.float32, name="start")
        part, before = ops.parameter([1, 2, 3], np.float32), ops.parameter([1, 2, 3], np.float32)
        body = self.ov.Model([ops.add(part, before)], [part, before], "body")
        node = self.bodied("tensor_iterator")
        node.set_body(body)
        node.set_sliced_input(part, x.output(0), -1, -1, 1, 0, 0)
        node.set_merged_input(before, start.output(0), body.results[0].output(0))
        last = node.get_iter_value(body.results[0].output(0), -1)
        every = node.get_concatenated_slices(body.results[0].output(0), 0, 1, 1, -1, 0)
        return self.ov.Model([ops.result(last, name="last"), ops.result(every, name="every")], [x, start], "iterator")

    def loop(self):
        """x + 0 + 1 + 2 + 3"""
        ops = self.ops
        x = ops.parameter([1, 2], np.float32, name="x")
        counter, value = ops.parameter([], np.int64), ops.parameter([1, 2], np.float32)
        added, going_on = ops.add(value, ops.convert(counter, np.float32)), ops.constant(np.array(True))
        body = self.ov.Model([added, going_on], [counter, value])
        node = self.bodied("loop", ops.constant(np.int64(4)), ops.constant(np.array(True)))
        node.set_function(body)
        node.set_special_body_ports([0, 1])
        node.set_merged_input(value, x.output(0), body.results[0].output(0))
        last = node.get_iter_value(body.results[0].output(0), -1)
        return self.ov.Model([ops.result(last, name="y")], [x], "loop")

    def choice(self):
        """2 x where the condition is true, else x * x"""
        ops = self.ops
        condition, x = ops.parameter([], np.bool_, name="condition"), ops.parameter([2], np.float32, name="x")
        a, b = ops.parameter([2], np.float32), ops.parameter([2], np.float32)
        node = self.bodied("if_op", condition.output(0))
        then, other = self.ov.Model([ops.add(a, a)], [a], "then"), self.ov.Model([ops.multiply(b, b)], [b], "other")
        node.set_then_body(then)
        node.set_else_body(other)
        node.set_input(x.output(0), a, b)
        chosen = node.set_output(then.results[0], other.results[0])
        return self.ov.Model([ops.result(chosen, name="y")], [condition, x], "choice")


def _inputs(random: np.random.Generator) -> dict[str, list[np.ndarray]]:
    return {
        "constants": [random.standard_normal((2, 2), np.float32)],
        "convolution": [random.standard_normal((2, 3, 9, 9), np.float32)],
        "state": [random.standard_normal((1, 2), np.float32)],
        "iterator": [random.standard_normal((4, 2, 3), np.float32), random.standard_normal((1, 2, 3), np.float32)],
        "loop": [random.standard_normal((1, 2), np.float32)],
        "choice": [np.array(False), random.standard_normal(2, np.float32)],
    }


INPUTS = _inputs(np.random.default_rng(5))
