"""ONNX models, translated into OpenVINO's operators.

    source.py       file or bytes -> ModelProto; messages.py lists the messages, wire.py decodes them
    tensors.py      TensorProto -> Constant; external.py finds and maps the files beside a model
    graphs.py       GraphProto -> nodes: order, names, scopes, bodies of control flow
    call.py         one ONNX node with its inputs and attributes, as translations see it
    reading.py      what of a node has no part in its result, and is refused
    fallback.py     what of an operator onnx.reference may carry out
    functions.py    operators that are defined by a function body, local or ONNX's own
    schemas.py      the attributes that operators have, by version
    survey.py       the list of what a model needs and this reader hasn't
    translations/   a function an operator, a file a family

The `onnx` package is imported for operators that have no translation, and for nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ...errors import ModelError
from ...graph import Model
from ..extensions import ConversionExtension as ConversionExtension
from ..extensions import OpExtension as OpExtension
from ..limits import Limits
from .call import Translation
from .external import ExternalData
from .graphs import FAULTS, build_model
from .scope import Library
from .source import file_bytes, parse
from .survey import check_operators, check_size
from .translations import TRANSLATIONS

Key = tuple[str, str]

# The name that OpenVINO gives models that it reads from .onnx files.
FILE_MODEL_NAME = "onnx_Frontend_IR"

# What rt_info calls the metadata_props of an ONNX model.
METADATA = "framework"


def read_onnx(
    source: str | os.PathLike[str] | bytes, added: Mapping[Key, Translation] | None = None, *, mapped: bool = True,
    limits: Limits = Limits(),
) -> Model:  # fmt: skip
    """The model in an .onnx file, or in the bytes of one.

    added: translations that the program adds, by domain and type of the operator.
    mapped: weights stay in the model's file, and in others of its folder, as far as they are aligned there; the files
    must not change then. Otherwise they are read into memory. A model given as bytes has no other files.

    Inputs, outputs and tensors have the names of the ONNX graph; the metadata_props are the notes
    below "framework" in rt_info.

    Raises ModelError when the source is not a valid model or needs an operator that is missing.
    """
    if isinstance(source, bytes):
        content, label, external = memoryview(source), "the ONNX model", ExternalData(None)
    else:
        path = os.fspath(source)
        content, label, external = file_bytes(path, mapped=mapped), repr(path), ExternalData(path, mapped=mapped)
    proto = parse(content, label)
    try:
        library = Library(proto, external, TRANSLATIONS, added, limits)
        check_size(proto, library)
        check_operators(proto, library)
        model = build_model(proto.graph, library)
    except ModelError as error:
        raise ModelError(f"{label}: {error}") from None
    except FAULTS as error:  # fields of impossible values
        raise ModelError(f"{label} is not valid: {type(error).__name__}: {error}") from error
    model.set_friendly_name((isinstance(source, bytes) and proto.graph.name) or FILE_MODEL_NAME)
    if proto.metadata_props:
        model.set_rt_info({prop.key: prop.value for prop in proto.metadata_props}, METADATA)
    return model
