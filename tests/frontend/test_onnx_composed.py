"""Operators for which ONNX gives a function body, which are translated: with late sizes, compiled, and at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

import ovlite as ov
from ovlite.errors import ModelError

from .onnx_cases import array, compare, evaluate, node_cases
from .test_onnx_reading import read, run

COMPOSED = {
    "Attention", "CenterCropPad", "DynamicQuantizeLinear", "NegativeLogLikelihoodLoss", "RotaryEmbedding",
    "SoftmaxCrossEntropyLoss", "SwiGLU",
}  # fmt: skip
CASES = {
    name: case
    for name, case in node_cases().items()
    if COMPOSED & {node.op_type for node in case.model.graph.node}
    and not name.endswith("bf16")  # whose results come as f16 has them
}


def late(case: Any) -> bytes:
    """The case's model, with inputs of unknown dimensions; the table of a rotary embedding stays as wide as it is."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value in model.graph.input:
        kept = 1 if value.name.endswith(("_cache",)) else 0
        dims = value.type.tensor_type.shape.dim
        for dim in dims[: len(dims) - kept]:
            dim.ClearField("dim_value")
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("name", CASES)
def test_late_sizes(name: str) -> None:
    """On kernels, where no dimension was known when the model was read."""
    case = CASES[name]
    compiled = ov.compile_model(ov.Core().read_model(late(case)), "CPU")
    for inputs, expected in case.data_sets:
        found = compiled([array(value) for value in inputs])
        for i, wanted in enumerate(expected):
            compare(np.asarray(found[i]), array(wanted), compiled.outputs[i].element_type.name, case)


@pytest.mark.parametrize("shape", [(), (1,), (3, 4)])
def test_zeros_are_quantized_with_a_scale_of_one(shape: tuple[int, ...]) -> None:
    dims = ",".join(map(str, shape))
    text = f"g (float[{dims}] x) => (uint8[{dims}] y, float s, uint8 z) {{ y, s, z = DynamicQuantizeLinear(x) }}"
    values, scale, zero = run(text, np.zeros(shape, np.float32))
    assert (values == 0).all() and values.shape == shape
    assert (scale, zero) == (1, 0)


def test_what_is_ignored_has_no_part_in_a_loss() -> None:
    """Also where its probability is 0."""
    text = """g (float[3,2] x, int64[3] t, float[2] w) => (float l) {
        l = NegativeLogLikelihoodLoss <ignore_index = -1>(x, t, w)
    }"""
    x = np.array([[-1, -2], [-np.inf, -np.inf], [-3, -4]], np.float32)
    found = run(text, x, np.array([1, -1, 0]), np.array([2, 6], np.float32))
    np.testing.assert_allclose(found[0], (2 * 6 + 3 * 2) / 8)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [None, 1])
def test_cross_entropy(reduction: str, weighted: bool, ignored: int | None) -> None:
    """Against the formula, of images."""
    random = np.random.default_rng(5)
    scores, labels = random.standard_normal((2, 3, 4)).astype(np.float32), random.integers(0, 3, (2, 4))
    weights = np.float32([0.5, 2, 1]) if weighted else np.ones(3, np.float32)
    given = "" if ignored is None else f", ignore_index = {ignored}"
    text = f"""g (float[2,3,4] x, int64[2,4] t, float[3] w) => (float[...] l, float[2,3,4] p) {{
        l, p = SoftmaxCrossEntropyLoss <reduction = "{reduction}"{given}>(x, t{", w" if weighted else ""})
    }}"""
    text = text.replace("float[...] l", "float[2,4] l" if reduction == "none" else "float l")
    loss, likelihoods = run(text, scores, labels, weights)
    wide = scores - np.log(np.exp(scores.astype(np.float64)).sum(1, keepdims=True))
    np.testing.assert_allclose(likelihoods, wide, rtol=1e-5, atol=1e-6)
    counted = weights[labels] * (labels != ignored)
    each = -np.take_along_axis(wide, labels[:, None], 1)[:, 0] * counted
    mean = each.mean() if not weighted and ignored is None else each.sum() / counted.sum()
    np.testing.assert_allclose(loss, {"none": each, "sum": each.sum(), "mean": mean}[reduction], rtol=1e-5)


def test_a_body_for_each_item_sees_values_around_it() -> None:
    """And has an initializer of its own, and a name that its graph and the one around it have."""
    model = parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2] x, float[3] y, float[1] w) => (float[6] z) {
            s = SequenceConstruct(x, y)
            t = SequenceMap <body = b (float[N] i) => (float[N] o) { c = Constant <value = float {10.0}>() m = Mul(i, c)
                                                                   o = Add(m, w) }>(s)
            u = SequenceMap <body = b (float[N] i) => (float[M] o) { o = Concat <axis = 0>(i, w) }>(t)
            first = Constant <value = int64 {0}>()
            l = SequenceAt(u, first)
            all = ConcatFromSequence <axis = 0>(t)
            z = Concat <axis = 0>(all, w)
        }""")
    found = evaluate(
        ov.Core().read_model(model.SerializeToString()), [np.float32([1, 2]), np.float32([3, 4, 5]), np.float32([7])]
    )
    np.testing.assert_array_equal(found[0], [17, 27, 37, 47, 57, 7])


def attention(text: str, *inputs: np.ndarray, **shapes: Any) -> list[np.ndarray]:
    declared = ", ".join(f"{kind} {name}" for name, kind in shapes.items())
    return run(f"g ({declared}) => (float[2,4,3,8] y) {{ {text} }}", *inputs, opset=24)


def test_queries_that_see_no_key_give_zeros() -> None:
    """In a mask of numbers and in one of booleans; the others are what they are without those."""
    random = np.random.default_rng(3)
    q, k, v = (random.standard_normal((2, heads, n, 8)).astype(np.float32) for heads, n in ((4, 3), (2, 5), (2, 5)))
    seen = np.array([[True] * 5, [False] * 5, [True, False, True, True, False]])
    kinds = {"q": "float[2,4,3,8]", "k": "float[2,2,5,8]", "v": "float[2,2,5,8]"}
    added = np.where(seen, 0, -np.inf).astype(np.float32)
    results = [
        attention("y = Attention(q, k, v, m)", q, k, v, mask, **kinds, m=f"{kind}[3,5]")[0]
        for mask, kind in ((seen, "bool"), (added, "float"))
    ]
    scores = np.einsum("bgheq,bgke->bghqk".replace("eq", "qe"), q.reshape(2, 2, 2, 3, 8), k) / np.sqrt(8) + added
    weights = np.exp(scores)
    total = weights.sum(-1, keepdims=True)
    wanted = np.einsum("bghqk,bgkv->bghqv", weights / np.where(total == 0, 1, total), v).reshape(2, 4, 3, 8)
    for found in results:
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
        assert (found[:, :, 1] == 0).all()


REFUSED = {
    "y = Attention(q, q, q)": ("float[2,3,8] q", "need q_num_heads and kv_num_heads"),
    "y = Attention <qk_matmul_output_mode = 4>(q, q, q)": ("float[2,4,3,8] q", "qk_matmul_output_mode is 4"),
    "y = Attention(q, k, k)": ("float[2,4,3,8] q, float[2,3,3,8] k", "4 heads of queries can't share 3"),
    "y = Attention(q, q, q, , q)": ("float[2,4,3,8] q", "keys and values of before go together"),
    "y = RotaryEmbedding(q, c, c)": ("float[2,3,8] q, float[2,3,4] c", "needs num_heads"),
    "y = RotaryEmbedding(q, c, c) ": ("float[2,4,3,8] q, float[2,3,3] c", "4 pairs for heads of size 8, got 3"),
    "y = RotaryEmbedding <rotary_embedding_dim = 4>(q, c, c)": (
        "float[2,4,3,8] q, float[2,3,3] c",
        "2 pairs, as rotary_embedding_dim has it, got 3",
    ),
    'y = NegativeLogLikelihoodLoss <reduction = "max">(q, c)': ("float[2,4] q, int64[2] c", "reduction is 'max'"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    declared, part = REFUSED[text]
    with pytest.raises(ModelError, match=part):
        read(f"g ({declared}) => (float[1] y) {{ {text} }}", opset=24)


def test_no_dimension_of_a_cropped_image_is_known() -> None:
    node = helper.make_node("CenterCropPad", ["x", "n"], ["y"], axes=[-1, 0])
    ports = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None] * 3),
             helper.make_tensor_value_info("n", TensorProto.INT64, [2])]  # fmt: skip
    graph = helper.make_graph([node], "g", ports, [helper.make_tensor_value_info("y", 1, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    compiled = ov.compile_model(ov.Core().read_model(model.SerializeToString()), "CPU")
    for depth, width in ((1, 1), (2, 5), (3, 4), (4, 9), (7, 0)):
        x = np.arange(3 * 2 * 4, dtype=np.float32).reshape(3, 2, 4) + 1
        found = compiled([x, np.array([width, depth])])[0]
        assert found.shape == (depth, 2, width)
        wanted = np.zeros(found.shape, np.float32)
        (a, b), (c, d) = (middle(length, size) for length, size in ((3, depth), (4, width)))
        wanted[b, :, d] = x[a, :, c]
        np.testing.assert_array_equal(found, wanted)


def middle(length: int, size: int) -> tuple[slice, slice]:
    """Where the elements of an axis are taken from, and where they go."""
    if length > size:
        return slice((length - size) // 2, (length - size) // 2 + size), slice(0, size)
    return slice(0, length), slice((size - length) // 2, (size - length) // 2 + length)
