"""Nodes, outputs, inputs, operators of Python, parameters, constants, results, and what factories refuse."""

import copy
import pickle

import numpy as np
import pytest


def sum_of(lab):
    x = lab.parameter()
    return x, lab.ops.add(x, lab.ops.constant(np.ones((2, 3), np.float32)), name="n")


def test_what_nodes_say(lab):
    x, n = sum_of(lab)
    assert n.get_name() == n.name and n.name.startswith("Add_") and n.get_friendly_name() == n.friendly_name == "n"
    assert (
        n.get_type_name() == n.get_type_info().name == n.type_info.name == "Add" and n.type_info.version_id == "opset1"
    )
    assert (
        n.get_output_size() == 1
        and n.get_input_size() == 2
        and n.shape == [2, 3]
        and n.get_element_type() == lab.ov.Type.f32
    )
    assert n.get_output_shape(0) == n.get_input_shape(1) == [2, 3] and n.get_output_partial_shape(
        0
    ) == n.get_input_partial_shape(0)
    assert n.get_output_element_type(0) == n.get_input_element_type(0) == lab.ov.Type.f32
    assert (
        len(n.inputs()) == len(n.input_values()) == 2
        and n.outputs() == [n.output(0)]
        and n.input_value(0) == x.output(0)
    )
    assert n.validate_and_infer_types() is None and n.get_instance_id() == n.get_instance_id() != x.get_instance_id()
    assert repr(n) == str(n) == "<Add: 'n' ([2,3])>" and repr(x) == "<Parameter: 'x' ([2,3], float)>"


def test_friendly_names(lab):
    _, n = sum_of(lab)
    n.friendly_name = "a"
    assert n.get_friendly_name() == "a"
    n.set_friendly_name("b")
    assert n.friendly_name == "b" and n.get_name() != "b"
    for action in (lambda: n.set_friendly_name(3), lambda: setattr(n, "friendly_name", 3)):
        with pytest.raises(TypeError):
            action()


@pytest.mark.parametrize(
    ("make", "attributes"),
    [
        (lambda ops, x: ops.add(x, x), {"auto_broadcast": "numpy"}),
        (lambda ops, x: ops.add(x, x, auto_broadcast="NONE"), {"auto_broadcast": "none"}),
        (lambda ops, x: ops.split(x, np.int64(1), 3), {"num_splits": 3}),
        (lambda ops, x: ops.matmul(x, x, False, True), {"transpose_a": False, "transpose_b": True}),
        (lambda ops, x: x, {"shape": [2, 3], "element_type": "f32"}),
        (lambda ops, x: ops.constant([1, 2]), {"shape": [2], "element_type": "i64"}),
        (
            lambda ops, x: ops.max_pool(ops.parameter([1, 1, 4, 4]), [1, 1], [1, 1], [0, 0], [0, 0], [2, 2]),
            {
                "strides": [1, 1], "dilations": [1, 1], "pads_begin": [0, 0], "pads_end": [0, 0], "kernel": [2, 2],
                "rounding_type": "floor", "auto_pad": "explicit", "index_element_type": "i64", "axis": 0,
            },
        ),
    ],
)  # fmt: skip
def test_attributes(lab, make, attributes):
    assert make(lab.ops, lab.parameter()).get_attributes() == attributes


@pytest.mark.parametrize("ask", [
    "output", "input", "input_value", "get_output_shape", "get_output_partial_shape", "get_output_element_type",
    "get_input_shape", "get_input_partial_shape", "get_input_element_type",
])  # fmt: skip
def test_no_such_port(lab, ask):
    _, n = sum_of(lab)
    with pytest.raises(RuntimeError):
        getattr(n, ask)(5)
    with pytest.raises(TypeError):
        getattr(n, ask)(-1)


def test_several_outputs(lab):
    split = lab.ops.split(lab.parameter(), np.int64(1), 3)
    assert [list(output.shape) for output in split.outputs()] == [[2, 1]] * 3 and split.output(2).index == 2
    assert lab.ops.relu(split).input_value(0) == split.output(0)
    for action in (lambda: split.shape, split.get_element_type, lambda: lab.parameter((-1,)).shape):
        with pytest.raises(RuntimeError):
            action()


def test_notes_of_nodes_and_ports(lab):
    _, n = sum_of(lab)
    for place in (n, n.output(0)):
        assert len(place.rt_info) == 0 and not place.rt_info
        place.rt_info["a"] = 1
        place.set_rt_info(2, "b")
        assert place.rt_info["a"] == 1 and place.get_rt_info()["b"].value == 2 and "a" in place.rt_info
        assert sorted(place.rt_info) == ["a", "b"] and [item.value for item in place.rt_info.values()] == [1, 2]
        del place.rt_info["a"]
        assert len(place.rt_info) == 1
    n.input(0).set_rt_info(3, "c")
    assert n.input(0).rt_info["c"].value == 3


def test_outputs(lab):
    x, n = sum_of(lab)
    o = x.output(0)
    assert o == x.output(0) and hash(o) == hash(x.output(0)) and o != n.output(0) and o != x and o != "x" and o != 3
    assert (o.get_node() == o.node == x) and o.get_index() == o.index == 0 and o.get_shape() == o.shape == [2, 3]
    assert (
        o.get_partial_shape() == o.partial_shape == lab.ov.PartialShape([2, 3])
        and o.get_element_type() == o.element_type == lab.ov.Type.f32
    )
    assert (
        o.tensor.shape == o.get_tensor().get_shape() == [2, 3]
        and o.tensor.element_type == lab.ov.Type.f32
        and o.tensor.size == 24
    )
    (target,) = o.target_inputs
    assert len(o.get_target_inputs()) == 1 and target.get_node() == n and (o < n.output(0)) != (n.output(0) < o)
    o.set_names({"a"})
    assert repr(o) == "<Output: names[a] shape[2,3] type: f32>" and copy.copy(o).names == {"a"}
    for action in (lambda: copy.deepcopy(o), lambda: pickle.dumps(o), lambda: o < 3):
        with pytest.raises(TypeError):
            action()


def test_inputs(lab):
    x, n = sum_of(lab)
    port = n.input(0)
    assert port.get_node() == n and port.get_index() == 0 and port.get_source_output() == x.output(0)
    assert (
        port.get_shape() == [2, 3]
        and port.get_partial_shape() == lab.ov.PartialShape([2, 3])
        and port.get_element_type() == lab.ov.Type.f32
    )
    assert repr(port) == "<Input: shape[2,3] type: f32>" and port.get_tensor().names == x.output(0).names


def test_rewiring(lab):
    x = lab.parameter()
    h = lab.ops.relu(x)
    y = lab.ops.tanh(h)
    h.output(0).replace(x.output(0))
    assert y.input_value(0) == x.output(0)
    y.input(0).replace_source_output(h.output(0))
    assert y.input_value(0) == h.output(0)
    y.set_argument(0, x.output(0))
    assert y.input_value(0) == x.output(0)
    y.set_arguments([h])
    assert y.input_value(0) == h.output(0)
    y.set_arguments([x.output(0)])
    assert y.input_value(0) == x.output(0)
    with pytest.raises(TypeError):
        y.set_argument(0, h)
    last = lab.ops.relu(h)
    assert len(h.output(0).target_inputs) == 1
    h.output(0).remove_target_input(last.input(0))
    assert h.output(0).target_inputs == set()
    soft = lab.ops.softmax(x, 1)
    soft.set_attribute("axis", 0)
    assert soft.get_attributes() == {"axis": 0}


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (lambda a, b: a + b, "Add"),
        (lambda a, b: a - b, "Subtract"),
        (lambda a, b: a * b, "Multiply"),
        (lambda a, b: a / b, "Divide"),
    ],
)
def test_arithmetic(lab, compute, name, array):
    x = lab.parameter((2,), np.int64)
    other = np.array([3, 4]) if array else 3
    for node, place in ((compute(x, other), 0), (compute(other, x), 1)):
        assert node.get_type_name() == name and node.input_value(place) == x.output(0) and node.shape == [2]
        assert node.input_value(1 - place).get_node().data.tolist() == (other.tolist() if array else other)
    assert compute(x, x).get_type_name() == name


@pytest.mark.parametrize("compute", [
    lambda x: -x, lambda x: x**2, lambda x: x @ x, lambda x: abs(x), lambda x: x < x, lambda x: x > 1, lambda x: x // 2,
    lambda x: x % 2, lambda x: x[0], lambda x: x & x, lambda x: ~x, iter, len, lambda x: x + x.output(0),
    lambda x: x.output(0) + x, lambda x: x + [1], lambda x: [1] + x, lambda x: x + "1", lambda x: x + 3j,
    lambda x: np.ones(3) ** x, lambda x: np.ones(3) > x, lambda x: np.maximum(x, np.ones(3)),
    np.sin, copy.copy, copy.deepcopy, pickle.dumps,
])  # fmt: skip
def test_what_nodes_cannot_do(lab, compute):
    with pytest.raises(TypeError):
        compute(lab.parameter())


def test_nodes_are_equal_to_themselves_alone(lab):
    x, n = sum_of(lab)
    assert x == x and x != n and x != 3 and x and isinstance(hash(x), int) and x in [n, x]


@pytest.mark.parametrize("compute", [
    lambda ops, x: x + 1, lambda ops, x: ops.add(x, 1.0), lambda ops, x: x + np.float32(1),
    lambda ops, x: np.float32(1) + x, lambda ops, x: ops.add(x, [1, 2, 3]), lambda ops, x: ops.concat([x, x], 5),
    lambda ops, x: ops.convert(x, "int32"),
    lambda ops, x: ops.add(x, x, "bad"), lambda ops, x: ops.add(x, ops.parameter([2, 3], np.int64)),
])  # fmt: skip
def test_what_does_not_fit(lab, compute):
    with pytest.raises(RuntimeError):
        compute(lab.ops, lab.parameter())


def test_literals_that_fit(lab):
    x = lab.parameter()
    assert lab.ops.add(x, np.float32(1)).shape == (x + np.ones(3, np.float32)).shape == [2, 3]
    assert lab.ops.relu(3.0).get_element_type() == lab.ov.Type.f64
    assert lab.ops.add(left=x, right=x).shape == lab.ops.relu(input_value=x).shape == lab.ops.ceil(x).shape == [2, 3]
    for target in ("i32", np.int32, lab.ov.Type.i32):
        assert lab.ops.convert(x, target).get_element_type() == lab.ov.Type.i32
    for wrong in ("a", None):
        with pytest.raises(TypeError) as caught:
            lab.ops.add(x, wrong)
        assert isinstance(caught.value, lab.submodule("exceptions").OVTypeError)


@pytest.mark.parametrize(("dtype", "name"), [
    (np.float32, "f32"), (float, "f32"), (int, "i32"), (bool, "boolean"), (str, "string"), (np.dtype("int16"), "i16"),
])  # fmt: skip
def test_types_of_parameters(lab, dtype, name):
    assert lab.ops.parameter([2], dtype).get_element_type() == getattr(lab.ov.Type, name)


@pytest.mark.parametrize(
    "arguments", [[3], [None], [[2], "float32"], [[2], "f32"], [[2], None], [np.array([2])], [[2], np.complex64]]
)
def test_what_is_no_parameter(lab, arguments):
    with pytest.raises(TypeError):
        lab.ops.parameter(*arguments)


def test_parameters(lab):
    ov, x = lab.ov, lab.parameter()
    assert (
        x.layout.empty
        and x.get_layout() == "..."
        and x.element_type == ov.Type.f32
        and x.partial_shape == x.get_partial_shape() == [2, 3]
    )
    x.layout = ov.Layout("NC")
    assert x.layout == "NC"
    x.set_layout(ov.Layout("CN"))
    assert x.get_layout() == "CN"
    x.set_partial_shape(ov.PartialShape([3, 4]))
    x.set_element_type(ov.Type.i8)
    assert x.output(0).shape == [2, 3] and x.partial_shape == [3, 4] and x.element_type == ov.Type.i8
    x.validate_and_infer_types()
    assert x.output(0).shape == [3, 4] and x.output(0).element_type == ov.Type.i8
    for action in (
        lambda: setattr(x, "layout", "NC"), lambda: x.set_layout("NC"), lambda: x.set_partial_shape([3, 4]),
        lambda: x.set_element_type(np.int8), lambda: setattr(x, "partial_shape", [3, 4]),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            action()


def test_classes(lab):
    op, ov, x = lab.submodule("op"), lab.ov, lab.parameter()
    assert (
        isinstance(x, op.Parameter)
        and isinstance(lab.ops.constant(1), op.Constant)
        and isinstance(lab.ops.result(x), op.Result)
    )
    assert isinstance(x, ov.Node) and op.Parameter(ov.Type.f32, ov.PartialShape([2])).shape == op.Parameter(
        ov.Type.f32, ov.Shape([2])
    ).shape == [2]
    assert op.Result(x.output(0)).shape == [2, 3] and op.Constant(np.ones(2, np.float32)).shape == [2]
    for action in (lambda: op.Result(x), lambda: op.Parameter(np.float32, ov.PartialShape([2]))):
        with pytest.raises(TypeError):
            action()
    result = lab.ops.result(x, name="r")
    result.layout = ov.Layout("NC")
    assert result.friendly_name == "r" and result.get_layout() == "NC"


@pytest.mark.parametrize(("value", "dtype", "name", "elements"), [
    (1, None, "i64", 1), (1.5, None, "f64", 1.5), (True, None, "boolean", True), ([1, 2], None, "i64", [1, 2]),
    ([], None, "f64", []),
    (np.float16(2), None, "f16", 2), (1.7, np.int32, "i32", 1), ([[1, 2]], np.int8, "i8", [[1, 2]]),
])  # fmt: skip
def test_constants(lab, value, dtype, name, elements):
    constant = lab.ops.constant(value, name="c", **({} if dtype is None else {"dtype": dtype}))
    assert constant.get_element_type() == getattr(lab.ov.Type, name) and constant.data.tolist() == elements
    assert constant.friendly_name == "c" and list(constant.shape) == list(np.shape(elements))


@pytest.mark.parametrize("value", [None, "a", b"a", 3j])
def test_what_is_no_constant(lab, value):
    with pytest.raises(TypeError):
        lab.ops.constant(value)


def test_types_are_not_told_by_their_short_name(lab):
    """numpy's names are taken, by openvino as a keyword only."""
    with pytest.raises(TypeError):
        lab.ops.constant(1, "f32")


def test_elements_of_constants(lab):
    constant = lab.ops.constant(np.array([[1, 2.5]], np.float32))
    assert (
        constant.get_vector().tolist() == [1, 2.5]
        and constant.get_value_strings() == ["1", "2.5"]
        and constant.get_byte_size() == 8
    )
    assert list(constant.get_strides()) == list(constant.strides) == [8, 4] and constant.get_data().tolist() == [
        [1, 2.5]
    ]
    assert lab.ops.constant([1, 2], lab.ov.Type.i4).data.tolist() == [0x21]
    assert lab.ops.constant([1, 2], lab.ov.Type.u4).get_vector().tolist() == [1, 2]
    with pytest.raises(ValueError):
        constant.data[0, 0] = 3
    with pytest.raises(AttributeError):
        constant.data = 3


def test_elements_of_a_package_s_own_type_are_converted(lab):
    values = np.array([1, 2.5, -3], pytest.importorskip("ml_dtypes").bfloat16)
    assert lab.ops.constant(values, lab.ov.Type.f32).data.tolist() == [1, 2.5, -3]
    assert lab.ops.constant(values, lab.ov.Type.bf16).get_element_type() == lab.ov.Type.bf16
    if lab.name == "openvino":
        with pytest.raises(RuntimeError):
            lab.ops.constant(values)
    else:
        assert lab.ops.constant(values).get_element_type() == lab.ov.Type.bf16


@pytest.mark.parametrize(("shape", "told"), [([2, 3], [2, 3]), ([-1, 3], [-1, 3]), ("1..5,?", [-1, -1]), ("...", [])])
def test_the_shape_among_a_parameter_s_attributes(lab, shape, told):
    parameter = lab.ops.parameter(lab.ov.PartialShape(shape), np.float32)
    assert parameter.get_attributes() == {"shape": told, "element_type": "f32"}


def test_memory_of_constants(lab):
    array = np.ones(2, np.float32)
    shared, copied = lab.ops.constant(array, shared_memory=True), lab.ops.constant(array)
    tensor = lab.ov.Tensor(np.ones(2, np.float32))
    of_tensor, own = lab.ops.constant(tensor), lab.ops.constant(tensor, shared_memory=False)
    array[0] = tensor.data[0] = 5
    assert shared.data.tolist() == of_tensor.data.tolist() == [5, 1] and copied.data.tolist() == own.data.tolist() == [
        1,
        1,
    ]
    with pytest.raises(ValueError):
        shared.data[0] = 9


def test_keywords_of_nodes(lab):
    x = lab.parameter()
    node = lab.ops.relu(x)
    assert node.output(output_index=0).shape == [2, 3] and node.input(input_index=0).get_index() == 0
    assert lab.ops.result(input_value=node, name="y").friendly_name == "y"
    x.set_element_type(lab.ov.Type.i64)
    assert x.get_element_type() == lab.ov.Type.i64
    x.validate_and_infer_types()
    assert x.output(0).element_type == lab.ov.Type.i64


@pytest.mark.parametrize(("kind", "name"), [(int, "i32"), (float, "f32"), (bool, "boolean"), (np.float64, "f64")])
def test_element_types_of_python(lab, kind, name):
    assert lab.ops.constant([1, 0], kind).get_element_type().get_type_name() == name
    assert lab.ops.convert(lab.parameter(), kind).get_element_type().get_type_name() == name


def test_a_constant_of_a_tensor_keeps_its_element_type(lab):
    with pytest.raises(TypeError):
        lab.ops.constant(lab.ov.Tensor([1.5]), np.int32)


def test_ports_are_counted_in_whole_numbers(lab):
    node = lab.ops.relu(lab.parameter())
    for method in (node.output, node.get_output_shape, node.get_output_partial_shape):
        for wrong in (1.5, None, -1):
            with pytest.raises(TypeError):
                method(wrong)
