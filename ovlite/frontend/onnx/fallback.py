"""What onnx.reference may carry out: operators with the attributes that tests hold against something independent.

onnx.reference ignores some attributes and computes some forms wrongly. Each row here has its cases in
tests/frontend/test_onnx_reference.py, which name the same attributes; all else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import ModelError
from ...ops.reference import has_reference
from .call import Call
from .reading import described, is_default, shown
from .scope import domain_of

ML = "ai.onnx.ml"


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
    """Where corners are aligned, whether a length that scales give may be a fraction is not agreed upon."""
    mode = call.text("coordinate_transformation_mode", "half_pixel")
    if mode in ("align_corners", "tf_crop_and_resize") and call.optional(3) is None:
        return f"coordinate_transformation_mode {mode} with scales that meet no known shape: give sizes"
    return None


def _linear_classifier(call: Call) -> str | None:
    if len(call.decimals("intercepts", [])) < 2:
        return "fewer than two intercepts: write a row of coefficients and an intercept for each class"
    return _only("post_transform", "NONE", "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")(call)


def _vector_classifier(call: Call) -> str | None:
    counts = call.integers("vectors_per_class", [])
    if not counts:
        return "no vectors_per_class"
    if len(counts) > 2 and call.has("prob_a"):
        return "probabilities of more than two classes"
    if len(counts) == 2 and call.has("classlabels_strings"):
        return "two classes with labels of text"
    return _only("post_transform", "NONE", "NONE")(call)


def _normalizer(call: Call) -> str | None:
    exact = call.flag("is_case_sensitive") or not call.texts("stopwords", [])
    return None if exact else _only("case_change_action", "NONE", "LOWER", "UPPER")(call)


def _trees(call: Call) -> str | None:
    """BRANCH_NEQ of a missing value is not what nodes_missing_value_tracks_true says."""
    from onnx import numpy_helper

    tensor = call.tensor("nodes_modes", None) if call.op_type == "TreeEnsemble" else None
    found = "BRANCH_NEQ" in call.texts("nodes_modes", []) if tensor is None else 5 in numpy_helper.to_array(tensor)
    return "decisions BRANCH_NEQ: write BRANCH_EQ with the branches swapped" if found else None


def _tree_classifier(call: Call) -> str | None:
    if (wrong := _trees(call)) is not None:
        return wrong
    classes = len(call.integers("classlabels_int64s", [])) or len(call.texts("classlabels_strings", []))
    ids, kind = set(call.integers("class_ids", [])), call.text("post_transform", "NONE")
    if classes > 2:
        posted = _only("post_transform", "NONE", "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")(call)
        return posted or (None if ids == set(range(classes)) else "classes without weights")
    if ids != {0}:
        return "two classes with other class_ids than 0"
    if kind == "LOGISTIC":
        return None
    if kind != "NONE" or call.has("base_values") or min(call.decimals("class_weights", [])) < 0:
        return "two classes with post_transform other than LOGISTIC, except NONE of weights that are not negative"
    return None


def _tree_regressor(call: Call) -> str | None:
    count = call.integer("n_targets", 1)
    if set(call.integers("target_ids", [])) != set(range(count)):
        return "targets without weights"
    return _trees(call)


_TREES = (
    "nodes_falsenodeids nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes nodes_nodeids "
    "nodes_treeids nodes_truenodeids nodes_values base_values "
)
_RANDOM = "dtype seed "
ROWS: dict[tuple[str, str], Row] = {
    ("", "BatchNormalization"): Row("epsilon momentum training_mode"),
    ("", "BitCast"): Row("to"),
    ("", "Cast"): Row("to saturate round_mode"),
    ("", "Col2Im"): Row("dilations pads strides"),
    ("", "CumProd"): Row("exclusive reverse"),
    ("", "DFT"): Row("axis inverse onesided"),
    ("", "Det"): Row(),
    ("", "Dropout"): Row("seed"),
    ("", "GridSample"): Row(
        "align_corners mode padding_mode", _only("mode", "linear", "linear", "bilinear", "nearest")
    ),
    ("", "ImageDecoder"): Row("pixel_format"),
    ("", "MaxUnpool"): Row("kernel_shape pads strides"),
    ("", "MelWeightMatrix"): Row("output_datatype"),
    ("", "OptionalGetElement"): Row(),
    ("", "OptionalHasElement"): Row(),
    ("", "Pad"): Row("mode"),
    ("", "QuantizeLinear"): Row("axis block_size output_dtype saturate"),
    ("", "RandomNormal"): Row(_RANDOM + "mean scale shape"),
    ("", "RandomNormalLike"): Row(_RANDOM + "mean scale"),
    ("", "RandomUniform"): Row(_RANDOM + "high low shape"),
    ("", "RandomUniformLike"): Row(_RANDOM + "high low"),
    ("", "RegexFullMatch"): Row("pattern"),
    ("", "Resize"): Row(
        "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
        "keep_aspect_ratio_policy mode nearest_mode",
        _resize,
    ),
    ("", "RoiAlign"): Row(
        "coordinate_transformation_mode mode output_height output_width sampling_ratio spatial_scale"
    ),
    ("", "StringConcat"): Row(),
    ("", "StringNormalizer"): Row("case_change_action is_case_sensitive stopwords", _normalizer),
    ("", "StringSplit"): Row("delimiter maxsplit"),
    ("", "TensorScatter"): Row("axis mode"),
    ("", "TfIdfVectorizer"): Row(
        "max_gram_length max_skip_count min_gram_length mode ngram_counts ngram_indexes pool_int64s pool_strings "
        "weights"
    ),
    (ML, "ArrayFeatureExtractor"): Row(),
    (ML, "Binarizer"): Row("threshold"),
    (ML, "FeatureVectorizer"): Row("inputdimensions"),
    (ML, "Imputer"): Row("imputed_value_floats imputed_value_int64s replaced_value_float replaced_value_int64"),
    (ML, "LabelEncoder"): Row(
        "default_float default_int64 default_string default_tensor keys_floats keys_int64s keys_strings keys_tensor "
        "values_floats values_int64s values_strings values_tensor"
    ),
    (ML, "LinearClassifier"): Row(
        "classlabels_ints classlabels_strings coefficients intercepts multi_class post_transform", _linear_classifier
    ),
    (ML, "LinearRegressor"): Row("coefficients intercepts targets"),
    (ML, "Normalizer"): Row("norm", _only("norm", "MAX", "L1", "L2")),
    (ML, "OneHotEncoder"): Row("cats_int64s cats_strings zeros"),
    (ML, "SVMClassifier"): Row(
        "classlabels_ints classlabels_strings coefficients kernel_params kernel_type prob_a prob_b rho support_vectors "
        "vectors_per_class",
        _vector_classifier,
    ),
    (ML, "SVMRegressor"): Row("coefficients kernel_params kernel_type n_supports one_class rho support_vectors"),
    (ML, "Scaler"): Row("offset scale"),
    (ML, "TreeEnsemble"): Row(
        "aggregate_function leaf_targetids leaf_weights membership_values n_targets nodes_falseleafs "
        "nodes_falsenodeids nodes_featureids nodes_modes nodes_splits nodes_trueleafs nodes_truenodeids tree_roots",
        _trees,
    ),
    (ML, "TreeEnsembleClassifier"): Row(
        _TREES
        + "post_transform class_ids class_nodeids class_treeids class_weights classlabels_int64s classlabels_strings",
        _tree_classifier,
    ),
    (ML, "TreeEnsembleRegressor"): Row(
        _TREES + "aggregate_function n_targets target_ids target_nodeids target_treeids target_weights", _tree_regressor
    ),
}


def is_referred(domain: str, op_type: str, version: int) -> bool:
    """Whether some form of an operator may be carried out by onnx.reference."""
    return (domain, op_type) in ROWS and has_reference(domain, op_type, version)


def check_referred(call: Call, schema: Any) -> None:
    """Raises ModelError for a node that onnx.reference is not known to carry out rightly."""
    row = ROWS.get((domain_of(call.proto), call.op_type))
    if row is None:
        raise ModelError(f"this form of the operator is not supported: {described(call)}")
    for attribute in call.proto.attribute:
        if attribute.name not in row.attributes.split() and not is_default(attribute, schema):
            raise ModelError(f"attribute {shown(attribute)} is not supported in this form of the operator")
    wrong = row.wrong(call)
    if wrong is not None:
        raise ModelError(f"this form of the operator is not supported: it has {wrong}")
