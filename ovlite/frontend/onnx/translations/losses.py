"""Losses: what a classification is off by."""

from __future__ import annotations

from ....errors import ModelError
from ....graph import Output
from ..build import all_axes, ints, of_type, one, ops, typed
from ..call import Call, Translated, Translation


def negative_log_likelihood_loss(call: Call) -> Translated:
    """Inputs: logarithms of probabilities [N, C, ...], classes [N, ...], and a weight [C] for each class."""
    return _loss(call, call.input(0))


def softmax_cross_entropy_loss(call: Call) -> Translated:
    """The same of scores [N, C, ...]; the second output is the logarithms of the probabilities."""
    likelihoods = one(ops.log_softmax(call.input(0), 1))
    return [_loss(call, likelihoods), likelihoods]


def _loss(call: Call, likelihoods: Output) -> Output:
    """The loss of each element, of the classes' shape, or their sum, or their mean weighted as they are."""
    classes, weights, ignored = call.input(1), call.optional(2), call.integer("ignore_index", None)
    reduction = call.text("reduction", "mean")
    if reduction not in ("none", "sum", "mean"):
        raise ModelError(f"reduction is {reduction!r}; expected none, sum or mean")
    counted = None
    if ignored is not None:
        counted = one(ops.not_equal(classes, of_type(ignored, classes.element_type)))
        classes = one(ops.select(counted, classes, of_type(0, classes.element_type)))
    place = ops.unsqueeze(classes, ints([1]))
    loss = one(ops.negative(ops.squeeze(ops.gather_elements(likelihoods, place, 1), ints([1]))))
    weight = None
    if weights is not None:
        weight = one(ops.gather(weights, classes, ints(0)))
    if counted is not None:
        zero = typed(0, likelihoods)
        weight = one(ops.select(counted, typed(1, likelihoods) if weight is None else weight, zero))
        loss = one(ops.select(counted, loss, zero))  # -inf of what is ignored has no part either
    if weight is not None:
        loss = one(ops.multiply(loss, weight))
    if reduction == "none":
        return loss
    if reduction == "mean" and weight is None:
        return one(ops.reduce_mean(loss, all_axes(loss), False))
    total = one(ops.reduce_sum(loss, all_axes(loss), False))
    if reduction == "sum" or weight is None:
        return total
    return one(ops.divide(total, ops.reduce_sum(weight, all_axes(weight), False)))


OPERATORS: dict[str, Translation] = {
    "NegativeLogLikelihoodLoss": negative_log_likelihood_loss,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
}
