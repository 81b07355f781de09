"""Feature operators: scaling, normalization, imputation, selection, joining, one-hot encoding."""

from __future__ import annotations

import numpy as np

from .....errors import ModelError
from .....graph import Constant, Node, Output
from .....ops.lookup import Lookup
from .....types import Type
from ...build import converted, ints, of_type, one, ops, rank, reshaped, typed
from ...call import Call, Translated, Translation, known
from ...messages import TensorProto
from ...tensors import constant
from ..text import texts
from .scores import table


def scaler(call: Call) -> Translated:
    """(x - offset) * scale in f32, one of each for all features or for each."""
    x = converted(call.input(0), Type.f32)
    offset, scale = (
        of_type(call.decimals(name, [default]), Type.f32) for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    return ops.multiply(ops.subtract(x, offset), scale)


def normalizer(call: Call) -> Translated:
    """Rows divided by their largest element, the sum of magnitudes, or their length; rows of zeros stay."""
    x = converted(call.input(0), Type.f32)
    norm, axis = call.text("norm", "MAX"), ints([-1])
    if norm == "MAX":
        size = one(ops.reduce_max(x, axis, True))
    elif norm == "L1":
        size = one(ops.reduce_sum(ops.abs(x), axis, True))
    elif norm == "L2":
        size = one(ops.sqrt(ops.reduce_sum(ops.multiply(x, x), axis, True)))
    else:
        raise ModelError(f"expected norm to be MAX, L1 or L2, got {norm!r}")
    return ops.divide(x, ops.select(ops.equal(size, typed(0, x)), typed(1, x), size))


def binarizer(call: Call) -> Translated:
    x = call.input(0)
    return converted(one(ops.greater(x, typed(call.decimal("threshold", 0.0), x))), x.element_type)


def imputer(call: Call) -> Translated:
    """Elements that are the replaced value, or NaN where that is, become the imputed value of their feature."""
    x = call.input(0)
    floats, integers = call.decimals("imputed_value_floats", []), call.integers("imputed_value_int64s", [])
    if bool(floats) == bool(integers):
        raise ModelError("either imputed_value_floats or imputed_value_int64s holds what is filled in")
    replaced = call.decimal("replaced_value_float", 0.0) if floats else call.integer("replaced_value_int64", 0)
    absent = ops.is_nan(x) if np.isnan(replaced) else ops.equal(x, typed(replaced, x))
    return ops.select(absent, typed(floats or integers, x), x)


def array_feature_extractor(call: Call) -> Translated:
    """Chosen features, along the last axis; a tensor of one dimension is a row."""
    return ops.gather(table(call.input(0)), reshaped(call.input(1), [-1]), ints(-1))


def feature_vectorizer(call: Call) -> Translated:
    """Features side by side in f32; inputdimensions says how many an input has, which are filled up with zeros."""
    inputs = [converted(table(value), Type.f32) for value in call.present()]
    widths = call.integers("inputdimensions", [])
    if len(widths) != len(inputs):
        raise ModelError(f"expected a number in inputdimensions for each of {len(inputs)} inputs, got {len(widths)}")
    return ops.concat([_of_width(value, width) for value, width in zip(inputs, widths, strict=True)], 1)


def _of_width(value: Output, width: int) -> Output:
    flat = reshaped(value, [0, -1]) if rank(value) > 2 else value
    dims = flat.partial_shape
    if dims.has_rank and dims[1].is_static and dims[1].get_length() == width:
        return flat
    wide = one(ops.pad(flat, ints([0, 0]), ints([0, width]), "constant", of_type(0, Type.f32)))
    return one(ops.slice(wide, ints([0]), ints([width]), ints([1]), ints([1])))


def one_hot_encoder(call: Call) -> Translated:
    """1 at the place of the category in a new last axis. zeros=0: an element that is no category is an error."""
    x = call.input(0)
    strings, integers = call.texts("cats_strings", []), call.integers("cats_int64s", [])
    if bool(strings) == bool(integers):
        raise ModelError("either cats_strings or cats_int64s holds the categories")
    categories = texts(strings) if strings else ints(integers)
    if (x.element_type is Type.string) != bool(strings):
        raise ModelError(f"x is {x.element_type.name}, the categories are {'strings' if strings else 'integers'}")
    x = x if strings else converted(x, Type.i64)
    if not call.flag("zeros", True):
        x = one(Node(Lookup(), [x, categories, categories]))
    same = ops.equal(ops.unsqueeze(x, ints([-1])), categories)
    return converted(one(same), Type.f32)


def category_mapper(call: Call) -> Translated:
    """Strings to integers or back, by pairs of both."""
    x = call.input(0)
    strings, integers = texts(call.texts("cats_strings")), ints(call.integers("cats_int64s"))
    absent = call.integer("default_int64", -1), call.text("default_string", "_Unused")
    if x.element_type is Type.string:
        return Node(Lookup(), [x, strings, integers, ints([absent[0]])])
    return Node(Lookup(), [converted(x, Type.i64), integers, strings, texts([absent[1]])])


def label_encoder(call: Call) -> Translated:
    """Values for keys, each a list or a tensor; version 1: strings for their places in a list, or back."""
    x = call.input(0)
    if call.version < 2:
        return _class_labels(call, x)
    keys, values = _column(call, "keys"), _column(call, "values")
    if call.version < 4:
        keys, values = _without_nan(keys, values)
    tensor = call.tensor("default_tensor", None)
    if tensor is not None:
        absent = _constant(call, tensor)
    elif values.element_type is Type.string:
        absent = texts([call.text("default_string", "_Unused")])
    elif values.element_type.real:
        absent = of_type([call.decimal("default_float", -0.0)], values.element_type)
    else:
        absent = of_type([call.integer("default_int64", -1)], values.element_type)
    return Node(Lookup(), [x, keys, values, absent])


def _without_nan(keys: Output, values: Output) -> tuple[Output, Output]:
    """Keys and values without keys of NaN, which nothing equals before version 4."""
    found, held = known(keys), known(values)
    if found is None or found.dtype.kind != "f" or not np.isnan(found).any():
        return keys, values
    kept = np.nonzero(~np.isnan(found))[0]
    picked = one(ops.gather(values, ints(kept), ints(0))) if held is None else of_type(held[kept], values.element_type)
    return of_type(found[kept], keys.element_type), picked


def _class_labels(call: Call, x: Output) -> Translated:
    labels = texts(call.texts("classes_strings"))
    places = ints(np.arange(labels.partial_shape[0].get_length()))
    if x.element_type is Type.string:
        return Node(Lookup(), [x, labels, places, ints([call.integer("default_int64", -1)])])
    return Node(Lookup(), [x, places, labels, texts([call.text("default_string", "_Unused")])])


def _column(call: Call, name: str) -> Output:
    """The one of the attributes name_* that is given, as a constant."""
    if call.has(f"{name}_tensor"):
        return _constant(call, call.tensor(f"{name}_tensor"))
    if call.has(f"{name}_strings"):
        return texts(call.texts(f"{name}_strings"))
    if call.has(f"{name}_int64s"):
        return ints(call.integers(f"{name}_int64s"))
    return of_type(call.decimals(f"{name}_floats"), Type.f32)


def _constant(call: Call, tensor: TensorProto) -> Output:
    found = constant(tensor, call.scope.library.external)
    return Constant.of(found.array.reshape(-1), found.output(0).element_type).output(0)


OPERATORS: dict[str, Translation] = {
    "ArrayFeatureExtractor": array_feature_extractor,
    "Binarizer": binarizer,
    "CategoryMapper": category_mapper,
    "FeatureVectorizer": feature_vectorizer,
    "Imputer": imputer,
    "LabelEncoder": label_encoder,
    "Normalizer": normalizer,
    "OneHotEncoder": one_hot_encoder,
    "Scaler": scaler,
}
