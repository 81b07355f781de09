"""RandomUniform and Multinomial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.ops.randomness import philox
from ovlite.types import Type

from .support import check, fixed
from .test_shape import shape_of, tensor

F = factories(16)
SEEDS = [(150, 10), (0, 10), (3, 0), (2**40 + 5, 2**35 + 7)]


def uniform(low: Any, high: Any, output_type: str, *seeds: Any) -> np.ndarray:
    dtype = Type._named(output_type).to_dtype()
    bounds = np.array(low, dtype), np.array(high, dtype)
    op = F["random_uniform"]([1000], *bounds, output_type, *seeds).op
    return np.asarray(op.evaluate(np.array([1000]), *bounds)[0])


@pytest.mark.parametrize("alignment", ["tensorflow", "pytorch"])
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize(
    ("output_type", "low", "high"),
    [("f32", 0, 1), ("f32", -3, 7), ("f64", -5, 100), ("i32", -5, 100), ("i64", -5, 100), ("i64", -5, 2**40)],
)
def test_the_numbers_are_openvinos(
    alignment: str, seeds: tuple[int, int], output_type: str, low: float, high: float
) -> None:
    dtype = Type._named(output_type).to_dtype()
    bounds = fixed(np.array(low, dtype)), fixed(np.array(high, dtype))
    peer = "reference" if output_type.endswith("64") else "cpu"  # the CPU plugin draws 64-bit types from 32 bits
    check("random_uniform", fixed(np.array([5, 3])), *bounds, output_type, *seeds, alignment, peer=peer)


def test_philox_gives_its_authors_known_answers() -> None:
    assert [f"{word:08x}" for word in philox(0, 0, 1)[0]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


def test_pytorch_alignment_is_a_mersenne_twister() -> None:
    found = uniform(0, 1, "f32", 0, 10, "pytorch")[:2]
    np.testing.assert_allclose(
        found, [0.49625658988952637, 0.7682217955589294], rtol=1e-7
    )  # torch.manual_seed(0); torch.rand(2)


@pytest.mark.parametrize("output_type", ["f32", "f64", "i32", "i64"])
def test_numbers_fill_the_interval(output_type: str) -> None:
    found = uniform(-2, 3, output_type, 7, 8)
    assert found.min() >= -2
    assert found.max() < 3
    counts = np.unique(np.floor(found), return_counts=True)[1]
    assert len(counts) == 5
    assert counts.min() > 100


def test_half_precision_is_drawn_as_f32() -> None:
    op = F["random_uniform"]([4], np.array(0, np.float16), np.array(1, np.float16), "f16", 1, 2).op
    assert op.evaluate(np.array([4]), np.float32(0).reshape(()), np.float32(1).reshape(()))[0].dtype == np.float32


def test_a_seed_decides_the_numbers() -> None:
    np.testing.assert_array_equal(uniform(0, 1, "f32", 1, 2), uniform(0, 1, "f32", 1, 2))
    assert (uniform(0, 1, "f32", 1, 2) != uniform(0, 1, "f32", 1, 3)).mean() > 0.9
    assert (uniform(0, 1, "f32") != uniform(0, 1, "f32")).mean() > 0.9
    assert F["random_uniform"]([1], np.array(0.0), np.array(1.0), "f64").op.stateful


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2], 1.0, 1.0, "f64"), "min_val 1.0 is less than max_val 1.0"),
        (([2], 0, 1, "f32"), "min_val to be of output_type f32, got i64"),
        (([2], 0, 1, "u8"), "output_type to be f16, bf16, f32, f64, i32 or i64, got u8"),
        (([2], 0, 1, "i64", 0, 0, "odd"), "alignment to be one of tensorflow, pytorch, got 'odd'"),
        (([2], 0, 1, "i64", -1), "seeds are not negative"),
        (([2.5], 0, 1, "i64"), "the elements of output_shape to be integers"),
    ],
)
def test_random_uniform_refuses(arguments: Any, message: str) -> None:
    shape, low, high, *rest = arguments
    with pytest.raises(ModelError, match=message):
        F["random_uniform"](np.array(shape), np.array(low), np.array(high), *rest)


PROBS = np.array([[1, 2, 3, 4], [4, 3, 0, 1]], np.float32)


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("with_replacement", [True, False])
@pytest.mark.parametrize("log_probs", [True, False])
def test_multinomial(seeds: tuple[int, int], with_replacement: bool, log_probs: bool) -> None:
    probs = np.log(PROBS + 0.1) if log_probs else PROBS
    check("multinomial", probs, fixed(np.array(3)), "i32", with_replacement, log_probs, *seeds)


def test_multinomial_follows_the_probabilities() -> None:
    op = F["multinomial"](tensor("2,4"), np.array(4000), "i64", True, False, 1, 1).op
    found = op.evaluate(PROBS, np.array(4000))[0]
    for row, probs in zip(found, PROBS, strict=True):
        share = np.bincount(row, minlength=4) / 4000
        np.testing.assert_allclose(share, probs / probs.sum(), atol=4 * np.sqrt(0.25 / 4000))


def test_without_replacement_no_class_comes_twice() -> None:
    op = F["multinomial"](tensor("1,6"), np.array(6), "i64", False, False, 1, 1).op
    assert sorted(op.evaluate(np.ones((1, 6), np.float32), np.array(6))[0][0].tolist()) == [0, 1, 2, 3, 4, 5]


def test_multinomial_refuses() -> None:
    assert shape_of(F["multinomial"](tensor("?,4"), tensor("", Type.i64), "i64", True, False)) == "[?,?]"
    with pytest.raises(ModelError, match="at least 5 classes for as many samples without replacement, got 4"):
        F["multinomial"](tensor("2,4"), np.array(5), "i64", False, False)
    with pytest.raises(ModelError, match="probs to have rank 2"):
        F["multinomial"](tensor("4"), np.array(1), "i64", True, False)
    with pytest.raises(ModelError, match="convert_type to be i32 or i64, got f32"):
        F["multinomial"](tensor("2,4"), np.array(1), "f32", True, False)
