"""LinearClassifier and LinearRegressor."""

from __future__ import annotations

import numpy as np

from .....errors import ModelError, warn
from .....graph import Output
from .....types import Type
from ...build import converted, of_type, one, ops, static_dims
from ...call import Call, Translated, Translation
from .scores import (
    above,
    beside,
    both,
    chosen,
    complement,
    first_largest,
    labels,
    post_transform,
    row,
    table,
    transformed,
)


def classifier(call: Call) -> Translated:
    """multi_class says how the model was trained."""
    call.without_effect("multi_class")
    names, count = labels(call, "classlabels_strings", "classlabels_ints")
    kind = post_transform(call)
    intercepts = call.decimals("intercepts", [])
    scores, width = _scores(call, intercepts, len(intercepts) or None, count)
    if width > 1:
        if width > count:
            raise ModelError(f"{width} rows of coefficients for {count} classes")
        return [chosen(names, first_largest(scores)), transformed(scores, kind)]
    if count > 2:
        raise ModelError(f"expected 2 classes for one row of coefficients, got {count}")
    if count == 1:
        raise ModelError("one row of coefficients needs the labels of both classes; give the second one too")
    index = above(scores, 0.0)
    if kind == "LOGISTIC":
        return [chosen(names, index), both(scores, kind)]
    pair = beside(complement(scores), scores)
    return [chosen(names, index), transformed(pair, kind) if kind == "PROBIT" else pair]


def regressor(call: Call) -> Translated:
    targets = call.integer("targets", 1)
    intercepts = call.decimals("intercepts", [])
    if intercepts and len(intercepts) != targets:
        raise ModelError(f"expected an intercept for each of {targets} targets, got {len(intercepts)}")
    scores, _ = _scores(call, intercepts, targets, targets)
    kind = post_transform(call)
    return transformed(scores, kind) if targets > 1 or kind in ("PROBIT", "LOGISTIC") else scores


def _scores(call: Call, intercepts: list[float], width: int | None, most: int) -> tuple[Output, int]:
    """(x times the coefficients plus the intercepts, in f32, its columns)."""
    x = converted(table(call.input(0)), Type.f32)
    coefficients = np.array(call.decimals("coefficients"), np.float32)
    if width is None:
        features = (static_dims(x) or [None, None])[1]
        width = len(coefficients) // features if features else most
    features = (static_dims(x) or [None, None])[1]
    if features and len(coefficients) > width * features and width == len(intercepts):
        # As onnxruntime has it; old converters declare inputs with fewer columns than they trained on.
        warn("%s: of %s coefficients the first %s are used", call.name, len(coefficients), width * features)
        coefficients = coefficients[: width * features]
    if width < 1 or len(coefficients) % width:
        raise ModelError(f"{len(coefficients)} coefficients are not {width} rows of one length")
    weights = of_type(coefficients.reshape(width, -1), Type.f32)
    scores = one(ops.matmul(x, weights, False, True))
    return (one(ops.add(scores, row(intercepts, scores))) if intercepts else scores), width


OPERATORS: dict[str, Translation] = {"LinearClassifier": classifier, "LinearRegressor": regressor}
