"""The constants that translations make."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.frontend.onnx.build import of_type
from ovlite.graph import Constant
from ovlite.graph.constants import constant_array
from ovlite.types import Type


def elements(values: object, name: str) -> np.ndarray:
    node = of_type(values, Type._named(name)).node
    assert isinstance(node, Constant) and node.output(0).element_type.name == name
    return constant_array(node)


@pytest.mark.parametrize("name", ["f32", "f64", "f16", "bf16", "f8e4m3", "f8e5m2", "i64", "i8", "u8", "i4", "u4"])
def test_values_are_encoded_in_the_type(name: str) -> None:
    np.testing.assert_array_equal(elements([[0, 1, 2], [3, 4, 6]], name), [[0, 1, 2], [3, 4, 6]])
    assert elements(1, name).shape == ()


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF])
def test_nan_of_any_payload_stays_nan_in_bf16(bits: int) -> None:
    values = np.array([bits, 0x7F800000, 0xFF800000], np.uint32).view(np.float32)
    np.testing.assert_array_equal(elements(values, "bf16"), values)
