"""PrePostProcessor: each step against numpy, and the errors."""

import numpy as np
import pytest

from ..data import rng
from ..tolerances import roundings

CLOSE = roundings(16, 255)["atol"]  # weights of both axes, and their sums


@pytest.fixture
def pre(lab):
    return lab.submodule("preprocess")


def image(*shape, dtype=np.float32):
    return rng().integers(0, 256, shape).astype(dtype)


def outcome(lab, model, x):
    return lab.compile(model)([x])[0]


def built(lab, pre, model, tell):
    """The model behind a processor to which `tell` has told the steps."""
    processor = pre.PrePostProcessor(model)
    tell(processor)
    return processor.build()


def run(lab, pre, tell, x, shape):
    """What a model of the shape that passes its input on is given, when x is given to the steps."""
    return outcome(lab, built(lab, pre, lab.passing(shape), tell), x)


def weights(length, size, kernel, support, smoothing):
    """Rows of weights that resize `length` elements to `size`; pixels have their centres at halves.

    smoothing: as Pillow, the kernel grows when the image shrinks and is cut at the edges, else edges are repeated.
    """
    scale = length / size
    stretch = max(scale, 1.0) if smoothing else 1.0
    rows = np.zeros((size, length))
    for i in range(size):
        centre = (i + 0.5) * scale - 0.5
        for j in range(int(np.floor(centre - support * stretch)), int(np.ceil(centre + support * stretch)) + 1):
            if not smoothing or 0 <= j < length:
                rows[i, min(max(j, 0), length - 1)] += kernel((j - centre) / stretch)
    return rows / rows.sum(axis=1, keepdims=True)


def triangle(x):
    return max(0.0, 1 - abs(x))


def cubic(a):
    def kernel(x):
        x = abs(x)
        if x >= 2:
            return 0.0
        return ((a + 2) * x - (a + 3)) * x * x + 1 if x < 1 else a * (((x - 5) * x + 8) * x - 4)

    return kernel


RESIZED = {
    "RESIZE_LINEAR": (triangle, 1, False),
    "RESIZE_CUBIC": (cubic(-0.75), 2, False),
    "RESIZE_BILINEAR_PILLOW": (triangle, 1, True),
    "RESIZE_BICUBIC_PILLOW": (cubic(-0.5), 2, True),
}


def resized(x, name, height, width):
    """x (N, C, H, W) in another size."""
    kernel = RESIZED[name]
    return np.einsum("ih,nchw,jw->ncij", weights(x.shape[2], height, *kernel), x, weights(x.shape[3], width, *kernel))


def test_no_steps_change_nothing(lab, pre):
    x = image(1, 3, 4, 5)
    np.testing.assert_array_equal(run(lab, pre, lambda p: None, x, x.shape), x)


def test_element_type(lab, pre):
    x = image(1, 3, 4, 5, dtype=np.uint8)
    y = run(lab, pre, lambda p: p.input().tensor().set_element_type(lab.ov.Type.u8), x, x.shape)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(
    "mine,theirs,axes",
    [("NHWC", "NCHW", (0, 3, 1, 2)), ("N...C", "NC...", (0, 3, 1, 2)), ("CN??", "NC??", (1, 0, 2, 3))],
)
def test_layouts(lab, pre, mine, theirs, axes):
    x = image(2, 4, 5, 3)
    expected = x.transpose(axes)

    def tell(p):
        p.input().tensor().set_layout(lab.ov.Layout(mine))
        p.input().model().set_layout(lab.ov.Layout(theirs))

    model = built(lab, pre, lab.passing(expected.shape), tell)
    assert list(model.input().shape) == [2, 4, 5, 3]
    assert model.input().get_node().layout == mine
    np.testing.assert_array_equal(outcome(lab, model, x), expected)


@pytest.mark.parametrize("side", ["tensor", "model"])
def test_one_layout_alone_changes_nothing(lab, pre, side):
    x = image(1, 3, 4, 5)
    np.testing.assert_array_equal(run(lab, pre, lambda p: getattr(p.input(), side)().set_layout("NHWC"), x, x.shape), x)


def test_an_axis_that_the_tensor_lacks_is_put_in_front(lab, pre):
    def tell(p):
        p.input().tensor().set_layout("HWC")
        p.input().model().set_layout("NCHW")

    x = image(4, 5, 3)
    model = built(lab, pre, lab.passing((1, 3, 4, 5)), tell)
    assert list(model.input().shape) == [4, 5, 3]
    np.testing.assert_array_equal(outcome(lab, model, x), x.transpose(2, 0, 1)[None])


@pytest.mark.parametrize("given", [2, 2.5, [1.0, 2.0, 4.0], np.array([1, 2, 4], np.float32)], ids=str)
@pytest.mark.parametrize("layout,axis", [("NCHW", 1), ("NHWC", 3)])
def test_mean_and_scale_in_the_order_of_the_calls(lab, pre, given, layout, axis):
    shape = [2, 4, 5, 6]
    shape[axis] = 3
    x = image(*shape)
    value = np.asarray(given, np.float32)
    if np.ndim(given):
        value = value.reshape([-1 if i == axis else 1 for i in range(4)])

    def tell(first, second):
        def told(p):
            p.input().tensor().set_layout(layout)
            steps = p.input().preprocess()
            getattr(steps, first)(given)
            getattr(steps, second)(given)

        return told

    y = run(lab, pre, tell("mean", "scale"), x, shape)
    np.testing.assert_allclose(y, (x - value) / value, rtol=1e-6, atol=1e-5)
    y = run(lab, pre, tell("scale", "mean"), x, shape)
    np.testing.assert_allclose(y, x / value - value, rtol=1e-6, atol=1e-5)


def test_one_number_in_a_list_is_for_all_channels(lab, pre):
    x = image(1, 3, 4, 5)
    model = built(lab, pre, lab.passing((1, 3, 4, 5)), lambda p: p.input().preprocess().mean([2.0]).scale(values=[4.0]))
    np.testing.assert_allclose(outcome(lab, model, x), (x - 2) / 4, rtol=1e-6)


def test_an_axis_without_a_name_is_what_the_other_side_calls_it(lab, pre):
    x = image(1, 3, 4, 5)

    def layouts(p):
        p.input().tensor().set_layout("N??C")
        p.input().model().set_layout("NCHW")

    model = built(lab, pre, lab.passing((1, 3, 4, 5)), layouts)
    assert list(model.input().shape) == [1, 4, 5, 3]
    np.testing.assert_array_equal(outcome(lab, model, x.transpose(0, 2, 3, 1)), x)


def test_convert_element_type_makes_room_for_mean(lab, pre):
    x = image(1, 3, 4, 5, dtype=np.uint8)

    def tell(p):
        p.input().tensor().set_element_type(lab.ov.Type.u8)
        p.input().preprocess().convert_element_type(lab.ov.Type.f32).mean(0.5).convert_element_type(lab.ov.Type.i32)

    expected = (x.astype(np.float32) - 0.5).astype(np.int32).astype(np.float32)
    np.testing.assert_array_equal(run(lab, pre, tell, x, x.shape), expected)


def test_convert_element_type_without_an_argument_is_to_the_models(lab, pre):
    x = image(1, 2, dtype=np.uint8)

    def tell(p):
        p.input().tensor().set_element_type(lab.ov.Type.u8)
        p.input().preprocess().convert_element_type().scale(2.0)

    np.testing.assert_array_equal(run(lab, pre, tell, x, x.shape), x / np.float32(2))


@pytest.mark.parametrize("name", RESIZED)
@pytest.mark.parametrize("size", [(4, 3), (10, 14), (8, 7)], ids=str)
def test_resize(lab, pre, name, size):
    x = image(1, 2, 8, 7)

    def tell(p):
        p.input().tensor().set_shape([1, 2, 8, 7]).set_layout("NCHW")
        p.input().preprocess().resize(getattr(pre.ResizeAlgorithm, name), *size)

    y = run(lab, pre, tell, x, (1, 2, *size))
    np.testing.assert_allclose(y, resized(x, name, *size), atol=CLOSE)


def test_nearest_takes_the_first_of_two_pixels(lab, pre):
    x = image(1, 2, 8, 6)

    def tell(p):
        p.input().tensor().set_spatial_static_shape(8, 6).set_layout("NCHW")
        p.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_NEAREST)

    np.testing.assert_array_equal(run(lab, pre, tell, x, (1, 2, 4, 3)), x[:, :, ::2, ::2])


def test_resize_to_the_models_size_from_any_size(lab, pre):
    def tell(p):
        p.input().tensor().set_spatial_dynamic_shape().set_layout("NHWC")
        p.input().model().set_layout("NCHW")
        p.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_LINEAR)

    model = built(lab, pre, lab.passing((1, 3, 4, 5)), tell)
    assert str(model.input().partial_shape) == "[1,?,?,3]"
    compiled = lab.compile(model)
    for size in ((8, 10), (4, 5), (3, 9)):
        x = image(1, *size, 3)
        np.testing.assert_allclose(
            compiled([x])[0], resized(x.transpose(0, 3, 1, 2), "RESIZE_LINEAR", 4, 5), atol=CLOSE
        )


COLORS = {
    ("RGB", "BGR"): (2, 1, 0),
    ("BGR", "RGB"): (2, 1, 0),
    ("RGB", "RGB"): (0, 1, 2),
    ("RGBX", "RGB"): (0, 1, 2),
    ("RGBX", "BGR"): (2, 1, 0),
    ("BGRX", "BGR"): (0, 1, 2),
    ("BGRX", "RGB"): (2, 1, 0),
}


@pytest.mark.parametrize("colors", COLORS, ids="-".join)
def test_order_of_colours(lab, pre, colors):
    source, target = (getattr(pre.ColorFormat, name) for name in colors)
    x = image(1, 4, 5, len(colors[0]), dtype=np.uint8)

    def tell(p):
        p.input().tensor().set_element_type(lab.ov.Type.u8).set_layout("NHWC").set_color_format(source)
        p.input().model().set_layout("NCHW")
        p.input().preprocess().convert_color(target)

    expected = x[..., COLORS[colors]].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(run(lab, pre, tell, x, (1, 3, 4, 5)), expected)


@pytest.mark.parametrize("source,order", [("RGB", (0, 1, 2)), ("BGR", (2, 1, 0))])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_gray(lab, pre, source, order, dtype):
    x = image(1, 4, 5, 3, dtype=dtype)

    def tell(p):
        tensor = p.input().tensor().set_element_type(lab.ov.Type(dtype)).set_layout("NHWC")
        tensor.set_color_format(getattr(pre.ColorFormat, source))
        p.input().model().set_layout("NHWC")
        p.input().preprocess().convert_color(pre.ColorFormat.GRAY)

    y = run(lab, pre, tell, x, (1, 4, 5, 1))
    expected = (x[..., order].astype(np.float64) @ [0.299, 0.587, 0.114])[..., None]
    np.testing.assert_allclose(y, expected, atol=0.501 if dtype is np.uint8 else CLOSE)  # integers are rounded
    if dtype is np.uint8:
        np.testing.assert_array_equal(y, np.round(y))


@pytest.mark.parametrize("layout,axis", [("NCHW", 1), ("NHWC", 3)])
def test_reverse_channels(lab, pre, layout, axis):
    def tell(p):
        p.input().tensor().set_layout(layout)
        p.input().preprocess().reverse_channels()

    x = image(2, 3, 4, 5)
    np.testing.assert_array_equal(run(lab, pre, tell, x, x.shape), np.flip(x, axis))


def test_crop(lab, pre):
    def tell(p):
        p.input().tensor().set_shape([1, 3, 8, 9])
        p.input().preprocess().crop([0, 0, 1, 2], [1, 3, 5, -2])

    x = image(1, 3, 8, 9)
    np.testing.assert_array_equal(run(lab, pre, tell, x, (1, 3, 4, 5)), x[:, :, 1:5, 2:-2])


@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric"])
@pytest.mark.parametrize("value", [7.0, [7.0], 7], ids=str)
def test_pad(lab, pre, mode, value):
    x = image(1, 3, 4, 5)

    def tell(p):
        p.input().tensor().set_shape([1, 3, 4, 5])
        p.input().preprocess().pad([0, 0, 1, 2], [0, 0, 2, 1], value, getattr(pre.PaddingMode, mode.upper()))

    extra = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(x, [(0, 0), (0, 0), (1, 2), (2, 1)], mode, **extra)
    np.testing.assert_array_equal(run(lab, pre, tell, x, expected.shape), expected)


def test_edge_padding(mine):
    pre = mine.submodule("preprocess")
    x = image(1, 4)

    def tell(p):
        p.input().tensor().set_shape([1, 4])
        p.input().preprocess().pad([0, 1], [0, 2], 0, pre.PaddingMode.EDGE)

    np.testing.assert_array_equal(run(mine, pre, tell, x, (1, 7)), np.pad(x, [(0, 0), (1, 2)], "edge"))


def test_convert_layout_by_axes_gives_the_tensor_its_shape(lab, pre):
    x = image(1, 4, 5, 3)

    def tell(p):
        p.input().tensor().set_layout("NHWC")
        p.input().preprocess().convert_layout([0, 3, 1, 2]).mean([1.0, 2.0, 3.0])

    expected = x.transpose(0, 3, 1, 2) - np.reshape(np.float32([1, 2, 3]), (3, 1, 1))
    np.testing.assert_array_equal(run(lab, pre, tell, x, expected.shape), expected)


def test_convert_layout_before_the_end(lab, pre):
    x = image(1, 4, 5, 3)

    def tell(p):
        p.input().tensor().set_layout("NHWC")
        p.input().model().set_layout("NCHW")
        steps = p.input().preprocess().convert_layout(lab.ov.Layout("NCHW"))
        steps.custom(lambda data: lab.ops.cum_sum(data, np.int64(3)).output(0))

    np.testing.assert_allclose(run(lab, pre, tell, x, (1, 3, 4, 5)), np.cumsum(x.transpose(0, 3, 1, 2), 3), rtol=1e-6)


def test_custom(lab, pre):
    x = -image(2, 3)
    decorated = lab.submodule("utils.decorators").custom_preprocess_function(lambda data: lab.ops.abs(data))
    for step in (lambda data: lab.ops.abs(data).output(0), decorated):
        y = run(lab, pre, lambda p, step=step: p.input().preprocess().custom(step), x, (2, 3))
        np.testing.assert_array_equal(y, -x)


def test_set_from(lab, pre):
    x = image(1, 3, 8, 10, dtype=np.uint8)
    for tensor in (x, lab.ov.Tensor(x)):

        def tell(p, tensor=tensor):
            p.input().tensor().set_layout("NCHW").set_from(tensor)
            p.input().preprocess().convert_element_type().resize(pre.ResizeAlgorithm.RESIZE_LINEAR)

        model = built(lab, pre, lab.passing((1, 3, 4, 5)), tell)
        assert (list(model.input().shape), model.input().element_type) == ([1, 3, 8, 10], lab.ov.Type.u8)
        np.testing.assert_allclose(outcome(lab, model, x), resized(x, "RESIZE_LINEAR", 4, 5), atol=CLOSE)


def test_output_steps(lab, pre):
    x = image(1, 3, 4, 5) - np.float32(100.5)

    def tell(p):
        p.output().model().set_layout("NCHW")
        p.output().postprocess().custom(lambda data: lab.ops.abs(data).output(0)).convert_element_type(lab.ov.Type.i32)
        p.output().tensor().set_layout("NHWC").set_element_type(lab.ov.Type.f16)

    y = run(lab, pre, tell, x, x.shape)
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y, np.abs(x).astype(np.int32).transpose(0, 2, 3, 1))


@pytest.mark.parametrize("target", ["NHWC", [0, 2, 3, 1]], ids=str)
def test_output_layout(lab, pre, target):
    def tell(p):
        p.output().model().set_layout("NCHW")
        p.output().postprocess().convert_layout(target)

    x = image(1, 3, 4, 5)
    np.testing.assert_array_equal(run(lab, pre, tell, x, x.shape), x.transpose(0, 2, 3, 1))


def test_both_sides_of_a_model_that_computes(lab, pre):
    x = image(1, 4, 5, 3, dtype=np.uint8)

    def tell(p):
        p.input("x").tensor().set_element_type(lab.ov.Type.u8).set_layout("NHWC")
        p.input("x").model().set_layout("NCHW")
        p.output("y").model().set_layout("NCHW")
        p.output("y").tensor().set_layout("NHWC")

    np.testing.assert_array_equal(outcome(lab, built(lab, pre, lab.plus_one((1, 3, 4, 5)), tell), x), x + np.float32(1))


def test_only_the_ports_that_are_told_of_change(lab, pre):
    def tell(p):
        p.input(1).tensor().set_element_type(lab.ov.Type.i32)
        p.output("difference").tensor().set_element_type(lab.ov.Type.f64)

    model = built(lab, pre, lab.two_outputs(), tell)
    ports = [*model.inputs, *model.outputs]
    assert [port.element_type.get_type_name() for port in ports] == ["f32", "i32", "f32", "f64"]
    assert [port.any_name for port in ports] == ["a", "b", "sum", "difference"]
    results = lab.compile(model)([np.full((2, 3), 1.5, np.float32), np.full((2, 3), 2, np.int32)])
    np.testing.assert_array_equal([results["sum"][0, 0], results["difference"][0, 0]], [3.5, -0.5])


def test_the_original_model_is_changed_and_names_stay(lab, pre):
    model = lab.plus_one((1, 3, 4, 5))
    model.input().set_names({"first", "second"})
    made = built(lab, pre, model, lambda p: p.input("second").tensor().set_element_type(lab.ov.Type.u8))
    for seen in (model, made):
        assert seen.input().element_type == lab.ov.Type.u8
        assert (seen.input().names, seen.output().names) == ({"first", "second"}, {"y"})
        assert seen.input().get_node().get_friendly_name() == "x"


def test_setters_give_the_same_object_back(lab, pre):
    p = pre.PrePostProcessor(lab.passing((1, 3, 4, 5)))
    info = p.input().tensor()
    assert info.set_layout("NCHW") is info.set_element_type(lab.ov.Type.u8) is info.set_shape([1, 3, 4, 5]) is info
    steps = p.input().preprocess()
    assert steps.mean(1.0) is steps.scale(2.0) is steps.reverse_channels() is steps.convert_element_type() is steps
    assert p.output().postprocess().convert_element_type(lab.ov.Type.f16) is p.output().postprocess()


WRONG_STEPS = {
    "mean of integers": lambda ov, pre, tensor, steps: (tensor.set_element_type(ov.Type.u8), steps.mean(1.0)),
    "mean of channels without a layout": lambda ov, pre, tensor, steps: steps.mean([1.0, 2.0, 3.0]),
    "mean of too few channels": lambda ov, pre, tensor, steps: (tensor.set_layout("NCHW"), steps.mean([1.0, 2.0])),
    "resize without a layout": lambda ov, pre, tensor, steps: steps.resize(pre.ResizeAlgorithm.RESIZE_LINEAR),
    "reverse without a layout": lambda ov, pre, tensor, steps: steps.reverse_channels(),
    "colours of no format": lambda ov, pre, tensor, steps: (
        tensor.set_layout("NCHW"),
        steps.convert_color(pre.ColorFormat.BGR),
    ),
    "colours from gray": lambda ov, pre, tensor, steps: (
        tensor.set_color_format(pre.ColorFormat.GRAY),
        steps.convert_color(pre.ColorFormat.RGB),
    ),
    "four channels to the model": lambda ov, pre, tensor, steps: tensor.set_layout("NCHW").set_color_format(
        pre.ColorFormat.RGBX
    ),
    "another shape": lambda ov, pre, tensor, steps: tensor.set_shape([1, 3, 7, 7]),
    "another rank": lambda ov, pre, tensor, steps: tensor.set_shape([3, 4, 5]),
    "a size without a layout": lambda ov, pre, tensor, steps: tensor.set_spatial_static_shape(7, 7),
    "a layout of another rank": lambda ov, pre, tensor, steps: tensor.set_layout("NHW"),
    "crop of two lengths": lambda ov, pre, tensor, steps: steps.crop([0, 0, 1], [1, 3, 5, 5]),
    "an axis twice": lambda ov, pre, tensor, steps: steps.convert_layout([0, 3, 1, 1]),
    "two values around": lambda ov, pre, tensor, steps: steps.pad(
        [0] * 4, [0] * 4, [1.0, 2.0], pre.PaddingMode.CONSTANT
    ),
    "a custom step that gives a node": lambda ov, pre, tensor, steps: steps.custom(lambda data: data.get_node()),
}


@pytest.mark.parametrize("name", WRONG_STEPS)
def test_steps_that_do_not_fit_leave_the_model_alone(lab, pre, name):
    model = lab.passing((1, 3, 4, 5))
    with pytest.raises(RuntimeError):
        built(lab, pre, model, lambda p: WRONG_STEPS[name](lab.ov, pre, p.input().tensor(), p.input().preprocess()))
    assert (list(model.input().shape), model.input().element_type) == ([1, 3, 4, 5], lab.ov.Type.f32)
    x = image(1, 3, 4, 5)
    np.testing.assert_array_equal(outcome(lab, model, x), x)


WRONG_ARGUMENTS = [
    lambda ov, pre, i: i.tensor().set_layout(3),
    lambda ov, pre, i: i.tensor().set_element_type("u8"),
    lambda ov, pre, i: i.tensor().set_shape("[1,3,4,5]"),
    lambda ov, pre, i: i.tensor().set_shape(3),
    lambda ov, pre, i: i.tensor().set_from([1, 2]),
    lambda ov, pre, i: i.preprocess().mean("a"),
    lambda ov, pre, i: i.preprocess().resize("a"),
    lambda ov, pre, i: i.preprocess().resize(pre.ResizeAlgorithm.RESIZE_LINEAR, 3),
    lambda ov, pre, i: i.preprocess().convert_layout(),
    lambda ov, pre, i: i.preprocess().convert_element_type(np.float32),
    lambda ov, pre, i: i.preprocess().custom(3),
    lambda ov, pre, i: i.tensor().set_spatial_static_shape(-1, 7),
    lambda ov, pre, i: i.preprocess().pad([0], [0], "a", pre.PaddingMode.CONSTANT),
]


@pytest.mark.parametrize("wrong", range(len(WRONG_ARGUMENTS)))
def test_arguments_of_wrong_types(lab, pre, wrong):
    with pytest.raises(TypeError):
        WRONG_ARGUMENTS[wrong](lab.ov, pre, pre.PrePostProcessor(lab.passing((1, 3, 4, 5))).input())


def test_selectors(lab, pre):
    p = pre.PrePostProcessor(lab.two_outputs())
    named = (p.input(input_index=0), p.output(output_index=1), p.input(tensor_name="b"), p.output(tensor_name="sum"))
    assert all(info is not None for info in named)
    for wrong in ((), ("c",), (2,)):
        with pytest.raises(RuntimeError):
            p.input(*wrong)
        with pytest.raises(RuntimeError):
            p.output(*wrong)
    with pytest.raises(TypeError):
        p.input(-1)
    with pytest.raises(TypeError):
        pre.PrePostProcessor("model")


def test_a_processor_builds_once(lab, pre):
    p = pre.PrePostProcessor(lab.passing((1, 2)))
    p.build()
    with pytest.raises(RuntimeError):
        p.build()


def test_layouts_of_other_axes(lab, pre):
    def tell(p):
        p.input().tensor().set_layout("NHWD")
        p.input().model().set_layout("NCHW")

    with pytest.raises(RuntimeError):
        built(lab, pre, lab.passing((1, 3, 4, 5)), tell)


def test_the_tensors_layout_follows_from_the_models_and_the_steps(lab, pre):
    def tell(p):
        p.input().model().set_layout("NCHW")
        p.input().preprocess().convert_layout([0, 3, 1, 2])

    model = built(lab, pre, lab.passing((1, 3, 4, 5)), tell)
    assert model.input().get_node().layout == "NHWC"
    x = image(1, 4, 5, 3)
    np.testing.assert_array_equal(outcome(lab, model, x), x.transpose(0, 3, 1, 2))


def test_a_model_that_can_not_take_the_new_shape_is_left_alone(mine):
    """Columns of any number fit the input, but only 3 what reads it."""
    x = mine.parameter((1, -1))
    weights = np.ones((3, 2), np.float32)
    product = mine.ops.matmul(x, mine.ops.constant(weights), False, False)
    model = mine.ov.Model([mine.ops.result(product, name="y")], [x], "m")
    pre = mine.submodule("preprocess")

    def tell(p):
        p.input().tensor().set_shape([1, 4])
        p.output().postprocess().convert_element_type(mine.ov.Type.i32)

    with pytest.raises(RuntimeError):
        built(mine, pre, model, tell)
    assert str(model.input().partial_shape) == "[1,?]"
    y = outcome(mine, model, np.ones((1, 3), np.float32))
    assert (y.dtype, y.tolist()) == (np.float32, [[3.0, 3.0]])
