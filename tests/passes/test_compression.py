"""Weights of a few bits stay compressed: what the pass recognizes, and that products are those of real weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite import Type
from ovlite import opset13 as ops
from ovlite.graph import Constant, Model
from ovlite.ops.compressed import CompressedMatMul, Decompress, packed_rows
from ovlite.ops.interpreter import evaluate_model
from ovlite.passes.pipeline import run_passes

from ..tolerances import sums
from .support import Array, model_of, parameter, random, types

DEPTH, COLUMNS, GROUP = 48, 20, 16


def codes_of(kind: str, *shape: int) -> Array:
    bits = int(kind[1:])
    low = -(1 << (bits - 1)) if kind[0] == "i" else 0
    return np.random.default_rng(bits).integers(low, low + (1 << bits), shape).astype(np.int64)


def reals(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).uniform(0.01, 0.02, shape).astype(np.float32)


def decompressed(kind: str, codes: Array, scale: Array, zero: Array | None, target: Any = np.float32) -> Any:
    """Convert, Subtract and Multiply, as exporters write them, in the type `target`."""
    real = ops.convert(ops.constant(codes, getattr(Type, kind)), target)
    if zero is not None:
        held = ops.constant(zero, getattr(Type, kind)) if zero.dtype.kind == "i" else ops.constant(zero.astype(target))
        real = ops.subtract(real, ops.convert(held, target) if zero.dtype.kind == "i" else held)
    real = ops.multiply(real, ops.constant(scale.astype(target)))
    return real if target is np.float32 else ops.convert(real, np.float32)


def assert_compressed(model: Model, *arrays: Array, magnitude: float = 1.0) -> list[Any]:
    """That no product is of real weights, and that results are those of the model as it was; the operators that
    remain."""
    expected = evaluate_model(model, list(arrays))
    changed = model.clone()
    run_passes(changed)
    found = [node.op for node in changed.get_ordered_ops()]
    assert "MatMul" not in types(changed)
    held = [node.array for node in changed.get_ordered_ops() if isinstance(node, Constant)]
    assert not any(array.dtype == np.float32 and array.size > DEPTH * COLUMNS // 2 for array in held)
    for mine, theirs in zip(evaluate_model(changed, list(arrays)), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, **sums(DEPTH, magnitude))
    return found


def only(found: list[Any], kind: type) -> Any:
    (op,) = [getattr(op, "inner", op) for op in found if isinstance(getattr(op, "inner", op), kind)]
    return op


@pytest.mark.parametrize("kind", ["u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("zero", [None, "one", "each"])
@pytest.mark.parametrize("target", [np.float32, np.float16])
@pytest.mark.parametrize("transposed", [False, True])
def test_scales_of_a_column(kind: str, zero: str | None, target: Any, transposed: bool) -> None:
    shape, each = ((COLUMNS, DEPTH), (COLUMNS, 1)) if transposed else ((DEPTH, COLUMNS), (1, COLUMNS))
    points = {None: None, "one": codes_of(kind, 1), "each": codes_of(kind, *each)}[zero]
    x = parameter(3, DEPTH)
    weights = decompressed(kind, codes_of(kind, *shape), reals(*each), points, target)
    found = assert_compressed(model_of(ops.matmul(x, weights, False, transposed), x), reals(3, DEPTH), magnitude=4)
    assert only(found, CompressedMatMul).rows == Decompress(int(kind[1:]), DEPTH, DEPTH)


@pytest.mark.parametrize("kind", ["i4", "u4", "u8"])
@pytest.mark.parametrize("real_zeros", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_scales_of_groups(kind: str, real_zeros: bool, first: bool) -> None:
    """Groups along the last axis of rows, or along the first one of columns."""
    groups = DEPTH // GROUP
    shape, each = ((groups, GROUP, COLUMNS), (groups, 1, COLUMNS)) if first else (
        (COLUMNS, groups, GROUP), (COLUMNS, groups, 1))  # fmt: skip
    zeros = reals(*each) * 100 if real_zeros else codes_of(kind, *each)
    weights = decompressed(kind, codes_of(kind, *shape), reals(*each), zeros)
    flat = ops.reshape(weights, [DEPTH, COLUMNS] if first else [COLUMNS, DEPTH], False)
    x = parameter(-1, 2, DEPTH)
    found = assert_compressed(model_of(ops.matmul(x, flat, False, not first), x), reals(3, 2, DEPTH), magnitude=4)
    assert only(found, CompressedMatMul).rows == Decompress(int(kind[1:]), DEPTH, GROUP)


def test_groups_are_found_where_each_element_has_a_scale() -> None:
    scales = np.repeat(reals(COLUMNS, DEPTH // GROUP), GROUP, axis=1)
    zeros = np.repeat(codes_of("u4", COLUMNS, DEPTH // 8), 8, axis=1)
    x = parameter(1, DEPTH)
    weights = decompressed("u4", codes_of("u4", COLUMNS, DEPTH), scales, zeros)
    model = model_of(ops.matmul(x, weights, False, True), x)
    changed = model.clone()
    run_passes(changed)
    assert only([node.op for node in changed.get_ordered_ops()], CompressedMatMul).rows == Decompress(4, DEPTH, 8)


def test_a_scale_for_each_element_is_folded() -> None:
    x = parameter(1, DEPTH)
    scales = np.random.default_rng(0).standard_normal((COLUMNS, DEPTH)).astype(np.float32)
    model = model_of(ops.matmul(x, decompressed("u8", codes_of("u8", COLUMNS, DEPTH), scales, None), False, True), x)
    run_passes(model)
    assert types(model) == ["MatMul"]


def test_bias_factors_and_residuals_become_a_part() -> None:
    x, residual = parameter(2, DEPTH), parameter(2, COLUMNS)
    y = ops.matmul(x, decompressed("i4", codes_of("i4", COLUMNS, DEPTH), reals(COLUMNS, 1), None), False, True)
    y = ops.add(ops.multiply(y, reals(COLUMNS) * 100), reals(COLUMNS))
    model = model_of(ops.relu(ops.add(y, residual)), x, residual)
    found = assert_compressed(model, reals(2, DEPTH), reals(2, COLUMNS), magnitude=4)
    assert sorted(op.type for op in found) == ["Constant"] * 4 + ["Fused", "Parameter", "Parameter", "Result"]


@pytest.mark.parametrize("kind, zero", [("i8", None), ("u8", "each"), ("u4", "one"), ("i4", None), ("u2", "one")])
@pytest.mark.parametrize("rows", [1, 5])
def test_rows_are_gathered_as_codes(kind: str, zero: str | None, rows: int) -> None:
    zeros = {None: None, "one": codes_of(kind, 1), "each": codes_of(kind, 90, 1)}[zero]
    table = decompressed(kind, codes_of(kind, 90, DEPTH), reals(90, 1), zeros, np.float16)
    indices = parameter(rows, 3, dtype=np.int64)
    found = assert_compressed(
        model_of(ops.gather(table, indices, 0), indices), np.random.default_rng(0).integers(-90, 90, (rows, 3))
    )
    assert only(found, Decompress) == Decompress(int(kind[1:]), DEPTH, DEPTH)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("each", [(COLUMNS, 1), (1, DEPTH)])
@pytest.mark.parametrize("kept", [1, 15, 20])
def test_the_first_columns_of_a_matrix(transposed: bool, each: tuple[int, int], kept: int) -> None:
    """Also where these are the columns of the result, each of which has its scale."""
    weights = decompressed("i4", codes_of("i4", COLUMNS, DEPTH), reals(*each), None)
    weights = ops.slice(weights, np.array([0]), np.array([kept]), np.array([1]), np.array([1]))
    x = random(3, kept if transposed else COLUMNS)
    given = parameter(*x.shape)
    _assert_unchanged(ops.matmul(given, weights, False, transposed), given, x)


@pytest.mark.parametrize("shape", [(0, DEPTH), (COLUMNS, 0), (0, 0)])
@pytest.mark.parametrize("transposed", [False, True])
def test_weights_without_elements(shape: tuple[int, int], transposed: bool) -> None:
    weights = decompressed("i8", codes_of("i8", *shape), np.ones((shape[0], 1), np.float32), None)
    x = random(3, shape[1] if transposed else shape[0])
    given = parameter(*x.shape)
    _assert_unchanged(ops.matmul(given, weights, False, transposed), given, x)


@pytest.mark.parametrize("scale", [np.inf, np.nan])
def test_scales_that_are_not_finite(scale: float) -> None:
    """0 times infinity is NaN in the weights already."""
    scales = reals(COLUMNS, 1)
    scales[3] = scale
    given, x = parameter(3, DEPTH), random(3, DEPTH)
    weights = decompressed("i4", codes_of("i4", COLUMNS, DEPTH), scales, None)
    _assert_unchanged(ops.matmul(given, weights, False, True), given, x)


def _assert_unchanged(result: Any, given: Any, x: Array) -> None:
    """That the passes keep what a model gives."""
    model = model_of(result, given)
    changed = model.clone()
    run_passes(changed)
    with np.errstate(invalid="ignore"):
        (mine,), (theirs,) = evaluate_model(changed, [x]), evaluate_model(model, [x])
    np.testing.assert_allclose(mine, theirs, **sums(DEPTH, 4))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 9])
def test_rows_are_packed_in_whole_bytes(bits: int, length: int) -> None:
    codes = np.random.default_rng(length).integers(0, 1 << bits, (3, length), np.uint8)
    packed = packed_rows(codes, bits)
    assert packed.shape == (3, -(-length * bits // 8))
    digits = np.unpackbits(packed, axis=1, bitorder="little")[:, : length * bits].reshape(3, length, bits)
    np.testing.assert_array_equal((digits << np.arange(bits)).sum(axis=2), codes)
