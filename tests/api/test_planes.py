"""Images in NV12 and I420: the operations, and PrePostProcessor."""

import numpy as np
import pytest

from ..tolerances import roundings

F32 = np.float32
H, W = 4, 6
CLOSE = roundings(8, 255)["atol"]  # each colour is three products and their sum


def planes(dtype):
    """Y [1, H, W], U and V [1, H / 2, W / 2]."""
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (1, H // s, W // s)).astype(dtype) for s in (1, 2, 2)]


def pixels(y, u, v, order):
    """RGB or BGR by ITU-R BT.601, pixel by pixel."""
    found = np.empty((1, H, W, 3))
    for i, j in np.ndindex(H, W):
        c, d, e = float(y[0, i, j]) - 16, float(u[0, i // 2, j // 2]) - 128, float(v[0, i // 2, j // 2]) - 128
        rgb = [1.164 * c + 1.596 * e, 1.164 * c - 0.391 * d - 0.813 * e, 1.164 * c + 2.018 * d]
        found[0, i, j] = rgb if order == "rgb" else rgb[::-1]
    return found.clip(0, 255)


def tensors(kind, apart, dtype):
    y, u, v = planes(dtype)
    if kind == "nv12":
        uv = np.stack([u, v], axis=3)
        return [y[..., None], uv] if apart else [np.concatenate([y, uv.reshape(1, H // 2, W)], 1)[..., None]]
    if apart:
        return [y[..., None], u[..., None], v[..., None]]
    return [np.concatenate([plane.reshape(-1) for plane in (y, u, v)]).reshape(1, H * 3 // 2, W, 1)]


def same(found, expected, dtype):
    assert found.dtype == dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=0.501 if dtype == np.uint8 else CLOSE)


@pytest.mark.parametrize("dtype", [np.uint8, F32])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("kind", ["nv12", "i420"])
def test_operations(lab, kind, order, apart, dtype):
    given = tensors(kind, apart, dtype)
    inputs = [lab.parameter(array.shape, dtype, f"p{i}") for i, array in enumerate(given)]
    node = getattr(lab.ops, f"{kind}_to_{order}")(*inputs)
    assert node.get_type_info().version_id == "opset8" and node.get_attributes() == {}
    same(lab.compile(lab.ov.Model([node], inputs))(given)[0], pixels(*planes(dtype), order), dtype)


@pytest.mark.parametrize("shape", [(1, 7, 4, 1), (1, 6, 3, 1), (1, 6, 4, 2), (6, 4, 1)])
def test_shapes_that_are_no_image(lab, shape):
    with pytest.raises(RuntimeError):
        lab.ops.nv12_to_rgb(lab.parameter(shape, np.uint8))


def test_planes_that_do_not_go_together(lab):
    y, half = lab.parameter((1, 4, 4, 1), np.uint8), lab.parameter((1, 2, 2, 1), np.uint8)
    with pytest.raises(RuntimeError):
        lab.ops.nv12_to_rgb(y, half)
    with pytest.raises(lab.submodule("exceptions").UserInputError):
        lab.ops.i420_to_rgb(y, half)
    with pytest.raises(RuntimeError):
        lab.ops.nv12_to_rgb(lab.parameter((1, 6, 4, 1), np.int32))
    unknown = lab.ops.nv12_to_rgb(lab.parameter((-1, -1, -1, 1), np.uint8))
    assert str(unknown.get_output_partial_shape(0)) == "[?,?,?,3]"


def processed(lab, color, sub_names=(), there="RGB", shape=(1, 3, H, W)):
    pre = lab.submodule("preprocess")
    x = lab.parameter(shape)
    x.output(0).set_names({"x"})
    processor = pre.PrePostProcessor(lab.ov.Model([lab.ops.result(x, name="y")], [x]))
    info = processor.input()
    info.tensor().set_element_type(lab.ov.Type.u8)
    info.tensor().set_color_format(getattr(pre.ColorFormat, color), list(sub_names))
    info.preprocess().convert_element_type(lab.ov.Type.f32).convert_color(getattr(pre.ColorFormat, there))
    info.model().set_layout(lab.ov.Layout("NCHW"))
    return processor.build()


@pytest.mark.parametrize(
    ("color", "kind", "apart", "sub_names"),
    [
        ("NV12_SINGLE_PLANE", "nv12", False, []),
        ("NV12_TWO_PLANES", "nv12", True, ["y", "uv"]),
        ("NV12_TWO_PLANES", "nv12", True, []),
        ("I420_SINGLE_PLANE", "i420", False, []),
        ("I420_THREE_PLANES", "i420", True, ["y", "u", "v"]),
    ],
)
def test_inputs_of_planes(lab, color, kind, apart, sub_names):
    given = tensors(kind, apart, np.uint8)
    model = processed(lab, color, sub_names)
    names = [{f"x/{name}"} for name in sub_names] if sub_names else [{"x"}] if not apart else [set()] * len(given)
    assert [port.names for port in model.inputs] == names
    assert [list(port.shape) for port in model.inputs] == [list(array.shape) for array in given]
    assert all(port.get_node().layout == lab.ov.Layout("NHWC") for port in model.inputs)
    expected = pixels(*planes(np.uint8), "rgb").transpose(0, 3, 1, 2)
    np.testing.assert_allclose(lab.compile(model)(given)[0], expected, atol=CLOSE)


def test_planes_of_any_size(lab):
    model = processed(lab, "NV12_TWO_PLANES", ["y", "uv"], shape=(1, 3, -1, -1))
    assert [str(port.partial_shape) for port in model.inputs] == ["[1,?,?,1]", "[1,?,?,2]"]


@pytest.mark.parametrize(("color", "sub_names"), [("NV12_TWO_PLANES", ["y", "uv"]), ("I420_SINGLE_PLANE", [])])
def test_the_brightness_alone(lab, color, sub_names):
    model = processed(lab, color, sub_names, "GRAY", (1, 1, H, W))
    given = tensors(color[:4].lower(), bool(sub_names), np.uint8)
    np.testing.assert_array_equal(lab.compile(model)(given)[0], planes(F32)[0][:, None])


def test_steps_for_pixels_and_names_that_do_not_fit(lab):
    pre = lab.submodule("preprocess")
    for color, there, sub_names in (
        ("NV12_TWO_PLANES", "RGB", ["y"]),
        ("RGB", "NV12_SINGLE_PLANE", []),
        ("NV12_SINGLE_PLANE", "RGBX", []),
    ):
        with pytest.raises(RuntimeError):
            processed(lab, color, sub_names, there)
    processor = pre.PrePostProcessor(lab.passing((1, 4, 6, 3)))
    processor.input().tensor().set_color_format(pre.ColorFormat.NV12_TWO_PLANES)
    processor.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_LINEAR, 4, 6)
    with pytest.raises(RuntimeError):
        processor.build()
