"""Operators of the domain ai.onnx.ml."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Error, Made
from ..draw import Array, Draw
from .base import EXACT, ints, node, table

TRANSFORMS = (None, "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")
NUMBERS = ("float", "double", "int32", "int64")


def _rows(d: Draw, low: int = 1, domain: Any = (-3, 3)) -> Array:
    return d.tensor((d.integer(1, 6), d.integer(low, 5)), d.dtype("T", NUMBERS), domain)


def scaler(d: Draw) -> Made:
    data = _rows(d)
    each = [data.shape[1] if d.chance(0.6) else 1 for _ in range(2)]
    return node(d, [data], offset=[d.decimal(-2, 2) for _ in range(each[0])],
                scale=[d.decimal(0.5, 2) for _ in range(each[1])], error=Error(16, 4, 8))  # fmt: skip


def normalizer(d: Draw) -> Made:
    return node(d, [_rows(d)], norm=d.pick(None, "MAX", "L1", "L2"), error=Error(16))


def binarizer(d: Draw) -> Made:
    return node(d, [_rows(d)], threshold=d.maybe(0.5), error=EXACT)


def imputer(d: Draw) -> Made:
    data = _rows(d)
    count = data.shape[1] if d.chance(0.6) else 1
    if data.dtype.kind == "f":
        data = np.where(d.rng.random(data.shape) < 0.3, np.array(np.nan, data.dtype), data)
        return node(d, [data], imputed_value_floats=[d.decimal(-2, 2) for _ in range(count)],
                    replaced_value_float=float("nan"), error=EXACT)  # fmt: skip
    return node(d, [data], imputed_value_int64s=d.integers(5, 9, count), replaced_value_int64=1, error=EXACT)


def array_feature_extractor(d: Draw) -> Made:
    data = d.tensor(d.dims(2, 3, 0), d.dtype("T", NUMBERS))
    indices = d.rng.integers(0, data.shape[-1], d.integer(1, 4))
    return node(d, [data, ints(indices)], steering=(1,), error=EXACT)


def feature_vectorizer(d: Draw) -> Made:
    rows, kind = d.integer(1, 4), d.dtype("T1", NUMBERS)
    widths = d.integers(1, 3, d.integer(1, 3))
    return node(d, [d.tensor((rows, width), kind, (-9, 9)) for width in widths], inputdimensions=widths, error=EXACT)


def one_hot_encoder(d: Draw) -> Made:
    data = d.rng.integers(0, 4, d.dims(1, 2, 0)).astype(d.dtype("T", NUMBERS))
    return node(d, [data], cats_int64s=[0, 1, 2, 3], zeros=d.pick(None, 1), error=EXACT)


def label_encoder(d: Draw) -> Made:
    data = d.rng.integers(0, 6, d.dims(1, 2, 0)).astype(np.int64)
    keys = [0, 1, 2, 4]
    if d.since < 2:
        return node(d, [data], classes_strings=["a", "b"], error=EXACT)
    return node(d, [data], keys_int64s=keys, values_int64s=d.integers(-9, 9, 4), default_int64=d.maybe(7), error=EXACT)


def linear_regressor(d: Draw) -> Made:
    data, targets = _rows(d), d.integer(1, 3)
    weights = [d.decimal(-2, 2) for _ in range(targets * data.shape[1])]
    bias = d.maybe([d.decimal(-2, 2) for _ in range(targets)])
    return node(d, [data], coefficients=weights, intercepts=bias, targets=targets, error=Error(16, 16, 6),
                post_transform=d.pick(None, "NONE"))  # fmt: skip


def linear_classifier(d: Draw) -> Made:
    data, classes = _rows(d), d.integer(1, 4)
    rows = classes if classes != 2 or d.chance(0.5) else 1
    weights = [d.decimal(-2, 2) for _ in range(rows * data.shape[1])]
    bias = [d.decimal(-1, 1) for _ in range(rows)]
    return node(d, [data], 2, coefficients=weights, intercepts=bias, classlabels_ints=list(range(3, 3 + classes)),
                multi_class=d.pick(None, 0, 1), post_transform=d.pick(*TRANSFORMS), error=Error(32, 32, 6))  # fmt: skip


def _support(d: Draw, width: int) -> dict[str, Any]:
    kernel = d.pick(None, "LINEAR", "POLY", "RBF", "SIGMOID")
    return {"kernel_type": kernel, "kernel_params": [0.3, 0.1, 2.0]}


def svm_regressor(d: Draw) -> Made:
    data, count = _rows(d), d.integer(1, 4)
    width = data.shape[1]
    return node(d, [data], coefficients=[d.decimal(-1, 1) for _ in range(count)], rho=[d.decimal(-1, 1)],
                support_vectors=[d.decimal(-1, 1) for _ in range(count * width)], n_supports=count,
                error=Error(64, 64, 40), **_support(d, width))  # fmt: skip


def svm_classifier(d: Draw) -> Made:
    data, classes = _rows(d), d.integer(2, 3)
    per, width = d.integers(1, 3, classes), data.shape[1]
    count, pairs = sum(per), classes * (classes - 1) // 2
    given = {
        "classlabels_ints": list(range(classes)), "vectors_per_class": per,
        "support_vectors": [d.decimal(-1, 1) for _ in range(count * width)],
        "coefficients": [d.decimal(-1, 1) for _ in range(count * (classes - 1))],
        "rho": [d.decimal(-1, 1) for _ in range(pairs)],
    }  # fmt: skip
    if d.chance(0.4):
        given["prob_a"] = [d.decimal(-2, -0.5) for _ in range(pairs)]
        given["prob_b"] = [d.decimal(-0.5, 0.5) for _ in range(pairs)]
    return node(d, [data], 2, error=Error(128, 128, 8), **given, **_support(d, width))


def _tree(d: Draw, width: int, trees: int, outputs: int, prefix: str, leaf: str) -> dict[str, Any]:
    """Random trees, each of up to seven nodes in breadth-first order; every leaf has a weight for each output."""
    names = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
             "missing_value_tracks_true")  # fmt: skip
    found: dict[str, list[Any]] = {name: [] for name in names}
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(trees):
        inner = d.integer(0, 3)
        for place in range(2 * inner + 1):
            branch = place < inner
            mode = d.pick("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE", "BRANCH_EQ", "BRANCH_NEQ")
            row = (tree, place, d.integer(0, width - 1) if branch else 0, d.decimal(-2, 2) if branch else 0.0,
                   mode if branch else "LEAF", 2 * place + 1 if branch else 0, 2 * place + 2 if branch else 0,
                   d.integer(0, 1))  # fmt: skip
            for name, value in zip(names, row, strict=True):
                found[name].append(value)
            if not branch:
                for output in range(outputs):
                    for name, value in zip(leaves, (tree, place, output, d.decimal(-1, 1)), strict=True):
                        leaves[name].append(value)
    return {f"nodes_{name}": values for name, values in found.items()} | {
        f"{prefix}_{name}": values for name, values in leaves.items()
    }


def tree_regressor(d: Draw) -> Made:
    data, targets = _rows(d), d.integer(1, 3)
    trees = _tree(d, data.shape[1], d.integer(1, 4), targets, "target", "target")
    return node(d, [data], n_targets=targets, aggregate_function=d.pick(None, "SUM", "AVERAGE", "MIN", "MAX"),
                base_values=d.maybe([d.decimal(-1, 1) for _ in range(targets)], 0.3),
                post_transform=d.pick(*TRANSFORMS) if targets > 1 else None, error=Error(32, 32, 8),
                **trees)  # fmt: skip


def tree_classifier(d: Draw) -> Made:
    data, classes = _rows(d), d.integer(2, 4)
    trees = _tree(d, data.shape[1], d.integer(1, 4), 1 if classes == 2 else classes, "class", "class")
    return node(d, [data], 2, classlabels_int64s=list(range(classes)), post_transform=d.pick(*TRANSFORMS),
                error=Error(32, 32, 8), **trees)  # fmt: skip


MAKERS = table(
    "ai.onnx.ml", Scaler=scaler, Normalizer=normalizer, Binarizer=binarizer, Imputer=imputer,
    ArrayFeatureExtractor=array_feature_extractor, FeatureVectorizer=feature_vectorizer, OneHotEncoder=one_hot_encoder,
    LabelEncoder=label_encoder, LinearRegressor=linear_regressor, LinearClassifier=linear_classifier,
    SVMRegressor=svm_regressor, SVMClassifier=svm_classifier, TreeEnsembleRegressor=tree_regressor,
    TreeEnsembleClassifier=tree_classifier,
)  # fmt: skip
