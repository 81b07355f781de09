"""What is left to onnx.reference, held against onnxruntime or a formula: all rows of the table, with attributes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from ovlite.errors import ModelError
from ovlite.frontend.onnx import fallback, read_onnx

from .onnx_cases import evaluate


class Case(NamedTuple):
    """A node whose inputs have unknown dimensions. expected: its outputs, None for those of onnxruntime."""

    op_type: str
    attributes: dict[str, Any]
    inputs: list[Any]
    expected: list[Any] | None = None
    version: int = 17
    outputs: int = 1
    fixed: tuple[int, ...] = ()
    static: bool = False  # the inputs' dimensions are known

    def model(self) -> bytes:
        given = [(f"i{i}", value) for i, value in enumerate(self.inputs)]
        names = [name if value is not None else "" for name, value in given]
        outputs = [f"o{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op_type, names, outputs, "here", **self.attributes)
        inputs = [self._declared(i) for i, value in enumerate(self.inputs) if value is not None and i not in self.fixed]
        held = [numpy_helper.from_array(self.inputs[i], f"i{i}") for i in self.fixed]
        graph = helper.make_graph(
            [node], "g", inputs, [helper.make_empty_tensor_value_info(name) for name in outputs], held
        )
        sets = [helper.make_opsetid("", self.version)]
        return bytes(helper.make_model(graph, opset_imports=sets, ir_version=10).SerializeToString())

    def _declared(self, place: int) -> Any:
        value = self.inputs[place]
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        return helper.make_tensor_value_info(f"i{place}", kind, value.shape if self.static else [None] * value.ndim)

    def feeds(self) -> dict[str, np.ndarray]:
        return {f"i{i}": v for i, v in enumerate(self.inputs) if v is not None and i not in self.fixed}

    def found(self) -> list[np.ndarray]:
        model = read_onnx(self.model())
        assert any(node.op.type.startswith("onnx.") for node in model.get_ordered_ops())
        feeds = self.feeds()
        return evaluate(model, [feeds[port.any_name] for port in model.inputs])

    def wanted(self) -> list[Any]:
        if self.expected is not None:
            return self.expected
        onnxruntime = pytest.importorskip("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        return list(onnxruntime.InferenceSession(self.model(), options).run(None, self.feeds()))


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


def normalization() -> Iterator[Case]:
    x, scale, bias, mean, variance = (
        normal(3, 2, 4),
        normal(2),
        normal(2, seed=1),
        normal(2, seed=2),
        abs(normal(2, seed=3)),
    )
    for momentum, epsilon in ((0.9, 1e-5), (0.4, 1e-2)):
        own, spread = x.mean((0, 2)), x.var((0, 2))
        y = (x - own[:, None]) / np.sqrt(spread[:, None] + epsilon) * scale[:, None] + bias[:, None]
        expected = [y, mean * momentum + own * (1 - momentum), variance * momentum + spread * (1 - momentum)]
        attributes = {"training_mode": 1, "momentum": momentum, "epsilon": epsilon}
        yield Case("BatchNormalization", attributes, [x, scale, bias, mean, variance], expected, 15, 3)


def casts() -> Iterator[Case]:
    powers = np.array([1, 1.3, 1.5, 1.7, 2, 5, 0.3], np.float32)
    exponents = {"up": np.ceil, "down": np.floor}
    for mode, rounding in exponents.items():
        expected = np.exp2(rounding(np.log2(powers)))
        attributes = {"to": TensorProto.FLOAT8E8M0, "round_mode": mode}
        yield Case("Cast", attributes, [powers], [expected], 24)
    bits = np.array([1.5, -2], np.float32)
    yield Case("BitCast", {"to": TensorProto.INT32}, [bits], [bits.view(np.int32)], 26)


def column_images() -> Iterator[Case]:
    """Of volumes: each column of the data is a block that is added to the image."""
    for strides, dilations, pad in (([1, 1, 1], [1, 1, 1], 0), ([2, 1, 2], [1, 1, 1], 1), ([1, 2, 1], [2, 1, 2], 1)):
        image, block = (4, 5, 6), (2, 2, 3)
        counts = [
            (n + 2 * pad - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(image, block, strides, dilations, strict=True)
        ]
        data = normal(1, 2 * 12, int(np.prod(counts)))
        columns = data.reshape(2, *block, *counts)
        out = np.zeros([2, *(n + 2 * pad for n in image)], np.float32)
        for place in np.ndindex(*block):
            parts = [
                slice(k * d, k * d + (n - 1) * s + 1, s)
                for k, d, n, s in zip(place, dilations, counts, strides, strict=True)
            ]
            out[(slice(None), *parts)] += columns[(slice(None), *place)]
        inside = out[(slice(None), *(slice(pad, pad + n) for n in image))][None]
        attributes = {"strides": strides, "dilations": dilations, "pads": [pad] * 6}
        yield Case("Col2Im", attributes, [data, np.array(image), np.array(block)], [inside], 18)


def products() -> Iterator[Case]:
    x, axis = normal(3, 4), np.array(1)
    whole = np.cumprod(x, 1)
    behind = np.cumprod(x[:, ::-1], 1)[:, ::-1]
    one = np.ones((3, 1), np.float32)
    yield Case("CumProd", {}, [x, axis], [whole], 26)
    yield Case("CumProd", {"reverse": 1}, [x, axis], [behind], 26)
    yield Case("CumProd", {"exclusive": 1}, [x, axis], [np.hstack([one, whole[:, :-1]])], 26)
    yield Case("CumProd", {"exclusive": 1, "reverse": 1}, [x, axis], [np.hstack([behind[:, 1:], one])], 26)
    for shape in ((2, 2), (3, 4, 4), (2, 0, 3, 3)):
        square = normal(*shape)
        yield Case("Det", {}, [square], [np.linalg.det(square.astype(np.float64))], 22)


def transforms() -> Iterator[Case]:
    x = normal(2, 5, 3, 2)
    values = x[..., 0] + 1j * x[..., 1]
    for axis in (0, 1, 2):
        pairs = {0: np.fft.fft(values, axis=axis), 1: np.fft.ifft(values, axis=axis)}
        for inverse, found in pairs.items():
            expected = [np.stack([found.real, found.imag], -1)]
            yield Case("DFT", {"axis": axis, "inverse": inverse}, [x], expected, 17)
            yield Case("DFT", {"inverse": inverse}, [x, None, np.array(axis)], expected, 20)
    real = x[..., :1]
    half = np.fft.rfft(real[..., 0], axis=1)
    yield Case("DFT", {"axis": 1, "onesided": 1}, [real], [np.stack([half.real, half.imag], -1)], 17)
    long = np.fft.fft(values, 7, axis=1)
    yield Case("DFT", {"axis": 1}, [x, np.array(7)], [np.stack([long.real, long.imag], -1)], 17)


def images() -> Iterator[Case]:
    for mode in ("linear", "nearest"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (0, 1):
                attributes = {"mode": mode, "padding_mode": padding, "align_corners": corners}
                grid = np.random.default_rng(3).uniform(-1.3, 1.3, (1, 2, 3, 2, 3)).astype(np.float32)
                yield Case("GridSample", attributes, [normal(1, 2, 3, 4, 5), grid], None, 20)
    for pads in ([0, 1, 0, 2], [1, 1, 1, 1], [2, 5, 0, 4]):
        x = normal(3, 4)
        expected = np.pad(x, [(pads[0], pads[2]), (pads[1], pads[3])], "wrap")
        yield Case("Pad", {"mode": "wrap"}, [x, np.array(pads)], [expected], 19)
    rois = np.array([[0, 0, 4, 5], [1, 1, 6, 5.0]], np.float32)
    for coordinates in ("half_pixel", "output_half_pixel"):
        for ratio, scale in ((0, 1.0), (2, 0.5)):
            attributes = {"mode": "max", "coordinate_transformation_mode": coordinates, "sampling_ratio": ratio}
            attributes.update(spatial_scale=scale, output_height=2, output_width=3)
            yield Case("RoiAlign", attributes, [normal(2, 2, 6, 7), rois, np.array([0, 1])], None, 16)
    places = np.array([[[[5, 7], [13, 15]]]])
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2]}
    yield Case("MaxUnpool", attributes, [normal(1, 1, 2, 2), places], None, 17)
    yield Case("MaxUnpool", {**attributes, "pads": [0, 0, 1, 1]}, [normal(1, 1, 2, 2), np.array([[[[0, 2], [6, 8]]]])])
    rows = np.arange(9 * 8 * 3, dtype=np.uint8).reshape(9, 8, 3) * 7
    for name, expected in (("RGB", rows), ("BGR", rows[..., ::-1])):
        yield Case("ImageDecoder", {"pixel_format": name}, [png(rows)], [expected], 20)


def png(rows: np.ndarray) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(rows).save(file, "PNG")
    return np.frombuffer(file.getvalue(), np.uint8)


def sizes() -> Iterator[Case]:
    x, none = normal(1, 2, 5, 6), None
    for mode in ("nearest", "linear", "cubic"):
        for factor in (0.6, 1.7):
            scales, targets = np.array([1, 1, factor, factor], np.float32), np.array([1, 2, 3, 10])
            for coordinates in ("half_pixel", "pytorch_half_pixel", "asymmetric"):
                for flags in {"nearest": [], "linear": [(1, 0), (1, 1)], "cubic": [(0, 1), (1, 0), (1, 1)]}[mode]:
                    attributes = {"mode": mode, "antialias": flags[0], "exclude_outside": flags[1]}
                    attributes["coordinate_transformation_mode"] = coordinates
                    if coordinates != "pytorch_half_pixel":
                        yield Case("Resize", attributes, [x, none, scales], None, 19, fixed=(2,))
                    yield Case("Resize", attributes, [x, none, none, targets], None, 19, fixed=(3,))
        roi = np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 1.3], np.float32)
        attributes = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 5.0}
        yield Case("Resize", attributes, [x, roi, none, targets], None, 19, fixed=(1, 3))
        for policy in ("not_larger", "not_smaller"):
            attributes = {"mode": mode, "keep_aspect_ratio_policy": policy, "axes": [2, 3], "cubic_coeff_a": -0.5}
            yield Case("Resize", attributes, [x, none, none, np.array([7, 8])], None, 19, fixed=(3,))
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        attributes = {"mode": "nearest", "nearest_mode": rounding, "keep_aspect_ratio_policy": "not_larger"}
        yield Case("Resize", attributes, [x, none, none, np.array([1, 2, 9, 4])], None, 19, fixed=(3,))


def spectra() -> Iterator[Case]:
    for bands, length, kind in ((8, 16, TensorProto.FLOAT), (5, 10, TensorProto.DOUBLE)):
        values = [np.array(value) for value in (bands, length, 16000)]
        limits = [np.array(value, np.float32) for value in (0.0, 4000.0)]
        yield Case("MelWeightMatrix", {"output_datatype": kind}, [*values, *limits], None, 17)


def caches() -> Iterator[Case]:
    past, update, starts = normal(2, 4, 6, 3), normal(2, 4, 2, 3, seed=1), np.array([1, 5])
    for axis, mode in ((-2, "circular"), (2, "circular"), (-2, "linear")):
        expected = past.copy()
        begins = starts if mode == "circular" else np.array([1, 4])
        for n, begin in enumerate(begins):
            for i in range(2):
                expected[n, :, (begin + i) % 6] = update[n, :, i]
        yield Case("TensorScatter", {"axis": axis, "mode": mode}, [past, update, begins], [expected], 24)


MAKERS: list[Callable[[], Iterator[Case]]] = [
    normalization, casts, column_images, products, transforms, images, sizes, spectra, caches,
]  # fmt: skip
CASES = [case for make in MAKERS for case in make()]
RANDOM = {"Dropout", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op_type)
def test_onnx_reference_is_right_where_it_is_asked(case: Case) -> None:
    wanted, found = case.wanted(), case.found()
    assert len(found) == len(wanted)
    for mine, other in zip(found, wanted, strict=True):
        other = np.asarray(other)
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5, err_msg=str(case.attributes))


@pytest.mark.parametrize("key", [key for key in fallback.ROWS if key not in RANDOM])
def test_every_attribute_of_the_table_has_a_case(key: str) -> None:
    given = {name for case in CASES if case.op_type == key for name in case.attributes}
    assert given >= set(fallback.ROWS[key].attributes.split())


@pytest.mark.parametrize("kind", ["RandomNormal", "RandomUniform"])
@pytest.mark.parametrize("like", [False, True])
def test_random_numbers_have_the_distribution_that_is_asked_for(kind: str, like: bool) -> None:
    """By mean and deviation within five standard errors; one seed gives the same numbers."""
    parameters = {"mean": 2.0, "scale": 3.0} if kind == "RandomNormal" else {"low": -1.0, "high": 5.0}
    mean, deviation = 2.0, 3.0 if kind == "RandomNormal" else 6 / 12**0.5
    attributes = {**parameters, "seed": 7.0, "dtype": TensorProto.DOUBLE}
    inputs = [np.zeros((200, 100), np.float32)] if like else []
    given = Case(kind + "Like" * like, attributes if like else {**attributes, "shape": [200, 100]}, inputs)
    (found,), (again,) = given.found(), given.found()
    assert found.shape == (200, 100) and found.dtype == np.float64
    np.testing.assert_array_equal(found, again)
    assert abs(found.mean() - mean) < 5 * deviation / found.size**0.5
    assert abs(found.std() - deviation) < 5 * deviation / (2 * found.size) ** 0.5
    if kind == "RandomUniform":
        assert found.min() >= -1 and found.max() <= 5
    listed = {*attributes, *([] if like else ["shape"])}
    assert listed == set(fallback.ROWS[given.op_type].attributes.split())


def test_dropout_in_training_drops_the_wanted_part() -> None:
    x = np.ones((100, 100), np.float32) * 3
    given = Case("Dropout", {"seed": 3}, [x, np.array(0.25, np.float32), np.array(True)], outputs=2)
    kept, mask = given.found()
    np.testing.assert_allclose(kept, np.where(mask, x / 0.75, 0), rtol=1e-6)
    assert abs(mask.mean() - 0.75) < 5 * (0.25 * 0.75 / mask.size) ** 0.5
    assert fallback.ROWS["Dropout"].attributes == "seed"


REFUSED = {
    "mode 'cubic'": Case("GridSample", {"mode": "cubic"}, [normal(1, 1, 2, 2, 2), normal(1, 1, 1, 1, 3)], version=20),
    "'round_mode' = 'down'": Case(
        "CastLike", {"round_mode": "down"}, [normal(2), np.ones(2, ml_dtypes.float8_e8m0fnu)], version=24
    ),
    "give sizes": Case(
        "Resize", {"coordinate_transformation_mode": "align_corners", "antialias": 1, "mode": "linear"},
        [normal(1, 1, 4, 4), None, np.array([1, 1, 0.6, 0.6], np.float32)], version=19, fixed=(2,),
    ),
    "may be 1": Case(
        "Resize", {"coordinate_transformation_mode": "pytorch_half_pixel", "antialias": 1, "mode": "linear"},
        [normal(1, 1, 4, 4), None, None, np.array([1, 1, 3, 1])], version=19, fixed=(3,),
    ),
    "half_pixel_symmetric": Case(
        "Resize", {"coordinate_transformation_mode": "half_pixel_symmetric", "antialias": 1, "mode": "linear"},
        [normal(1, 1, 4, 4), None, None, np.array([1, 1, 3, 2])], version=19, fixed=(3,),
    ),
    "inputs f32[?,?,?]": Case("DeformConv", {}, [normal(1, 1, 4), normal(1, 1, 2), normal(1, 2, 3)], version=19),
}  # fmt: skip


@pytest.mark.parametrize("part", REFUSED)
def test_what_onnx_reference_is_not_known_to_do_is_refused(part: str) -> None:
    case = REFUSED[part]
    with pytest.raises(ModelError) as caught:
        read_onnx(case.model())
    assert f"{case.op_type} node 'here'" in str(caught.value) and part in str(caught.value)
