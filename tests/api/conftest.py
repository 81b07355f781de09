"""The API suite runs on ovlite, and on openvino when that is installed: what both pass is the contract."""

import importlib
import logging

import numpy as np
import pytest

# openvino's CompiledModel may deadlock when it goes while a thread of its own still lets go of a callback.
KEPT = []


class Lab:
    """The module under test, and small models built with its own node factories."""

    def __init__(self, name):
        self.name = name
        self.ov = importlib.import_module(name)
        self.ops = importlib.import_module(f"{name}.opset13")

    def submodule(self, name):
        return importlib.import_module(f"{self.name}.{name}")

    def compile(self, model, **config):
        """Compiled in IEEE f32, which is not openvino's default on every processor."""
        compiled = self.ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"} | config)
        if self.name == "openvino":
            KEPT.append(compiled)
        return compiled

    def parameter(self, shape=(2, 3), dtype=np.float32, name="x"):
        return self.ops.parameter(list(shape), dtype, name=name)

    def plus_one(self, shape=(2, 3), dtype=np.float32):
        """y = x + 1"""
        x = self.parameter(shape, dtype)
        one = self.ops.constant(np.array(1, dtype))
        return self.ov.Model([self.ops.result(self.ops.add(x, one), name="y")], [x], "plus_one")

    def add(self, shape=(2, 3), dtype=np.float32):
        """y = a + b"""
        a, b = self.parameter(shape, dtype, "a"), self.parameter(shape, dtype, "b")
        return self.ov.Model([self.ops.result(self.ops.add(a, b), name="y")], [a, b], "add")

    def two_outputs(self):
        """sum = a + b, difference = a - b"""
        a, b = self.parameter(name="a"), self.parameter(name="b")
        total = self.ops.result(self.ops.add(a, b), name="sum")
        difference = self.ops.result(self.ops.subtract(a, b), name="difference")
        return self.ov.Model([total, difference], [a, b], "two_outputs")

    def passing(self, shape=(2, 3), dtype=np.float32):
        """The output is x."""
        x = self.parameter(shape, dtype)
        return self.ov.Model([self.ops.result(x, name="y")], [x], "passing")

    def accumulating(self):
        """y = total := total + x, from total = 10"""
        x = self.parameter((1, 2))
        total = self.ops.read_value(self.ops.constant(np.full((1, 2), 10, np.float32)), "total")
        added = self.ops.add(total, x)
        sink = self.ops.assign(added, "total")
        return self.ov.Model([self.ops.result(added, name="y")], [sink], [x], "accumulating")

    def slow(self, steps=12, size=700):
        """A chain of matrix products that takes some tens of milliseconds; a zero input gives zeros."""
        x = self.parameter((size, size))
        weights = self.ops.constant(np.full((size, size), 1e-3, np.float32))
        node = x
        for _ in range(steps):
            node = self.ops.matmul(node, weights, False, False)
        return self.ov.Model([self.ops.result(node, name="y")], [x], "slow")

    def choosy(self):
        """y = x in rows of 3: a run fails when x has no multiple of 3 elements."""
        x = self.parameter((-1,))
        rows = self.ops.reshape(x, self.ops.constant(np.array([-1, 3], np.int64)), False)
        return self.ov.Model([self.ops.result(self.ops.add(rows, np.float32(0)), name="y")], [x], "choosy")


@pytest.fixture(params=["ovlite", "openvino"])
def lab(request):
    if request.param == "openvino":
        pytest.importorskip("openvino")
    return Lab(request.param)


@pytest.fixture
def mine():
    """ovlite alone: where it is defined and openvino is not, or does better on purpose."""
    return Lab("ovlite")


@pytest.fixture
def A():
    return np.arange(6, dtype=np.float32).reshape(2, 3)


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def logging_as_before():
    """openvino's converter changes the root logger, and with it what caplog sees in later tests."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(disabled)
