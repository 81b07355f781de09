"""Forms that onnx.reference may evaluate: operators with the attributes that tests hold against something independent.

onnx.reference ignores some attributes and computes some forms wrongly. Each row here has its cases in
tests/frontend/test_onnx_reference.py, which name the same attributes; all else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...errors import ModelError
from ...graph import Output
from ...ops.reference import has_reference, reference_node
from .call import Call
from .functions import NEEDS_ONNX, is_installed
from .reading import described, is_default, shown
from .schemas import Schema
from .scope import domain_of


class Row(NamedTuple):
    """attributes: the names of those that may have other values than their defaults, between spaces.

    wrong: what forms of the operator are not right, None for the others.
    """

    attributes: str = ""
    wrong: Callable[[Call], str | None] = lambda call: None


def _only(name: str, default: str, *values: str) -> Callable[[Call], str | None]:
    """Refuses other values of an attribute of text."""

    def wrong(call: Call) -> str | None:
        found = call.text(name, default)
        return None if found in values else f"{name} {found!r}, which is none of {', '.join(values)}"

    return wrong


def _resize(call: Call) -> str | None:
    """The reason why a form of Resize is refused, or None.

    Where corners are aligned, implementations differ in whether a length that scales give may be a fraction. In
    pytorch_half_pixel the place of an axis's only element is another; in half_pixel_symmetric, places that ought to
    be whole numbers are rounded.
    """
    mode = call.text("coordinate_transformation_mode", "half_pixel")
    if mode in ("align_corners", "tf_crop_and_resize") and call.optional(3) is None:
        return f"coordinate_transformation_mode {mode} with scales that meet no known shape: give sizes"
    if mode == "half_pixel_symmetric":
        return f"coordinate_transformation_mode {mode} of data or sizes that are not known"
    if mode == "pytorch_half_pixel" and 1 in (call.known_integers(3) or [1])[-2:]:
        return f"coordinate_transformation_mode {mode} with a size that may be 1, of data that meets no known shape"
    return None


_RANDOM = "dtype seed "
ROWS: dict[str, Row] = {
    "BatchNormalization": Row("epsilon momentum training_mode"),
    "BitCast": Row("to"),
    "Cast": Row("to round_mode"),
    "Col2Im": Row("dilations pads strides"),
    "CumProd": Row("exclusive reverse"),
    "DFT": Row("axis inverse onesided"),
    "Det": Row(),
    "Dropout": Row("seed"),
    "GridSample": Row("align_corners mode padding_mode", _only("mode", "linear", "linear", "bilinear", "nearest")),
    "ImageDecoder": Row("pixel_format"),
    "MaxUnpool": Row("kernel_shape pads strides"),
    "MelWeightMatrix": Row("output_datatype"),
    "Pad": Row("mode"),
    "RandomNormal": Row(_RANDOM + "mean scale shape"),
    "RandomNormalLike": Row(_RANDOM + "mean scale"),
    "RandomUniform": Row(_RANDOM + "high low shape"),
    "RandomUniformLike": Row(_RANDOM + "high low"),
    "Resize": Row(
        "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
        "keep_aspect_ratio_policy mode nearest_mode",
        _resize,
    ),
    "RoiAlign": Row("coordinate_transformation_mode mode output_height output_width sampling_ratio spatial_scale"),
    "TensorScatter": Row("axis mode"),
}


def is_referred(domain: str, op_type: str, version: int) -> bool:
    """Return whether some form of an operator may be carried out by onnx.reference."""
    return domain == "" and op_type in ROWS and has_reference(op_type, version)


def check_referred(call: Call, schema: Schema) -> None:
    """Raises ModelError for a node that onnx.reference is not known to carry out rightly."""
    row = ROWS.get(call.op_type) if domain_of(call.proto) == "" else None
    if row is None:
        raise ModelError(f"this form of the operator is not supported: {described(call)}")
    for attribute in call.proto.attribute:
        if attribute.name not in row.attributes.split() and not is_default(attribute, schema):
            raise ModelError(f"attribute {shown(attribute)} is not supported in this form of the operator")
    wrong = row.wrong(call)
    if wrong is not None:
        raise ModelError(f"this form of the operator is not supported: it has {wrong}")
    if not is_installed():
        raise ModelError(f"this form of the operator {NEEDS_ONNX}")


def reference_outputs(call: Call) -> Sequence[Output | None]:
    """The outputs of a node that onnx.reference carries out; None where the node leaves an output out."""
    numbers = iter(range(len(call.inputs)))
    inputs = ["" if value is None else f"i{next(numbers)}" for value in call.inputs]
    outputs = [f"o{i}" if name else "" for i, name in enumerate(call.outputs)]
    node = call.proto.but(name="", input=inputs, output=outputs)
    present = [value for value in call.inputs if value is not None]
    found = iter(reference_node(call.op_type, node.encoded(), call.version, present, call.scope.library.ir_version))
    return [next(found) if name else None for name in outputs]
