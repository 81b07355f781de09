"""The helpers of openvino's measuring tool that programs import."""

import importlib

import numpy as np
import pytest

from ovlite.errors import UserInputError


@pytest.fixture
def utils(lab):
    return lab.submodule("tools.benchmark.utils.utils")


def ports(lab, *shapes):
    parameters = [lab.ops.parameter(shape, np.float32, name=name) for shape, name in zip(shapes, "xy", strict=False)]
    return lab.ov.Model([lab.ops.relu(parameter) for parameter in parameters], parameters).inputs


def test_layouts_that_lengths_tell(lab, utils):
    for shape, layout in (([1, 3, 8, 8], "NCHW"), ([1, 8, 8, 3], "NHWC"), ([3, 8, 8], "CHW"), ([8, 8, 3], "HWC")):
        (info,), reshape = utils.get_inputs_info("", "", "", 0, "", "", ports(lab, shape))
        assert info.layout == lab.ov.Layout(layout) and not reshape and info.is_static
        assert (info.width, info.height, info.is_image) == (8, 8, True)
        assert (info.name, info.node_name, info.element_type) == ("x", "x", lab.ov.Type.f32)


def test_shapes_and_batches(lab, utils):
    (x, y), reshape = utils.get_inputs_info("x[4,3,16,16]", "", "y[NC]", 0, "", "", ports(lab, [1, 3, 8, 8], [4, 5]))
    assert reshape and list(x.partial_shape.to_shape()) == [4, 3, 16, 16] and y.layout == lab.ov.Layout("NC")
    assert utils.get_network_batch_size([x, y]) == lab.ov.Dimension(4)
    (x,), reshape = utils.get_inputs_info("", "", "", 7, "", "", ports(lab, [1, 3, 8, 8]))
    assert reshape and list(x.partial_shape.to_shape()) == [7, 3, 8, 8]
    with pytest.raises(RuntimeError):
        utils.get_inputs_info("", "", "x[CH]", 7, "", "", ports(lab, [3, 8]))


def test_shapes_of_data(lab, utils):
    (x,), _ = utils.get_inputs_info("", "x[2,3][5,3]", "", 0, "", "", ports(lab, [-1, 3]))
    assert x.is_dynamic and [list(shape) for shape in x.shapes] == [[2, 3], [5, 3]]
    with pytest.raises(Exception, match=r"\[2,4\]|2,4"):
        utils.get_inputs_info("", "x[2,4]", "", 0, "", "", ports(lab, [-1, 3]))
    (x, y), _ = utils.get_inputs_info("", "[2,3][4,3][5,3][6,3]", "", 0, "", "", ports(lab, [-1, 3], [-1, 3]))
    assert [list(shape) for shape in x.shapes] == [[2, 3], [5, 3]]
    assert [list(shape) for shape in y.shapes] == [[4, 3], [6, 3]]


def test_scale_and_mean_of_images(lab, utils):
    infos, _ = utils.get_inputs_info("", "", "", 0, "[2,3,4]", "x[1,1,1]", ports(lab, [1, 3, 8, 8], [4, 5]))
    assert infos[0].scale.tolist() == [2, 3, 4] and infos[0].mean.tolist() == [1, 1, 1] and not infos[1].scale.size


@pytest.mark.parametrize("wrong", ["x", "x[1", "1,2", "x[1]y[2]", "]["])
def test_what_parameters_are(wrong):
    utils = importlib.import_module("ovlite.tools.benchmark.utils.inputs_info")
    with pytest.raises(UserInputError, match="is not written as"):
        utils.parse_input_parameters(wrong, ["x", "y"])


def test_names_of_devices(lab):
    constants = lab.submodule("tools.benchmark.utils.constants")
    assert constants.CPU_DEVICE_NAME == "CPU" and constants.BLOB_EXTENSION == ".blob"
