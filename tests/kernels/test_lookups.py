"""Programs of bytes that a table of 256 stands for, against the same instructions one by one in numpy."""

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.programs import with_lookups

from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")

U8, I8, F32 = map(np.dtype, ("uint8", "int8", "float32"))
LEAST = 4096  # elements of a result, for which a table is made


def silu(source, target):
    """x to bytes by way of x * sigmoid(x), whose sigmoid is rounded to bytes in between."""
    return [
        ("dequantize", 0, 0.05, 3.0),
        ("sigmoid", 1),
        ("quantize", 2, target, 1 / 255, 0.0 if target == U8 else -128.0),
        ("dequantize", 3, 1 / 255, 0.0 if target == U8 else -128.0),
        ("mul", 1, 4),
        ("quantize", 5, target, 0.03, 7.0),
    ]


def rounded(values, scale, zero, dtype):
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values / np.float32(scale)) + zero, limits.min, limits.max).astype(dtype)


def expected_silu(x, target):
    zero = np.float32(0 if target == U8 else -128)
    real = (x.astype(np.float32) - 3) * np.float32(0.05)
    gate = rounded(1 / (1 + np.exp(-real.astype(np.float64))), 1 / 255, zero, target)
    return rounded(real * ((gate.astype(np.float32) - zero) * np.float32(1 / 255)), 0.03, 7, target)


def run(program, reads, write, threads=1):
    views = [view_of(slot, array) for slot, array in enumerate(reads)]
    step = family("elementwise").Map(program, views, view_of(len(reads), write))
    run_steps([step], [*reads, write], threads)
    return write


def codes(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8).view(dtype)


@pytest.mark.parametrize("source", [U8, I8])
@pytest.mark.parametrize("target", [U8, I8])
@pytest.mark.parametrize("count", [LEAST - 1, LEAST, LEAST + 1, LEAST + 63, LEAST + 64, LEAST + 65, 3 * LEAST + 17])
def test_a_table_gives_what_the_instructions_give(source, target, count):
    x = codes((count,), source)
    found = run(silu(source, target), [x], np.empty(count, target), threads=2)
    apart = np.abs(found.astype(int) - expected_silu(x, target).astype(int))
    few = run(silu(source, target), [np.arange(256, dtype=np.uint8).view(source)], np.empty(256, target))
    assert apart.max() <= 1  # where a value of sigmoid in f32 lies on the other side of a tie
    np.testing.assert_array_equal(found, few[x.view(np.uint8)])


def test_strided_bytes_and_a_broadcast_one():
    x = codes((80, 70, 9), U8)[:, ::2, 1:8]
    all_codes = np.arange(256, dtype=np.uint8)
    table = run(silu(U8, U8), [all_codes], np.empty(256, U8))
    np.testing.assert_array_equal(run(silu(U8, U8), [x], np.empty(x.shape, U8)), table[x])
    row = codes((1, 35, 1), U8)
    np.testing.assert_array_equal(run(silu(U8, U8), [row], np.empty(x.shape, U8)), np.broadcast_to(table[row], x.shape))
    out = np.zeros((80, 35, 10), U8)
    np.testing.assert_array_equal(run(silu(U8, U8), [x], out[..., 2:9], threads=3), table[x])
    assert not out[..., :2].any() and not out[..., 9:].any()


def test_in_place():
    x = codes((LEAST + 100,), U8)
    expected = run(silu(U8, U8), [x], np.empty_like(x))
    run(silu(U8, U8), [x], x)
    np.testing.assert_array_equal(x, expected)


def test_a_table_within_a_program_of_several_reads():
    """Each operand's own function is a table; what adds them is not."""
    a, b = codes((5, LEAST), U8), codes((1, LEAST), I8, 1)
    program = [
        ("dequantize", 0, 0.1, 128.0),
        ("tanh", 2),
        ("quantize", 3, U8, 1 / 100, 100.0),
        ("dequantize", 4, 1 / 100, 100.0),
        ("dequantize", 1, 0.1, 0.0),
        ("clamp", 6, 0.0, 6.0),
        ("quantize", 7, U8, 1 / 40, 0.0),
        ("dequantize", 8, 1 / 40, 0.0),
        ("add", 5, 9),
        ("quantize", 10, U8, 1 / 20, 30.0),
    ]
    first = rounded(np.tanh((a.astype(np.float64) - 128) * np.float32(0.1)), 1 / 100, 100, U8)
    second = rounded(np.clip(b.astype(np.float32) * np.float32(0.1), 0, 6), 1 / 40, 0, U8)
    total = (first.astype(np.float32) - 100) * np.float32(1 / 100) + second.astype(np.float32) * np.float32(1 / 40)
    found = run(program, [a, b], np.empty(a.shape, U8))
    assert np.abs(found.astype(int) - rounded(total, 1 / 20, 30, U8).astype(int)).max() <= 1


def names(program, dtypes, fewest=3):
    operands = tuple(tuple((0,) if isinstance(o, float) else o for o in found) for found in operands_of(program))
    return [line[0] for line in with_lookups(tuple(program), operands, (*dtypes,), fewest)]


def operands_of(program):
    """The operands of instructions, as translate() gives them: without scales and types."""
    return [line[1:2] if line[0] in ("dequantize", "quantize", "convert", "sigmoid") else line[1:] for line in program]


def test_which_instructions_become_a_table():
    program = silu(U8, U8)
    dtypes = [U8, F32, F32, U8, F32, F32, U8]
    assert names(program, dtypes) == ["lookup"]
    assert names([*program, ("dequantize", 6, 0.03, 7.0)], [*dtypes, F32]) == ["lookup", "dequantize"]
    real = [("sigmoid", 0), ("quantize", 1, U8, 1.0, 0.0), ("dequantize", 2, 1.0, 0.0), ("quantize", 3, U8, 2.0, 0.0)]
    assert names(real, [F32, F32, U8, F32, U8]) == [line[0] for line in real]  # of an f32
    assert names([("dequantize", 0, 1.0, 0.0), ("quantize", 1, U8, 1.0, 0.0)], [U8, F32, U8]) != ["lookup"]
    assert names([("dequantize", 0, 1.0, 0.0), ("quantize", 1, U8, 1.0, 0.0)], [U8, F32, U8], fewest=2) == ["lookup"]
    two = [("dequantize", 0, 1.0, 0.0), ("dequantize", 1, 1.0, 0.0), ("mul", 2, 3), ("quantize", 4, U8, 1.0, 0.0)]
    assert names(two, [U8, U8, F32, F32, F32, U8]) == [line[0] for line in two]  # of two bytes
    whole = [("floor_div", 0, 3.0), ("floor_div", 1, 2.0), ("floor_div", 2, 2.0)]
    assert names(whole, [U8, U8, U8, U8]) == [line[0] for line in whole]  # which may divide by zero
