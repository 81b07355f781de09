"""Operators that fail on what they are given: all errors name the operator, its node and the shapes of its operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import ovlite
import ovlite.opset15 as ops
from ovlite.graph import failures as graph_failures
from ovlite.kernels.runtime import failures as kernel_failures
from ovlite.ops.interpreter import evaluate_model

F32, I64, I32 = np.float32, np.int64, np.int32
NAME = "the node"


class Failure(NamedTuple):
    """An operator, the shapes that its inputs are declared with, and arrays that it can't take."""

    type: str
    make: Callable[..., Any]
    shapes: list[list[int]]
    values: list[np.ndarray]
    text: str


def table(*shape: int) -> np.ndarray:
    return np.zeros(shape, F32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


def one(value: int) -> np.ndarray:
    return np.array(value, I64)


OUT = "out of range"
FAILURES = [
    Failure("Gather", lambda x, i: ops.gather(x, i, one(0)), [[4, 2], [1]], [table(4, 2), ints(7)], OUT),
    Failure("GatherElements", lambda x, i: ops.gather_elements(x, i, 0), [[4, 2], [1, 2]],
            [table(4, 2), np.array([[1, 7]])], OUT),
    Failure("GatherND", ops.gather_nd, [[4, 2], [1, 1]], [table(4, 2), np.array([[7]])], OUT),
    Failure("ScatterUpdate", lambda x, i, u: ops.scatter_update(x, i, u, one(0)), [[4, 2], [1], [1, 2]],
            [table(4, 2), ints(7), table(1, 2)], OUT),
    Failure("ScatterElementsUpdate", lambda x, i, u: ops.scatter_elements_update(x, i, u, one(0)),
            [[4, 2], [1, 2], [1, 2]], [table(4, 2), np.array([[7, 0]]), table(1, 2)], OUT),
    Failure("ScatterNDUpdate", ops.scatter_nd_update, [[4, 2], [1, 1], [1, 2]],
            [table(4, 2), np.array([[7]]), table(1, 2)], OUT),
    Failure("Divide", ops.divide, [[3], [3]], [ints(1, 2, 3), ints(1, 0, 1)], "divided by zero"),
    Failure("Mod", ops.mod, [[3], [3]], [ints(1, 2, 3), ints(1, 0, 1)], "divided by zero"),
    Failure("FloorMod", ops.floor_mod, [[3], [3]], [ints(1, 2, 3), ints(1, 0, 1)], "divided by zero"),
    Failure("Reshape", lambda x, s: ops.reshape(x, s, False), [[-1], [2]], [table(7), ints(2, 3)], "7 elements"),
    Failure("Squeeze", lambda x: ops.squeeze(x, ints(0)), [[-1, 3]], [table(2, 3)], "length other than 1"),
    Failure("Unsqueeze", ops.unsqueeze, [[2, 3], [1]], [table(2, 3), ints(9)], OUT),
    Failure("MatMul", lambda a, b: ops.matmul(a, b, False, False), [[-1, -1], [3, 2]], [table(2, 4), table(3, 2)],
            "inner dimensions|core dimension"),
    Failure("Add", ops.add, [[-1], [-1]], [table(2), table(3)], "broadcast"),
    Failure("Concat", lambda a, b: ops.concat([a, b], 0), [[-1, 2], [-1, -1]], [table(2, 2), table(3, 3)], "joined"),
    Failure("VariadicSplit", lambda x, s: ops.variadic_split(x, one(0), s), [[4], [2]], [table(4), ints(2, 3)], "sum"),
    Failure("Split", lambda x: ops.split(x, one(0), 2), [[-1]], [table(5)], "equal pieces"),
    Failure("TopK", lambda x, k: ops.topk(x, k, 0, "max", "value"), [[3], []], [table(3), one(5)], "k is 5"),
    Failure("Range", lambda s: ops.range(one(0), one(5), s, "i64"), [[]], [one(0)], "step|by 0"),
    Failure("Slice", lambda x, s: ops.slice(x, ints(0), ints(4), s), [[4], [1]], [table(4), ints(0)], "step is 0"),
    Failure("Pad", lambda x, s: ops.pad(x, s, ints(0), "reflect"), [[4], [1]], [table(4), ints(9)], "reflect"),
    Failure("Transpose", ops.transpose, [[4, 2], [2]], [table(4, 2), ints(0, 0)], "permutation"),
    Failure("Interpolate", lambda x, s: ops.interpolate(x, s, "nearest", "sizes", axes=ints(2, 3)), [[1, 1, 4, 4], [2]],
            [table(1, 1, 4, 4), ints(-2, 4)], "-2"),
    Failure("Convolution", lambda x: ops.convolution(x, table(2, 3, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1]),
            [[1, -1, 5, 5]], [table(1, 4, 5, 5)], "4 channels|cannot reshape"),
    Failure("ReduceSum", ops.reduce_sum, [[2, 3], [1]], [table(2, 3), ints(5)], OUT),
    Failure("CumSum", ops.cum_sum, [[2, 3], []], [table(2, 3), one(5)], OUT),
    Failure("ReverseSequence", lambda x, n: ops.reverse_sequence(x, n, 1, 0), [[3, 2], [2]], [table(3, 2), ints(9, 1)],
            f"lengths|{OUT}"),
    Failure("EmbeddingBagPackedSum", ops.embedding_bag_packed_sum, [[4, 2], [1, 3]],
            [table(4, 2), np.array([[0, 9, 1]])], OUT),
    Failure("Roll", lambda x, a: ops.roll(x, ints(1), a), [[4], [1]], [table(4), ints(5)], OUT),
    Failure("Einsum", lambda a, b: ops.einsum([a, b], "ijk,jkl->il"), [[-1] * 3] * 2,
            [table(1, 2, 3), table(3, 2, 1)], "label 'j'"),
    Failure("OneHot", lambda x, d: ops.one_hot(x, d, F32(1), F32(0), -1), [[3], []], [ints(0, 0, 0), one(-2)], "depth"),
    Failure("MaxPool", lambda x: ops.max_pool(x, [1], [1], [0], [0], [4]), [[1, 1, -1]], [table(1, 1, 2)], "window"),
    Failure("ROIAlign", lambda x, i: ops.roi_align(x, table(1, 4), i, 2, 2, 2, 1.0, "avg"), [[1, 2, 4, 4], [1]],
            [table(1, 2, 4, 4), ints(9)], "9"),
    Failure("GatherTree", lambda x: ops.gather_tree(x, x, np.array([9], I32), I32(0)), [[2, 1, 2]],
            [np.full((2, 1, 2), 7, I32)], OUT),
]  # fmt: skip


def inputs(failure: Failure) -> list[Any]:
    shapes = zip(failure.shapes, failure.values, strict=True)
    return [ops.parameter(shape, value.dtype.type) for shape, value in shapes]


def named(failure: Failure, parameters: list[Any]) -> Any:
    node = failure.make(*parameters)
    node.set_friendly_name(NAME)
    return node


def whole(failure: Failure) -> ovlite.Model:
    parameters = inputs(failure)
    return ovlite.Model([named(failure, parameters).output(0)], parameters)


def staged(failure: Failure) -> ovlite.Model:
    """What fails is in a stage behind the first."""
    parameters = inputs(failure)
    last = parameters[-1]
    many = ops.reshape(ops.non_zero(ops.convert(ops.equal(last, last), "f32")), ints(-1), False)
    none = ops.reduce_prod(ops.multiply(many, one(0)), ints(0), False)  # 0, when all elements are there
    late = ops.add(last, ops.convert_like(none, last))
    return ovlite.Model([named(failure, [*parameters[:-1], late]).output(0)], parameters)


def looped(failure: Failure) -> ovlite.Model:
    outer = inputs(failure)
    inner = inputs(failure)
    body = ovlite.Model([ops.constant(np.array(True)).output(0), named(failure, inner).output(0)], inner)
    loop = ops.loop(one(2), np.array(True))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 0])
    for mine, its in zip(inner, outer, strict=True):
        loop.set_invariant_input(mine, its.output(0))
    return ovlite.Model([loop.get_iter_value(body.results[1].output(0), -1)], outer)


def expected(failure: Failure) -> str:
    shapes = r"\[.*\], ".join([".*"] * len(failure.values))
    return rf"(?s){failure.type} '{NAME}' .*of {shapes}\[.*\].*: .*({failure.text})"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [whole, staged, looped])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.type)
def test_failures_of_a_run(failure: Failure, make: Callable[[Failure], ovlite.Model], threads: int) -> None:
    compiled = ovlite.compile_model(make(failure), "CPU", {"INFERENCE_NUM_THREADS": threads})
    with pytest.raises(RuntimeError, match=expected(failure)):
        compiled(failure.values)
    request = compiled.create_infer_request()
    request.start_async(failure.values)
    with pytest.raises(RuntimeError, match=expected(failure)):
        request.wait()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize("factory", [ops.divide, ops.mod, ops.floor_mod])
def test_no_integer_is_divided_by_zero(factory: Callable[..., Any], dtype: Any) -> None:
    x, y = ops.parameter([3], dtype), ops.parameter([3], dtype)
    compiled = ovlite.compile_model(ovlite.Model([factory(x, y)], [x, y]), "CPU")
    with pytest.raises(RuntimeError, match="an integer is divided by zero"):
        compiled([np.array([5, 7, 9], dtype), np.array([1, 0, 2], dtype)])


@pytest.mark.parametrize(
    "failure",
    [f for f in FAILURES if f.type != "Interpolate"],  # its lengths are looked at when it is made
    ids=lambda failure: failure.type,
)
def test_failures_of_the_interpreter(failure: Failure) -> None:
    with pytest.raises(RuntimeError, match=expected(failure)):
        evaluate_model(whole(failure), failure.values)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.type)
def test_failures_on_constants(failure: Failure) -> None:
    """When a node is made, when the model is compiled, or when it runs: the branch of an If may never do."""
    with pytest.raises(RuntimeError, match=rf"{failure.type} .* of .*\[.*\].*: .*({failure.text})"):
        x = ops.parameter([1], F32)
        node = failure.make(*[ops.constant(value) for value in failure.values])
        ovlite.compile_model(ovlite.Model([x.output(0), node.output(0)], [x]), "CPU")(np.ones(1, F32))


def test_what_is_given_to_a_failing_step_is_told() -> None:
    compiled = ovlite.compile_model(whole(FAILURES[0]), "CPU")
    with pytest.raises(RuntimeError, match=r"'the node' of f32\[4,2\], i64\[1\], .*it was given i64\[1\] from 7 to 7"):
        compiled(FAILURES[0].values)


def test_of_operators_in_one_step_those_that_can_fail_are_named() -> None:
    x, y = ops.parameter([3], I32), ops.parameter([3], I32)
    quotient = ops.divide(ops.add(x, x), y)
    quotient.set_friendly_name("quotient")
    compiled = ovlite.compile_model(ovlite.Model([ops.abs(quotient)], [x, y]), "CPU")
    with pytest.raises(RuntimeError, match=r"^Divide 'quotient' of i32\[3\], i32\[3\]: an integer is divided by zero"):
        compiled([np.ones(3, I32), np.zeros(3, I32)])


class Odd(ovlite.Op):
    """An operation written in Python whose evaluation raises."""

    def __init__(self, inputs: Any = None) -> None:
        super().__init__(self, inputs)

    def validate_and_infer_types(self) -> None:
        self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

    def clone_with_new_inputs(self, new_inputs: Any) -> Odd:
        return Odd(new_inputs)

    def evaluate(self, outputs: Any, inputs: Any) -> bool:
        raise KeyError("no such key")

    def has_evaluate(self) -> bool:
        return True


def test_operations_written_in_python() -> None:
    x = ops.parameter([2, 3], F32)
    odd = Odd([x])
    odd.set_friendly_name("mine")
    compiled = ovlite.compile_model(ovlite.Model([odd], [x]), "CPU")
    with pytest.raises(RuntimeError, match=r"Odd 'mine' of f32\[2,3\]: KeyError: 'no such key'"):
        compiled([table(2, 3)])


def test_what_counts_as_a_failure_is_the_same_in_steps_and_in_evaluations() -> None:
    assert kernel_failures.FAILURES == graph_failures.FAILURES
