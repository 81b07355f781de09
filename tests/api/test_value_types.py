"""Types, shapes, dimensions, layouts and short vectors. ovlite's values can be copied and pickled; openvino's can't."""

import numpy as np
import pytest

SPELLINGS = {
    "boolean": "char", "bf16": "bfloat16", "f16": "float16", "f32": "float32", "f64": "double64", "i4": "int4_t",
    "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t", "u1": "uint1_t", "u4": "uint4_t",
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "nf4": "nfloat4", "f8e4m3": "f8e4m3",
    "string": "string", "dynamic": "dynamic",
}  # fmt: skip


@pytest.fixture
def ov(lab):
    return lab.ov


@pytest.mark.parametrize(("name", "spelling"), SPELLINGS.items())
def test_types_by_name(ov, name, spelling):
    kind = getattr(ov.Type, name)
    assert kind.get_type_name() == kind.to_string() == kind.type_name == name
    assert repr(kind) == str(kind) == f"<Type: '{spelling}'>"
    assert hash(kind) == hash(getattr(ov.Type, name)) and kind == getattr(ov.Type, name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (np.float32, "f32"), (np.dtype("int16"), "i16"), ("float16", "f16"), (int, "i64"), (float, "f64"),
        (bool, "boolean"), (str, "string"), (bytes, "string"), (np.uint8, "u8"),
    ],
)  # fmt: skip
def test_types_of_numpy(ov, source, name):
    assert ov.Type(source) == getattr(ov.Type, name)


@pytest.mark.parametrize(
    ("source", "error"), [("f32", TypeError), (3, TypeError), (complex, RuntimeError), (object, RuntimeError)]
)
def test_what_is_no_type(ov, source, error):
    with pytest.raises(error):
        ov.Type(source)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("bf16", "float16"), ("u1", "uint8"), ("i4", "int8"), ("f8e4m3", "uint8"), ("string", "S"), ("f64", "float64")],
)
def test_numpy_types_that_hold_elements(ov, name, dtype):
    assert getattr(ov.Type, name).to_dtype() == np.dtype(dtype)


def test_the_dynamic_type_has_no_dtype(ov):
    with pytest.raises(IndexError):
        ov.Type.dynamic.to_dtype()


def test_what_types_say(ov):
    f32, i8, i4 = ov.Type.f32, ov.Type.i8, ov.Type.i4
    assert (f32.size, f32.bitwidth, f32.get_size(), f32.get_bitwidth()) == (4, 32, 4, 32)
    assert (i4.size, i4.bitwidth) == (1, 4)
    assert f32.is_real() and f32.real and not f32.is_integral() and f32.is_signed() and not f32.is_quantized()
    assert i8.is_integral() and i8.integral_number and i8.quantized and not ov.Type.u1.is_quantized()
    assert ov.Type.i32.is_quantized() and not ov.Type.i16.is_quantized()
    assert f32.is_static() and ov.Type.dynamic.is_dynamic()
    assert f32.merge(ov.Type.dynamic) == ov.Type.dynamic.merge(f32) == f32 and f32.merge(i8) is None
    assert f32.compatible(ov.Type.dynamic) and not f32.compatible(i8)
    assert (f32 == np.float32) is False and (f32 == "f32") is False


def test_shapes(ov):
    shape = ov.Shape([2, 3])
    assert (
        str(shape) == shape.to_string() == "[2,3]"
        and repr(shape) == "<Shape: [2,3]>"
        and repr(ov.Shape()) == "<Shape: []>"
    )
    assert shape[0] == 2 and shape[-1] == 3 and shape[0:1] == [2] and isinstance(shape[:], ov.Shape)
    assert len(shape) == 2 and list(shape) == [2, 3] and 3 in shape and list(reversed(shape)) == [3, 2]
    assert (
        shape == [2, 3]
        and shape == (2, 3)
        and shape == ov.Shape((2, 3))
        and shape == ov.PartialShape([2, 3])
        and shape != [3]
    )
    assert np.zeros(shape).shape == (2, 3) and np.prod(shape) == 6
    shape[0] = 7
    assert shape == [7, 3]
    with pytest.raises(TypeError):
        hash(shape)


@pytest.mark.parametrize("value", ["1,2", "[1,2]", np.array([1, 2]), [np.int64(1), 2], (1, 2)])
def test_shapes_from(ov, value):
    assert list(ov.Shape(value)) == [1, 2]


@pytest.mark.parametrize("value", [[-1], ["1"], [1.0], 3, None])
def test_what_is_no_shape(ov, value):
    with pytest.raises(TypeError):
        ov.Shape(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, -1, "?", "1..5", (1, 5), "..5", "2.."], "[1,?,?,1..5,1..5,..5,2..]"),
        ([[1, 5]], "[1..5]"), ("...", "[...]"), ("[...]", "[...]"), ("1,2", "[1,2]"), ("[1, ?, 2..3]", "[1,?,2..3]"),
        ("-1,2", "[?,2]"), ("", "[]"), ("[]", "[]"), ((1, 2), "[1,2]"), ([True], "[1]"), ("3", "[3]"),
    ],
)  # fmt: skip
def test_partial_shapes_from(ov, value, text):
    shape = ov.PartialShape(value)
    assert str(shape) == shape.to_string() == text and repr(shape) == f"<PartialShape: {text}>"


@pytest.mark.parametrize("value", [[None], [1.0], [np.int64(1)], 3, None, np.array([2]), [(1, 2, 3)]])
def test_what_is_no_partial_shape(ov, value):
    with pytest.raises(TypeError):
        ov.PartialShape(value)


@pytest.mark.parametrize("value", [["a"], "1,a", ["1..x"]])
def test_text_that_is_no_partial_shape(ov, value):
    with pytest.raises(RuntimeError):
        ov.PartialShape(value)


def test_what_partial_shapes_say(ov):
    known, open_ended, unknown = ov.PartialShape([1, 2]), ov.PartialShape([1, "2..3", -1]), ov.PartialShape("...")
    assert (
        known.is_static
        and not known.is_dynamic
        and known.rank == 2
        and unknown.rank.is_dynamic
        and open_ended.is_dynamic
    )
    assert known.to_shape() == known.get_shape() == [1, 2] and len(known) == 2 and open_ended[1].max_length == 3
    assert open_ended.get_min_shape() == [1, 2, 0] and list(open_ended.get_max_shape())[:2] == [1, 3]
    assert (
        known == [1, 2] and known == (1, 2) and known == ov.Shape([1, 2]) and open_ended == ov.PartialShape(open_ended)
    )
    assert str(ov.PartialShape.dynamic()) == "[...]" and str(ov.PartialShape.dynamic(2)) == "[?,?]"
    assert str(ov.PartialShape.dynamic(ov.Dimension(1))) == "[?]" and str(ov.PartialShape.dynamic(-1)) == "[...]"
    assert [str(dim) for dim in open_ended] == ["1", "2..3", "?"] and open_ended[0:2] == ov.PartialShape([1, "2..3"])
    assert ov.PartialShape([1, -1]).compatible(known) and known.refines(ov.PartialShape([1, -1]))
    assert ov.PartialShape([1, -1]).relaxes(known) and not known.same_scheme(ov.PartialShape([1, -1]))
    for action in (open_ended.to_shape, lambda: len(unknown), lambda: unknown[0], lambda: list(unknown)):
        with pytest.raises(RuntimeError):
            action()
    for action in (lambda: open_ended == [1, 2, 3], lambda: hash(known)):
        with pytest.raises(TypeError):
            action()
    known[0] = -1
    assert str(known) == "[?,2]"


def test_dimensions(ov):
    Dimension = ov.Dimension
    for text, dimension in (
        ("?", Dimension()), ("3", Dimension(3)), ("?", Dimension(-1)), ("1..5", Dimension(1, 5)),
        ("1..5", Dimension("1..5")),
        ("..4", Dimension("..4")), ("2..", Dimension(2, -1)), ("?", Dimension.dynamic()), ("..5", Dimension(-1, 5)),
        ("?", Dimension("?")),
    ):  # fmt: skip
        assert str(dimension) == dimension.to_string() == text and repr(dimension) == f"<Dimension: {text}>"
    assert (
        Dimension().min_length,
        Dimension().max_length,
        Dimension(2, 4).get_min_length(),
        Dimension(2, 4).get_max_length(),
    ) == (0, -1, 2, 4)
    assert Dimension(3).get_length() == len(Dimension(3)) == 3 and Dimension(np.int64(3)) == 3
    assert Dimension(3).is_static and Dimension(2, 3).is_dynamic
    assert (
        Dimension(3) == 3
        and Dimension(3) != 4
        and Dimension() == Dimension()
        and Dimension() == -1
        and (Dimension(3) == "3") is False
    )
    assert (
        Dimension(3).compatible(Dimension())
        and Dimension(3).refines(Dimension())
        and not Dimension(3).relaxes(Dimension())
    )
    assert Dimension().same_scheme(Dimension(1, 2)) and not Dimension(3).same_scheme(Dimension())


@pytest.mark.parametrize("action", [lambda D: len(D()), lambda D: D().get_length(), lambda D: D("x")])
def test_dimensions_without_a_length(ov, action):
    with pytest.raises(RuntimeError):
        action(ov.Dimension)


@pytest.mark.parametrize(
    "action",
    [
        lambda D: D(1.0),
        lambda D: D(None),
        lambda D: D((1, 5)),
        lambda D: int(D(3)),
        lambda D: hash(D(3)),
        lambda D: D(3) < 4,
    ],
)
def test_what_dimensions_are_not(ov, action):
    with pytest.raises(TypeError):
        action(ov.Dimension)


def test_symbols(ov):
    dimension, symbol = ov.Dimension(), ov.Symbol()
    assert not dimension.has_symbol()
    dimension.set_symbol(symbol)
    assert dimension.has_symbol() and dimension.get_symbol() == symbol and symbol != ov.Symbol() and bool(symbol)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("NCHW", "[N,C,H,W]"), ("nchw", "[N,C,H,W]"), ("N...C", "[N,...,C]"), ("N??", "[N,?,?]"),
        ("[N,width]", "[N,W]"),
        ("...", "[...]"), ("", "[...]"), ("[N, C]", "[N,C]"), ("N1", "[N,1]"), ("[N,...,C]", "[N,...,C]"),
        ("**SCALAR**", "**SCALAR**"),
    ],
)  # fmt: skip
def test_layouts(ov, text, shown):
    layout = ov.Layout(text)
    assert str(layout) == layout.to_string() == shown and repr(layout) == f"<Layout: {shown}>"
    assert layout == text and layout == ov.Layout(text)


@pytest.mark.parametrize("text", ["NN", "N...C...", "N..C", "[N", "N C", "[N..C]", "[N...C]", "N_"])
def test_what_is_no_layout(ov, text):
    with pytest.raises(RuntimeError):
        ov.Layout(text)


def test_what_layouts_say(ov):
    layout = ov.Layout("N...DC")
    assert layout.has_name("n") and not layout.has_name("H") and ov.Layout("[n,WIDTH]").get_index_by_name("width") == 1
    assert [layout.get_index_by_name(name) for name in "NDC"] == [0, -2, -1]
    assert ov.Layout().empty and not ov.Layout("N").empty and not ov.Layout.scalar().empty and layout != ov.Layout("NC")
    with pytest.raises(RuntimeError):
        layout.get_index_by_name("H")
    with pytest.raises(TypeError):
        hash(layout)
    for wrong in (3, None):
        with pytest.raises(TypeError):
            ov.Layout(wrong)


def test_layout_helpers(ov):
    helpers, layout = ov.layout_helpers, ov.Layout("NCHW")
    assert [
        helpers.batch_idx(layout),
        helpers.channels_idx(layout),
        helpers.height_idx(layout),
        helpers.width_idx(layout),
    ] == [0, 1, 2, 3]
    assert (
        helpers.has_batch(layout)
        and helpers.has_channels(layout)
        and helpers.has_height(layout)
        and helpers.has_width(layout)
    )
    assert not helpers.has_depth(layout) and helpers.depth_idx(ov.Layout("N...DC")) == -2
    with pytest.raises(RuntimeError):
        helpers.depth_idx(layout)
    with pytest.raises(TypeError):
        helpers.has_batch("NC")


def test_strides(ov):
    strides = ov.Strides([12, 4])
    assert (
        str(strides) == "12, 4" and repr(strides) == "<Strides: (12, 4)>" and strides == [12, 4] and strides == (12, 4)
    )
    assert list(strides) == [12, 4] and len(strides) == 2 and strides[1] == 4
    strides[0] = 5
    assert strides == [5, 4]
    for wrong in ([-1], [1.5], "12"):
        with pytest.raises(TypeError):
            ov.Strides(wrong)


@pytest.mark.parametrize(
    ("name", "values"),
    [("Coordinate", [1, 2]), ("CoordinateDiff", [1, -2]), ("AxisVector", [2, 1]), ("AxisSet", [1, 2])],
)
def test_vectors(ov, name, values):
    # openvino's are equal to no list; ovlite's are.
    vector = getattr(ov, name)(values)
    assert list(vector) == values and len(vector) == 2
    with pytest.raises(TypeError):
        getattr(ov, name)()


def test_axes(ov):
    assert list(ov.AxisSet({2, 1})) == [1, 2] and len(ov.AxisSet([1, 1])) == 1 and 1 in ov.AxisSet([1])
    assert repr(ov.AxisSet([2, 1])) == "<AxisSet {1, 2}>" and repr(ov.AxisVector([2, 1])) == "<AxisVector {2, 1}>"
    for kind in (ov.AxisSet, ov.AxisVector, ov.Coordinate):
        with pytest.raises(TypeError):
            kind([-1])


def test_better_than_openvino(mine):
    """Where openvino takes nonsense or reads outside of its memory, ovlite raises."""
    ov = mine.ov
    for action in (lambda: ov.Shape([2])[5], lambda: ov.Strides([1])[5]):
        with pytest.raises(IndexError):
            action()
    for action in (lambda: ov.Dimension(5, 1), lambda: ov.PartialShape([-2]), lambda: ov.Shape("1..3")):
        with pytest.raises(RuntimeError):
            action()
    with pytest.raises(TypeError):
        ov.Shape([1, 2])[0] = -7


def test_types_that_are_not_numbers_count_as_integral(ov):
    Type = ov.Type
    assert Type.boolean.integral and Type.boolean.is_integral() and not Type.boolean.integral_number
    assert Type.boolean.signed and Type.boolean.is_signed() and not Type.boolean.quantized
    assert Type.string.integral and Type.dynamic.is_integral() and not Type.u4.is_quantized()
    assert (Type.string.size, Type.string.bitwidth) == (32, 256)


@pytest.mark.parametrize("name", ["longlong", "ulonglong"])
def test_c_has_two_integers_of_64_bits_and_types_one(ov, name):
    with pytest.raises(RuntimeError):
        ov.Type(np.dtype(name))


def test_what_is_no_value_of_the_same_kind(ov):
    for method in (
        ov.Type.f32.merge,
        ov.Type.f32.compatible,
        ov.Dimension(3).compatible,
        ov.PartialShape([3]).compatible,
    ):
        with pytest.raises(TypeError):
            method([3])
    with pytest.raises(TypeError):
        ov.Layout("NC").get_index_by_name(0)


def test_keywords_of_value_types(ov):
    Dimension, PartialShape, Layout = ov.Dimension, ov.PartialShape, ov.Layout
    assert Dimension(dimension=3) == 3 and Dimension(min_dimension=1, max_dimension=5) == Dimension(1, 5)
    assert Dimension(3).compatible(dim=Dimension()) and Dimension(3).refines(dim=Dimension())
    assert Dimension().relaxes(dim=Dimension(3)) and Dimension(3).same_scheme(dim=Dimension(3))
    shape = PartialShape([1, -1])
    assert shape.compatible(shape=PartialShape([1, 2])) and shape.relaxes(shape=PartialShape([1, 2]))
    assert shape.refines(shape=PartialShape.dynamic()) and shape.same_scheme(shape=PartialShape([1, -1]))
    layout = Layout(layout_str="NCHW")
    assert layout.has_name(dimension_name="C") and layout.get_index_by_name(dimension_name="H") == 2
    assert ov.Shape(axis_lengths=[1, 2]) == [1, 2] and ov.Strides(axis_strides=[3]) == [3]
    assert list(ov.AxisSet(axes={1})) == list(ov.AxisVector(axes=[1])) == [1]


def test_places_that_a_partial_shape_does_not_have(ov):
    shape = ov.PartialShape([1, 2])
    for access in (lambda: shape[5], lambda: shape.get_dimension(5), lambda: shape.__setitem__(5, 1)):
        with pytest.raises(RuntimeError):
            access()


@pytest.mark.parametrize("text", ["[1,2", "a,b", "1 2"])
def test_texts_that_are_no_shapes(ov, text):
    with pytest.raises(RuntimeError):
        ov.PartialShape(text)


def test_a_layout_in_brackets_has_a_name(ov):
    with pytest.raises(RuntimeError):
        ov.Layout("[]")


@pytest.mark.parametrize("wrong", [3, "x", None, [1], 1.5])
@pytest.mark.parametrize("method", ["compatible", "relaxes", "refines", "same_scheme"])
def test_what_shapes_and_dimensions_are_compared_with(ov, method, wrong):
    for value in (ov.PartialShape([2, -1]), ov.Dimension(3)):
        with pytest.raises(TypeError):
            getattr(value, method)(wrong)
