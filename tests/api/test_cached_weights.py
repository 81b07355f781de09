"""Packed weights in exported models: each way of packing comes back as it was, and from no other constant."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import ovlite as ov
from ovlite import kernels
from ovlite.kernels.runtime.block import checksum
from ovlite.runtime import blob

from ..data import normal, rng

HIDDEN, INPUTS = 12, 7


def onnx_model(op, shape, weights, outputs=1, domain="", **attributes):
    """A node on a given tensor and constants; None for one that it leaves out."""
    names = ["" if array is None else f"w{i}" for i, array in enumerate(weights)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, ["x", *names], results, domain=domain, **attributes)
    held = [
        numpy_helper.from_array(array, name) for array, name in zip(weights, names, strict=True) if array is not None
    ]
    ports = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims) for name, dims in group]
        for group in ([("x", shape)], [(name, None) for name in results])
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "packed", *ports, held)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def layer(op, gates, directions=1, **attributes):
    bias = normal(directions, 2 * gates * HIDDEN)
    w, r = normal(directions, gates * HIDDEN, INPUTS), normal(directions, gates * HIDDEN, HIDDEN)
    attributes["direction"] = ("forward", "bidirectional")[directions - 1]
    return onnx_model(op, (5, 2, INPUTS), [w, r, bias], 2, hidden_size=HIDDEN, **attributes)


def quantized_layer():
    codes = [rng().integers(-127, 128, (2, rows, 4 * HIDDEN)).astype(np.int8) for rows in (INPUTS, HIDDEN)]
    scale, zero = np.full(2, 0.01, np.float32), np.zeros(2, np.int8)
    constants = [*codes, normal(2, 8 * HIDDEN), None, None, None, None, scale, zero, scale, zero]
    return onnx_model(
        "DynamicQuantizeLSTM", (5, 2, INPUTS), constants, 2, "com.microsoft",
        hidden_size=HIDDEN, direction="bidirectional",
    )  # fmt: skip


def bits(size, **more):
    codes = rng().integers(0, 256, (40, 3, 16 * size // 8)).astype(np.uint8)
    scales = rng().uniform(0.1, 1, 120).astype(np.float32)
    return onnx_model(
        "MatMulNBits", (3, 48), [codes, scales], 1, "com.microsoft", K=48, N=40, bits=size, block_size=16, **more
    )


def by_bytes(op, shape, weights, **attributes):
    """A product of bytes, by the zero points and scales of its inputs."""
    one, zero = np.full((), 0.02, np.float32), np.full((), 100, np.uint8)
    x = helper.make_node("QuantizeLinear", ["x", "one", "zero"], ["q"])
    w = helper.make_node("DequantizeLinear", ["w", "one"], ["real"])
    back = helper.make_node("DequantizeLinear", ["q", "one", "zero"], ["d"])
    node = helper.make_node(op, ["d", "real"], ["y"], **attributes)
    real = onnx.TensorProto.FLOAT
    ports = [helper.make_tensor_value_info(name, real, dims) for name, dims in (("x", shape), ("y", None))]
    held = [numpy_helper.from_array(array, name) for array, name in ((one, "one"), (zero, "zero"), (weights, "w"))]
    graph = helper.make_graph([x, back, w, node], "bytes", ports[:1], ports[1:], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def codes(*shape):
    return rng().integers(-127, 128, shape).astype(np.int8)


def unsigned_codes(*shape):
    """The greatest is the sum of three signed bytes."""
    found = rng().integers(0, 256, shape).astype(np.uint8)
    found.flat[0] = 255
    return found


TWO = [2, 2]
CASES = {
    "LSTM": (lambda: layer("LSTM", 4), {"recurrent inputs", "recurrent states"}),
    "LSTM of two directions": (lambda: layer("LSTM", 4, 2), {"recurrent inputs", "recurrent states"}),
    "GRU": (lambda: layer("GRU", 3), {"recurrent inputs", "recurrent states"}),
    "GRU that resets products": (
        lambda: layer("GRU", 3, 2, linear_before_reset=1), {"recurrent inputs", "recurrent states"}
    ),
    "RNN": (lambda: layer("RNN", 1), {"recurrent inputs", "recurrent states"}),
    "LSTM of bytes": (quantized_layer, {"quantized recurrent inputs", "quantized recurrent states", "sums"}),
    "transposed": (
        lambda: onnx_model("ConvTranspose", (1, 6, 5, 5), [normal(6, 9, 3, 3)], strides=TWO), {"transposed"}
    ),
    "transposed in groups": (
        lambda: onnx_model("ConvTranspose", (1, 6, 5, 5), [normal(6, 4, 2, 3)], strides=TWO, group=2, dilations=[1, 2]),
        {"transposed"},
    ),
    "blocks": (
        lambda: onnx_model("ConvTranspose", (1, 6, 5, 5), [normal(6, 3, 2, 2)], strides=TWO), {"blocks"}
    ),
    "2 bits": (lambda: bits(2), {"compressed"}),
    "4 bits": (lambda: bits(4), {"compressed"}),
    "8 bits": (lambda: bits(8), {"compressed"}),
    "depthwise of bytes": (lambda: by_bytes("Conv", (1, 9, 6, 6), codes(9, 1, 3, 3), group=9), {"depthwise", "sums"}),
    "convolution of bytes": (
        lambda: by_bytes("Conv", (1, 9, 6, 6), codes(20, 9, 3, 3)), {"quantized convolution", "sums"}
    ),
    "product of sums of bytes": (
        lambda: by_bytes("MatMul", (3, 33), unsigned_codes(33, 20)), {"quantized matmul", "sums"}
    ),
    "convolution of sums of bytes": (
        lambda: by_bytes("Conv", (1, 9, 6, 6), unsigned_codes(20, 9, 3, 3)), {"quantized convolution", "sums"}
    ),
    "product of bytes": (lambda: by_bytes("MatMul", (3, 33), codes(33, 20)), {"quantized matmul", "sums"}),
    "convolution": (lambda: onnx_model("Conv", (1, 3, 5, 5), [normal(20, 3, 3, 3)]), {"convolution"}),
    "Winograd's": (lambda: onnx_model("Conv", (1, 64, 12, 12), [normal(64, 64, 3, 3)]), {"convolution"}),
    "depthwise": (lambda: onnx_model("Conv", (1, 9, 6, 6), [normal(9, 1, 3, 3)], group=9), {"convolution"}),
    "product": (lambda: onnx_model("MatMul", (3, 33), [normal(33, 20)]), {"matmul"}),
}  # fmt: skip


def ways(compiled):
    return [how for _, how in compiled._compilation.executable.packed_weights.items()]


@pytest.fixture(params=kernels.available_levels())
def level(request):
    before = kernels.use_level(request.param)
    yield
    kernels.use_level(before)


@pytest.fixture(params=CASES)
def case(request, level):
    """A compiled model, its inputs, and the ways that its weights are packed in."""
    content, wanted = CASES[request.param]
    compiled = ov.Core().compile_model(ov.Core().read_model(content()), "CPU")
    return compiled, normal(*compiled.input(0).shape), wanted


def test_weights_come_back_as_they_were_packed(case):
    first, x, wanted = case
    second = ov.Core().import_model(first.export_model(), "CPU")
    before = ways(second)
    assert wanted <= {how[0] for how in before}
    for found, expected in zip(second(x).values(), first(x).values(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert sorted(map(repr, ways(second))) == sorted(map(repr, before)) == sorted(map(repr, ways(first)))


def with_document(exported, change):
    """An exported model whose document is changed, as a stranger would write it: with the sums that belong to it."""
    magic, form, elements, length, text, _, total = blob._HEADER.unpack_from(exported)
    start = blob._HEADER_BYTES + elements
    document = json.loads(exported[start : start + length])
    change(document["executable"]["packed"])
    encoded = json.dumps(document).encode()
    rest = encoded + exported[start + length :]
    header = blob._HEADER.pack(magic, form, elements, len(encoded), text, checksum(rest), total)
    return header.ljust(blob._HEADER_BYTES, b"\0") + exported[blob._HEADER_BYTES : start] + rest


def parts(form):
    """The forms of what has bytes, in lists of any depth."""
    return [part for item in form for part in parts(item)] if isinstance(form, list) else [form]


def cut_short(packed):
    """The bytes of each are one less than there have to be."""
    for _, _, form in packed:
        for part in parts(form):
            place = next(value for value in part.values() if isinstance(value, list) and isinstance(value[0], str))
            place[1][-1] -= 1


def misplaced(packed):
    """Their bytes begin where kernels do not take vectors from."""
    for _, _, form in packed:
        for part in parts(form):
            place = next(value for value in part.values() if isinstance(value, list) and isinstance(value[0], str))
            place[2] ^= 4


def turned(packed):
    """Rows are columns, and columns rows."""
    for _, _, form in packed:
        for part in parts(form):
            if "shape" in part:
                part["shape"][-2:] = part["shape"][:-3:-1]


def dropped(packed):
    """Lists of them lack one."""
    for entry in packed:
        if isinstance(entry[2], list):
            entry[2].pop()


def exchanged(packed):
    """They are said to be of the first constant there is."""
    for entry in packed:
        entry[0] = [0] * len(entry[0])


def renamed(packed):
    """They are for another kernel than the way tells that they were packed in."""
    for _, _, form in packed:
        for part in parts(form):
            if "kernel" in part:
                part["kernel"] = "other"


def strided(packed):
    """Transposed convolutions have more phases than there is memory for."""
    for _, how, _ in packed:
        if how[0] == "transposed":
            how[4] = [10**9] * len(how[4])


@pytest.mark.parametrize(
    "change", [cut_short, misplaced, turned, dropped, exchanged, renamed, strided], ids=lambda change: change.__name__
)
def test_forms_that_do_not_fit_are_refused(case, change):
    """Or lead to the same results, where nothing of the kind is in them."""
    first, x, _ = case
    exported = first.export_model().getvalue()
    forged = with_document(exported, change)
    if forged == with_document(exported, len):
        np.testing.assert_array_equal(ov.Core().import_model(forged, "CPU")(x)[0], first(x)[0])
        return
    with pytest.raises(RuntimeError, match="the exported model is damaged"):
        ov.Core().import_model(forged, "CPU")


def test_weights_for_kernels_of_another_processor_are_packed_again(case):
    def of_another(packed):
        renamed(packed)
        for _, how, form in packed:
            if any("kernel" in part for part in parts(form)):
                how[:] = ["other" if name in names else name for name in how]

    names = [kernel.name for kernel in kernels.family("matmul_weights", kernels.level()).KERNELS]
    first, x, _ = case
    second = ov.Core().import_model(with_document(first.export_model().getvalue(), of_another), "CPU")
    assert not any("other" in how for how in ways(second))
    for found, expected in zip(second(x).values(), first(x).values(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_winograd_weights_of_a_group_alone_come_back(level):
    x = ov.opset13.parameter([1, 64, 12, 12], np.float32)
    y = ov.opset13.group_convolution(x, normal(1, 64, 64, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1])
    first = ov.Core().compile_model(ov.Model([y], [x]), "CPU")
    second = ov.Core().import_model(first.export_model(), "CPU")
    data = normal(1, 64, 12, 12)
    assert {how[0] for how in ways(second)} == {"convolution"}
    np.testing.assert_array_equal(second(data)[0], first(data)[0])
