"""Conversions, type promotion, and simulated quantization."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Node, Parameter
from ovlite.ops import factories
from ovlite.ops.quantization import rounded_to_float8
from ovlite.types import PartialShape, Type

from .support import HAS_PEER, check, fixed


def parameter(element_type: str, shape: object) -> Parameter:
    return Parameter(Type._named(element_type), PartialShape(shape))


REAL = [-1.5, -0.5, 0, 0.3, 1.7, 100]
CUT = [-1, 0, 0, 0, 1, 100]


@pytest.mark.parametrize("destination", ["i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers_are_cut_toward_zero(destination: str, dtype: type) -> None:
    check("convert", np.array(REAL, dtype), destination, expected=np.array(CUT))


def test_unsigned_boolean_and_real_destinations() -> None:
    x = np.array([0, 0.3, 1.7, 255], np.float32)
    check("convert", x, "u8", expected=np.array([0, 0, 1, 255]))
    check("convert", x, "u64", expected=np.array([0, 0, 1, 255]))
    check("convert", x, "boolean", expected=np.array([False, True, True, True]))
    check("convert", x.astype(np.float64), "f32", expected=x)
    check("convert", x, np.float64, expected=x)
    check("convert", np.array([[True], [False]]), "f32", expected=np.array([[1], [0]]))
    assert factories(13)["convert"](x, Type.i16).output(0).element_type is Type.i16
    check("convert", np.array([0, 2, -1], np.int32), "boolean", expected=np.array([False, True, True]))


@pytest.mark.parametrize("source, destination", [*itertools.product(["i64", "i32", "u8"], ["i8", "u8", "i16", "u32"])])
def test_integers_lose_their_high_bits(source: str, destination: str) -> None:
    x = np.array([300, -300, 5, 70000, 127, 128]).astype(Type._named(source).to_dtype())
    check("convert", x, destination, expected=x.astype(Type._named(destination).to_dtype()))


def test_real_numbers_out_of_range_of_bytes_wrap() -> None:
    x = np.array([300, -300, -1.5], np.float32)
    check("convert", x, "u8", expected=np.array([44, 212, 255]))
    check("convert", x, "i8", expected=np.array([44, -44, -1]))


@pytest.mark.parametrize("destination", ["f16", "bf16"])
def test_short_real_types_are_computed_as_single(destination: str) -> None:
    node = factories(13)["convert"](parameter("i32", [2, -1]), destination)
    assert str(node.output(0).argument()) == f"{destination}[2,?]"
    (found,) = node.op.evaluate(np.array([[1, 2]], np.int32))
    assert found.dtype == np.float32 and found.tolist() == [[1, 2]]


def test_convert_like() -> None:
    x = np.array([[1.7, -3.2]], np.float32)
    check("convert_like", x, np.array([1], np.int8), expected=np.array([[1, -3]]))
    check("convert_like", x, fixed(np.array([True])), expected=np.array([[True, True]]))


def test_convert_passes_known_elements_on() -> None:
    node = factories(13)["convert"](np.array([2.5, 3.0]), "i64")
    assert node.output(0).argument().value.tolist() == [2, 3]


TYPES = [
    "boolean", "u1", "u4", "u8", "u16", "u32", "u64", "i4", "i8", "i16", "i32", "i64",
    "f8e4m3", "f8e5m2", "bf16", "f16", "f32", "f64",
]  # fmt: skip


def promote(left: Parameter, right: Parameter, **options: object) -> str:
    """The promoted type, "" for an error."""
    try:
        node: Node = factories(14)["convert_promote_types"](left, right, **options)
    except ModelError:
        return ""
    assert node.output(0).element_type is node.output(1).element_type
    return node.output(0).element_type.name


@pytest.mark.parametrize(
    "left, right, unsafe, expected",
    [
        ("u8", "i16", False, "i16"),
        ("u8", "i8", False, ""),
        ("u8", "i8", True, "i16"),
        ("u4", "i4", True, "i8"),
        ("u64", "i8", True, "f16"),
        ("i16", "f32", False, "f32"),
        ("i32", "f32", False, ""),
        ("i64", "f16", True, "f16"),
        ("boolean", "f16", False, "f16"),
        ("bf16", "f16", True, "f32"),
        ("f8e4m3", "f8e5m2", True, "f16"),
        ("f16", "f64", False, "f64"),
    ],
)
def test_promotion(left: str, right: str, unsafe: bool, expected: str) -> None:
    options = {"promote_unsafe": unsafe, "u64_integer_promotion_target": "f16"}
    assert promote(parameter(left, [2]), parameter(right, [2]), **options) == expected
    assert promote(parameter(right, [2]), parameter(left, [2]), **options) == expected


@pytest.mark.parametrize(
    "tensor, scalar, unsafe, expected",
    [("u8", "i64", True, "u8"), ("u8", "i64", False, ""), ("i32", "f16", True, "f16"), ("f16", "f64", True, "f16")],
)
def test_scalars_change_the_kind_only(tensor: str, scalar: str, unsafe: bool, expected: str) -> None:
    options = {"promote_unsafe": unsafe, "pytorch_scalar_promotion": True}
    assert promote(parameter(tensor, [2]), parameter(scalar, []), **options) == expected
    assert promote(parameter(scalar, []), parameter(tensor, [2]), **options) == expected


@pytest.mark.skipif(not HAS_PEER, reason="openvino is not installed")
@pytest.mark.parametrize("right_shape", [[2], []], ids=str)
@pytest.mark.parametrize("unsafe, scalars", [*itertools.product([False, True], repeat=2)])
def test_promotions_are_openvinos(right_shape: list[int], unsafe: bool, scalars: bool) -> None:
    import openvino

    options = {"promote_unsafe": unsafe, "pytorch_scalar_promotion": scalars}

    def peer(element_type: str, shape: list[int]) -> object:
        return openvino.op.Parameter(getattr(openvino.Type, element_type), openvino.PartialShape(shape))

    def peer_promote(left: str, right: str) -> str:
        try:
            node = openvino.opset14.convert_promote_types(peer(left, [2]), peer(right, right_shape), **options)
        except RuntimeError:
            return ""
        return str(node.get_output_element_type(0).get_type_name())

    wrong = [
        (left, right, mine, theirs)
        for left, right in itertools.product(TYPES, repeat=2)
        if (mine := promote(parameter(left, [2]), parameter(right, right_shape), **options))
        != (theirs := peer_promote(left, right))
    ]
    assert not wrong


def test_promotion_converts_both() -> None:
    left, right = np.array([[1], [2]], np.int32), np.array([0.5, 1.5], np.float32)
    check("convert_promote_types", left, right, promote_unsafe=True, expected=[left.astype(np.float32), right])
    with pytest.raises(ModelError, match="i32 and f32 can't be promoted .* set promote_unsafe"):
        factories(14)["convert_promote_types"](left, right)


def test_promotion_of_unknown_ranks_is_not_known() -> None:
    left, right = parameter("f16", "..."), parameter("f32", [])
    assert promote(left, right, promote_unsafe=True, pytorch_scalar_promotion=True) == "dynamic"


DATA = np.array([-5, -1, -0.99, -0.41, 0, 0.3, 0.51, 0.7, 1, 3, np.inf], np.float32)


def limits(*values: float) -> list[fixed]:
    return [fixed(np.float32(value)) for value in values]


@pytest.mark.parametrize("levels", [2, 5, 256])
@pytest.mark.parametrize(
    "ends", [(-1, 1, 0, 10), (-1, 1, 10, 0), (-1, 1, -1, 1), (1, -1, 0, 10), (0, 0.5, 3, 3)], ids=str
)
def test_fake_quantize(ends: tuple[float, ...], levels: int) -> None:
    low, high, out_low, out_high = ends
    scaled = np.clip((DATA.astype(np.float64) - low) / (high - low), -10, 10) * (levels - 1)
    expected = np.rint(scaled) / (levels - 1) * (out_high - out_low) + out_low
    expected[max(low, high) < DATA] = out_high
    expected[min(low, high) >= DATA] = out_low
    check("fake_quantize", DATA, *limits(*ends), levels, expected=expected)


def test_fake_quantize_by_channel() -> None:
    x = np.random.default_rng(23).normal(size=(2, 3, 4)).astype(np.float32)
    low, high = (np.array(values, np.float32).reshape(3, 1) for values in ([-1, -2, -0.5], [1, 1.5, 2]))
    steps = np.rint((np.clip(x, low, high) - low) / (high - low) * 15)
    expected = steps / 15 * (high - low) + low
    check("fake_quantize", x, fixed(low), fixed(high), fixed(low), fixed(high), 16, expected=expected, atol=1e-5)
    check("fake_quantize", x, low, high, low, high, 16, expected=expected, peer="", atol=1e-5)


def test_fake_quantize_errors() -> None:
    with pytest.raises(ModelError, match="levels to be at least 2, got 1"):
        factories(13)["fake_quantize"](DATA, *[np.float32(1)] * 4, 1)
    with pytest.raises(ModelError, match="can't be broadcast"):
        factories(13)["fake_quantize"](DATA, *[np.ones(3, np.float32)] * 4, 16)


# Numbers and what they are in each format: nearest, ties to even, below normal numbers in steps of the least one.
FLOAT8 = {
    "f8e4m3": ([0, 1.06, 1.07, 17, 18, 449, -1e6, 2**-10, 3 * 2**-10], [0, 1, 1.125, 16, 18, 448, -448, 0, 2**-8]),
    "f8e5m2": (
        [0, 1.1, 1.13, 17, 480, -1e6, 2**-16, 2**-17, 3 * 2**-17],
        [0, 1, 1.25, 16, 512, -57344, 2**-16, 0, 2**-15],
    ),
}


@pytest.mark.parametrize("name", FLOAT8)
def test_fake_convert(name: str) -> None:
    x, expected = (np.array(values, np.float32) for values in FLOAT8[name])
    check("fake_convert", x, fixed(np.float32(1)), None, name, expected=expected)
    assert np.isnan(rounded_to_float8(np.array([np.nan], np.float32), name)).all()


def test_fake_convert_scales_and_shifts() -> None:
    x, scale, shift = np.array([[1.3, 2.7]], np.float32), np.float32([2, 4]), np.float32([0.5, 0])
    expected = (rounded_to_float8(x * scale - shift, "f8e4m3") + shift) / scale
    assert expected.tolist() == [[1.25, 2.75]]
    check("fake_convert", x, fixed(scale), fixed(shift), expected=expected)
    with pytest.raises(ModelError, match="destination_type to be one of f8e4m3, f8e5m2, got 'f16'"):
        factories(13)["fake_convert"](x, scale, shift, "f16")
    with pytest.raises(ModelError, match=r"scale \[3\] can't be broadcast to \[1,2\]"):
        factories(13)["fake_convert"](x, np.ones(3, np.float32))
