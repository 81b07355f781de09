"""Models made of parts of others, nodes that are changed, and what a graph tells of its tensors."""

import copy

import numpy as np
import pytest


def two_results(lab):
    x = lab.parameter((2,))
    return lab.ov.Model([lab.ops.relu(x), lab.ops.abs(x)], [x], "two")


def types(model):
    return [node.get_type_name() for node in model.get_ordered_ops()]


def test_a_model_of_another_models_outputs_keeps_their_results(lab, tmp_path):
    model = two_results(lab)
    part = lab.ov.Model([model.outputs[1]], model.get_parameters())
    assert types(part) == ["Parameter", "Abs", "Result"]
    lab.ov.save_model(part, tmp_path / "part.xml")
    lab.ov.serialize(part, str(tmp_path / "whole.xml"))
    config = {"CACHE_DIR": str(tmp_path / "cache")}
    x = np.array([-1, 2], np.float32)
    for _ in range(2):
        assert lab.ov.Core().compile_model(part, "CPU", config)(x)[0].tolist() == [1, 2]
    assert lab.ov.Core().read_model(tmp_path / "part.xml").outputs[0].names == part.outputs[0].names


def test_what_reads_a_result_reads_its_tensor(mine, tmp_path):
    model = two_results(mine)
    behind = [mine.ops.negative(model.outputs[0]), mine.ops.result(model.outputs[1])]
    part = mine.ov.Model(behind, model.get_parameters())
    assert sorted(types(part)) == ["Abs", "Negative", "Parameter", "Relu", "Result", "Result"]
    mine.ov.save_model(part, tmp_path / "m.xml")
    found = mine.ov.Core().compile_model(tmp_path / "m.xml", "CPU")(np.array([-1, 2], np.float32))
    assert [array.tolist() for array in found.to_tuple()] == [[0, -2], [1, 2]]
    twice = mine.ov.Model([model.outputs[0], model.outputs[0]], model.get_parameters())
    assert twice.results[0] is not twice.results[1]
    assert len(mine.compile(twice)(np.ones(2, np.float32)).to_tuple()) == 2


def test_outputs_that_are_new_on_the_graph(lab):
    model = two_results(lab)
    (added,) = model.add_outputs(lab.ops.negative(model.get_results()[0].input_value(0)).output(0))
    assert len(model.outputs) == 3 and added.node is model.get_results()[2]
    assert lab.compile(model)(np.array([-1, 2], np.float32))[2].tolist() == [0, -2]


def test_outputs_of_other_parameters_are_refused(mine):
    model = two_results(mine)
    with pytest.raises(RuntimeError, match="reads parameter 'other', which is not among its parameters"):
        model.add_outputs(mine.ops.abs(mine.parameter((2,), name="other")).output(0))
    assert len(model.outputs) == 2


def test_attributes_by_method(lab):
    soft = lab.ops.softmax(lab.parameter((2, 3)), 1)
    assert soft.get_axis() == 1 and soft.set_axis(np.int64(0)) is None and soft.get_axis() == 0
    image, filters = lab.parameter((1, 3, 8, 8)), lab.parameter((4, 3, 3, 3))
    conv = lab.ops.convolution(image, filters, [1, 1], [0, 0], [0, 0], [1, 1])
    for strides in ([2, 2], (2, 2), np.array([2, 2])):
        conv.set_strides(strides)
        assert conv.get_strides() == [2, 2]
    assert list(conv.output(0).shape) == [1, 4, 6, 6]
    conv.validate_and_infer_types()
    assert list(conv.output(0).shape) == [1, 4, 3, 3]
    conv.set_auto_pad("SAME_UPPER")
    assert conv.get_auto_pad() == "same_upper"
    convert = lab.ops.convert(image, "i32")
    convert.set_destination_type(lab.ov.Type.f16)
    assert convert.get_destination_type() == "f16"
    assert lab.ops.constant(np.ones((2, 3), np.float32)).get_shape() == [2, 3]


def test_attributes_that_are_not_there_or_do_not_fit(lab):
    soft = lab.ops.softmax(lab.parameter((2, 3)), 1)
    conv = lab.ops.convolution(lab.parameter((1, 3, 8, 8)), lab.parameter((4, 3, 3, 3)), [1, 1], [0, 0], [0, 0], [1, 1])
    for name in ("get_nothing", "set_nothing", "nothing"):
        assert not hasattr(soft, name)
    for call in (
        lambda: soft.set_axis("x"), lambda: soft.set_axis(1.5), lambda: conv.set_auto_pad("nope"),
        lambda: conv.set_dilations([1.5, 1]), lambda: conv.set_dilations("a"), lambda: conv.set_dilations(2),
    ):  # fmt: skip
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(TypeError):
        soft.get_axis(3)
    assert soft.get_axis() == 1 and conv.get_dilations() == [1, 1]


def test_the_tensor_of_a_compiled_port(lab):
    tensor = lab.compile(lab.plus_one()).output(0).get_tensor()
    assert list(tensor.get_shape()) == [2, 3] and tensor.get_partial_shape().is_static
    assert tensor.get_element_type() == lab.ov.Type.f32 and tensor.size == 24 and tensor.get_names() == {"y"}
    assert isinstance(tensor, lab.submodule("_pyopenvino").DescriptorTensor)


def test_bounds_and_symbols_of_elements(lab):
    tensor = lab.parameter((2,), np.int64).output(0).get_tensor()
    assert tensor.get_value_symbol() == []
    low, high = lab.ov.Tensor(np.array([1, 4])), lab.ov.Tensor(np.array([9, 4]))
    tensor.set_lower_value(low)
    tensor.set_upper_value(high)
    assert tensor.get_lower_value().data.tolist() == [1, 4] and tensor.get_upper_value().data.tolist() == [9, 4]
    symbols = [lab.ov.Symbol(), lab.ov.Symbol()]
    tensor.set_value_symbol(symbols)
    assert tensor.get_value_symbol() == symbols
    with pytest.raises(RuntimeError):
        tensor.set_lower_value(lab.ov.Tensor(np.ones(3, np.int64)))


def test_estimates_of_a_shape(lab):
    experimental = lab.submodule("experimental")
    shape = lab.ops.shape_of(lab.ops.parameter([lab.ov.Dimension(1, 5), 3], np.float32)).output(0)
    low, high = experimental.evaluate_both_bounds(shape)
    assert low.data.tolist() == [1, 3] and high.data.tolist() == [5, 3]
    found = lab.ov.PartialShape([])
    assert experimental.evaluate_as_partial_shape(shape, found) and str(found) == "[1..5,3]"
    tensor = lab.parameter((2,)).output(0).get_tensor()
    experimental.set_element_type(tensor, lab.ov.Type.i8)
    assert tensor.get_element_type() == lab.ov.Type.i8
    experimental.set_tensor_type(tensor, lab.ov.Type.u8, lab.ov.PartialShape([7, -1]))
    assert tensor.get_element_type() == lab.ov.Type.u8 and str(tensor.get_partial_shape()) == "[7,?]"


def test_implicit_constants_are_named_after_their_reader(lab):
    node = lab.ops.add(lab.parameter((2,)), np.float32(1), name="X")
    assert node.input_value(1).node.friendly_name.startswith("X/Constant_")


def test_lengths_of_a_shape_from_dimensions(lab):
    shape = lab.ov.Shape([1, 2])
    shape[0] = lab.ov.Dimension(3)
    assert list(shape) == [3, 2]
    for wrong in (lab.ov.Dimension(), -1, 1.5) if lab.name == "ovlite" else ():
        with pytest.raises((TypeError, RuntimeError)):
            shape[0] = wrong


def test_nodes_made_without_arguments(lab):
    make = lab.submodule("utils.node_factory").NodeFactory("opset1").create
    node = make("TopK")
    node.set_arguments([lab.parameter((1, 3, 9, 9)).output(0), lab.ops.constant(np.int32(2)).output(0)])
    for name, value in (("axis", 1), ("mode", "max"), ("sort", "value")):
        node.set_attribute(name, value)
    node.validate_and_infer_types()
    assert node.get_output_size() == 2 and list(node.get_output_shape(0)) == [1, 2, 9, 9]
    with pytest.raises(lab.submodule("exceptions").UserInputError):
        make("TopK", None, {"axis": 1})


def test_states_made_without_arguments(lab):
    operations, util = lab.submodule("op"), lab.submodule("op.util")
    assert operations.assign().get_input_size() == 0 and operations.read_value().get_input_size() == 0
    info = util.VariableInfo()
    info.data_shape, info.data_type, info.variable_id = lab.ov.PartialShape([2]), lab.ov.Type.f32, "v"
    variable = util.Variable(info)
    first = lab.ops.read_value(init_value=lab.parameter((2,)), ov_variable=variable)
    second = lab.ops.read_value(ov_variable=variable)
    assert [list(node.shape) for node in (first, second)] == [[2], [2]] and second.get_input_size() == 0


def test_constants_by_the_keyword_tensor(lab):
    tensor = lab.ov.Tensor(np.arange(2, dtype=np.float32))
    assert lab.ops.constant(tensor=tensor).data.tolist() == [0, 1]


def test_descriptions_can_be_copied(lab):
    description = lab.submodule("op.util").SliceInputDescription(0, 1, 2, 3, 4, 5, 6)
    twin = description.copy()
    assert (twin.input_index, twin.start, twin.axis) == (0, 2, 6) and twin is not description
    assert description.get_type_info().name == "SliceInputDescription"


def test_symbols_fit_shapes(mine):
    passes = mine.submodule("passes")
    dim, other = mine.ov.Dimension(), mine.ov.Dimension()
    dim.set_symbol(mine.ov.Symbol())
    shape = mine.ov.PartialShape([-1, 2, -1])
    shape[0] = shape[2] = dim
    port = mine.ops.parameter(shape, np.float32).output(0)
    shape[2] = other
    loose = mine.ops.parameter(shape, np.float32).output(0)
    assert passes.shape_matches("[B,2,B]").holds({}, port) and not passes.shape_matches("[B,2,B]").holds({}, loose)
    assert passes.shape_matches("[B...,?]").holds({}, port) and passes.shape_matches("[B,2,?]").holds({}, loose)


def test_plugins(mine):
    core = mine.ov.Core()
    assert core.unload_plugin("CPU") is None
    for call in (
        lambda: core.register_plugin("a_plugin", "OTHER"),
        lambda: core.register_plugins("plugins.xml"),
        lambda: core.unload_plugin("OTHER"),
    ):
        with pytest.raises(RuntimeError, match="ovlite has the CPU alone|there is no device"):
            call()


def test_extensions_of_a_programs_own(lab):
    class Own(lab.ov.Extension):
        def __init__(self):
            super().__init__()

    assert lab.ov.Core().add_extension(Own()) is None


def test_helpers_of_utils(lab):
    utils, validation = lab.submodule("utils"), lab.submodule("utils.input_validation")
    assert isinstance(utils.get_cmake_path(), str) and "PyCapsule" in str(type(utils.numpy_to_c(np.ones(2))))

    @utils.deprecated(version="2.0", message="use other()")
    def old():
        return 3

    with pytest.warns(DeprecationWarning, match=r"old is deprecated and will be removed in version 2.0. use other\(\)"):
        assert old() == 3
    assert validation.check_valid_attribute("Op", {"a": [1, 2]}, "a", np.integer, validation.is_positive_value)
    assert validation._check_value("Op", "a", np.int8(3), np.integer)  # what openvino's own operators were checked by
    for attributes in ({"a": [1.5]}, {"a": [-1]}, {}):
        with pytest.raises(lab.submodule("exceptions").UserInputError):
            validation.check_valid_attribute("Op", attributes, "a", np.integer, validation.is_positive_value, True)
    with pytest.raises(TypeError if lab.name == "ovlite" else Exception):
        copy.deepcopy(lab.parameter((2,)))


def test_postponed_constants(lab, tmp_path):
    calls = []

    def maker():
        calls.append(1)
        return lab.ov.Tensor(np.arange(3, dtype=np.float32))

    x = lab.parameter((3,))
    late = lab.submodule("utils.postponed_constant").make_postponed_constant(
        lab.ov.Type.f32, lab.ov.Shape([3]), maker, "late"
    )
    model = lab.ov.Model([lab.ops.add(x, late)], [x])
    assert not calls
    lab.ov.serialize(model, str(tmp_path / "m.xml"))
    assert len(calls) == 1
    read = lab.ov.Core().read_model(tmp_path / "m.xml")
    assert lab.compile(read)(np.ones(3, np.float32))[0].tolist() == [1, 2, 3]


def test_a_postponed_constant_of_other_elements_is_refused(mine):
    utils = mine.submodule("utils")
    late = utils.make_postponed_constant(mine.ov.Type.f32, [3], lambda: mine.ov.Tensor(np.arange(4, dtype=np.float32)))
    with pytest.raises(RuntimeError, match="to return f32"):
        mine.compile(mine.ov.Model([mine.ops.relu(late)], []))


@pytest.mark.parametrize("values", [np.array([0, 1, 2, 3, 15], np.uint8), np.array([3, 0], np.int64), [True, False]])
def test_whole_numbers_are_codes_of_nf4(lab, values):
    constant = lab.ops.constant(np.array(values), dtype=lab.ov.Type.nf4)
    codes = np.array(values).astype(np.uint8)
    packed = np.zeros(-(-codes.size // 2) * 2, np.uint8)
    packed[: codes.size] = codes
    assert constant.get_data().tolist() == (packed[::2] | packed[1::2] << 4).tolist()


@pytest.mark.parametrize("values", [[16], [-1]])
def test_codes_of_nf4_are_below_16(lab, values):
    with pytest.raises((RuntimeError, UnicodeDecodeError)):
        lab.ops.constant(np.array(values), dtype=lab.ov.Type.nf4)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([1e-6] * 8, "f32"), ([1e-6] * 6 + [1.0] * 2, "f32"), ([1e-6] * 5 + [1.0] * 3, "f16"), ([1e6] * 8, "f32"),
        ([1e6] + [1.0] * 7, "f16"), ([np.inf] + [1.0] * 7, "f16"), ([0.0] * 8, "f16"), ([0.0] * 3 + [1e-7] * 5, "f16"),
        ([np.nan] * 8, "f32"), ([3e-5] * 8, "f16"), ([65519.0] * 8, "f32"), ([], "f16"), ([0.1], "f32"),
        ([1.0], "f16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_saved_as_f16(lab, tmp_path, values, kept, dtype):
    if lab.name == "openvino" and (not values or (np.isnan(values).all() and dtype is np.float64)):
        pytest.skip("of nothing it divides by zero, and takes NaN of f64 for numbers")
    x = lab.parameter((1, len(values)), dtype)
    model = lab.ov.Model([lab.ops.add(x, lab.ops.constant(np.array(values, dtype)))], [x])
    lab.ov.save_model(model, tmp_path / "m.xml")
    read = lab.ov.Core().read_model(tmp_path / "m.xml")
    (constant,) = [node for node in read.get_ops() if node.get_type_name() == "Constant"]
    wide = "f32" if dtype is np.float32 else "f64"
    assert constant.get_element_type().get_type_name() == (kept if kept == "f16" else wide)
    assert np.isfinite(constant.get_data()).all() or np.isnan(values).any()


@pytest.mark.parametrize("end", [39, 37])
def test_parts_that_do_not_fill_an_axis_are_refused(lab, end):
    x, part = lab.ops.parameter([32, 40, 10]), lab.ops.parameter([32, 2, 10])
    body = lab.ops.relu(part)
    iterator = lab.submodule("op").tensor_iterator()
    iterator.set_body(lab.ov.Model([body], [part]))
    iterator.set_sliced_input(part, x.output(0), 0, 2, 2, end, 1)
    joined = iterator.get_concatenated_slices(body.output(0), 0, 2, 2, end, 1)
    assert list(iterator.get_output_partial_shape(0).to_shape()) == [32, (end + 1) // 2 * 2, 10]
    with pytest.raises(RuntimeError):
        lab.compile(lab.ov.Model([joined], [x]))


def test_parts_of_an_axis_that_is_known_late(mine):
    x, part = mine.ops.parameter([1, -1]), mine.ops.parameter([1, 2])
    body = mine.ops.relu(part)
    iterator = mine.submodule("op").tensor_iterator()
    iterator.set_body(mine.ov.Model([body], [part]))
    iterator.set_sliced_input(part, x.output(0), 0, 2, 2, -1, 1)
    compiled = mine.compile(mine.ov.Model([iterator.get_concatenated_slices(body.output(0), 0, 2, 2, -1, 1)], [x]))
    assert compiled(np.ones((1, 6), np.float32))[0].shape == (1, 6)
    with pytest.raises(RuntimeError, match="do not fill an axis of 5 elements"):
        compiled(np.ones((1, 5), np.float32))


@pytest.mark.parametrize("pads", [[2, 2], [0, 0, 2, 2], [2]])
def test_pads_of_the_first_interpolate_are_of_the_resized_axes(mine, pads):
    ops = mine.submodule("opset1")
    image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    x = mine.parameter((1, 1, 4, 4))
    attributes = {"axes": [2, 3], "mode": "nearest", "align_corners": False, "pads_begin": np.array(pads)}
    node = ops.interpolate(x, [3, 3], attributes)
    assert list(node.shape) == [1, 1, 3, 3]
    padded = np.pad(image, [(0, 0), (0, 0), (2, 0), (2, 0)])
    assert (mine.compile(mine.ov.Model([node], [x]))(image)[0] == padded[:, :, ::2, ::2]).all()
