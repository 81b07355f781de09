"""The wire reader gives what protobuf gives for the same bytes, and errors for what is no message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import ovlite as ov
from ovlite.errors import ModelError
from ovlite.frontend.onnx import messages, read_onnx
from ovlite.frontend.onnx.messages import AttributeProto, ModelProto, NodeProto
from ovlite.frontend.onnx.wire import MAX_DEPTH, SMALL, Malformed, Message

from .onnx_cases import evaluate, node_cases
from .onnx_messages import DATA, check_same, field, varint

COUNTS = [1, SMALL // 4 - 20, SMALL // 4 + 1, 40000]  # elements of f32, of messages that are copied and that are not
FILES = sorted(DATA.rglob("*.onnx"))


def model() -> onnx.ModelProto:
    """y = a + w0 + w1 ..., each of other values."""
    names = [f"w{i}" for i in range(len(COUNTS))]
    arrays = [np.arange(count, dtype=np.float32) + i for i, count in enumerate(COUNTS)]
    weights = [numpy_helper.from_array(array, name) for array, name in zip(arrays, names, strict=True)]
    nodes = [helper.make_node("ReduceSum", [name], [f"s{name}"], keepdims=0) for name in names]
    nodes.append(helper.make_node("Sum", ["a", *(f"s{name}" for name in names)], ["y"]))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in ("a", "y")]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def check_content(content: bytes) -> None:
    """Both readers give the same, of the bytes and of what ovlite encodes again."""
    theirs = onnx.ModelProto.FromString(content)
    mine = ModelProto.decoded(memoryview(content))
    check_same(mine, theirs)
    again = mine.encoded()
    check_same(mine, onnx.ModelProto.FromString(again))
    check_same(ModelProto.decoded(again), theirs)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name + "/" + path.name)
def test_models_of_the_onnx_package(path: Path) -> None:
    check_content(path.read_bytes())


def test_node_cases_of_the_onnx_package() -> None:
    for case in node_cases().values():
        check_content(case.model.SerializeToString())


def test_values_of_attributes() -> None:
    values: list[Any] = [1, -1, 2**62, 0.5, "text", b"\xff\0", [1, -2, 3], [0.5, 2.5], ["a", "b"], []]
    values += [numpy_helper.from_array(np.arange(3), "t"), [numpy_helper.from_array(np.arange(3), "t")] * 2]
    values += [model().graph, [model().graph], helper.make_tensor_type_proto(1, [2, "n"])]
    for value in values:
        given = helper.make_attribute("a", value, attr_type=None if value != [] else onnx.AttributeProto.INTS)
        mine = AttributeProto.decoded(given.SerializeToString())
        check_same(mine, given)
        found, expected = mine.value(), helper.get_attribute_value(given)
        if isinstance(value, list):
            assert len(found) == len(expected)
        if not isinstance(found, Message) and not (value and isinstance(value, list) and isinstance(found[0], Message)):
            assert found == expected


def test_an_attribute_of_no_known_type_has_no_value() -> None:
    for number in (0, 15, -1):
        with pytest.raises(ValueError, match="unknown"):
            AttributeProto.decoded(field(1, b"a") + field(20, number)).value()


def test_weights_are_those_of_the_model() -> None:
    total = sum(np.arange(count, dtype=np.float64).sum() + i * count for i, count in enumerate(COUNTS))
    found = evaluate(read_onnx(model().SerializeToString()), [np.float32(1)])[0]
    np.testing.assert_allclose(found, 1 + total, rtol=1e-5)


def test_large_weights_are_views_of_the_bytes() -> None:
    content = model().SerializeToString()
    tensors = ModelProto.decoded(memoryview(content)).graph.initializer
    assert [isinstance(tensor.raw_data, memoryview) for tensor in tensors] == [False, False, True, True]
    assert np.shares_memory(np.frombuffer(content, np.uint8), np.frombuffer(tensors[-1].raw_data, np.uint8))


def test_a_file_that_changes_after_a_model_was_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    for external in (False, True):
        onnx.save(model(), path, save_as_external_data=external, location="weights", size_threshold=0)
        core = ov.Core()
        core.set_property({"ENABLE_MMAP": False})
        read = core.read_model(path)
        expected = evaluate(ov.Core().read_model(path), [np.float32(1)])
        for file in tmp_path.iterdir():
            file.write_bytes(b"")
        np.testing.assert_array_equal(evaluate(read, [np.float32(1)])[0], expected[0])


def test_every_truncation_is_an_error() -> None:
    case = node_cases()["conv_with_strides_padding"].model
    case.ClearField("metadata_props")
    content = case.SerializeToString()
    read_onnx(content)
    for end in range(len(content)):
        with pytest.raises(ModelError, match=r"is not an ONNX model|names no operator set"):
            read_onnx(content[:end])


# Bytes of an AttributeProto, whose `i` is 3, `f` 2, `ints` 8 and `floats` 7.
NUMBERS = [0, 1, -1, 127, 128, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers(number: int) -> None:
    content = field(3, number) + field(8, number) + field(8, varint(number) * 3) + field(20, number)
    mine, theirs = AttributeProto.decoded(content), onnx.AttributeProto.FromString(content)
    assert mine.i == theirs.i == number
    assert [*mine.ints] == [*theirs.ints] == [number] * 4
    assert mine.type == (number + 2**31) % 2**32 - 2**31, "an int32 has the low 32 bits"


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.data())
def test_packed_numbers(numbers: list[int], data: st.DataObject) -> None:
    """Packed and not, in any mixture, as lists and as arrays."""
    content = b""
    rest = list(numbers)
    while rest:
        count = data.draw(st.integers(0, len(rest)))
        content += field(7, b"".join(map(varint, rest[:count]))) if count else field(7, rest[0])
        rest = rest[max(count, 1) :]
    tensor = messages.TensorProto.decoded(content)
    assert [int(value) for value in tensor.int64_data] == numbers
    assert list(onnx.TensorProto.FromString(content).int64_data) == numbers


def test_arrays_of_every_type() -> None:
    for name, values in [
        ("float_data", [0.5, -1.5]), ("double_data", [0.1]), ("int32_data", [-1, 2**31 - 1]),
        ("uint64_data", [2**64 - 1]), ("int64_data", list(range(-300, 300))),
    ]:  # fmt: skip
        theirs = onnx.TensorProto(**{name: values})
        mine = messages.TensorProto.decoded(theirs.SerializeToString())
        check_same(mine, theirs)
        assert getattr(mine, name).tolist() == list(getattr(theirs, name))


def test_a_field_that_comes_again() -> None:
    """A number is replaced, a list gets longer, a message is merged; of fields of which one is set the last stays."""
    content = model().SerializeToString()
    check_content(content + content)
    dim = {1: 3, 2: b"n"}
    for parts in (dim, dict(reversed(dim.items()))):
        encoded = b"".join(field(number, value) for number, value in parts.items())
        mine = messages.Dimension.decoded(encoded)
        assert mine.which() == onnx.TensorShapeProto.Dimension.FromString(encoded).WhichOneof("value")


@pytest.mark.parametrize("content", [field(999, b"x"), field(6, b"x"), field(1, 7), varint(4 << 3 | 5) + bytes(4)])
def test_unknown_fields_are_passed_over(content: bytes) -> None:
    """Those of a wire type that a known field does not have, too."""
    node = field(3, b"name") + content
    mine, theirs = NodeProto.decoded(content + node), onnx.NodeProto.FromString(content + node)
    check_same(mine, theirs)
    assert mine.name == "name"


BROKEN = {
    "a tag without a value": b"\x0a",
    "a length beyond the end": b"\x0a\x05ab",
    "a length of 2**63": b"\x0a" + varint(2**63),
    "a number that does not end": b"\x18" + b"\x80" * 9,
    "a number of 11 bytes": b"\x18" + b"\x80" * 10 + b"\x01",
    "packed numbers that do not end": field(8, b"\x01\x80"),
    "many packed numbers that do not end": field(8, b"\x01" * 100 + b"\x80"),
    "a packed number of 11 bytes": field(8, b"\x80" * 10 + b"\x01"),
    "a packed number of 11 bytes among many": field(8, b"\x01" * 100 + b"\x80" * 10 + b"\x01"),
    "packed floats cut short": field(7, bytes(6)),
    "four bytes that are three": varint(2 << 3 | 5) + bytes(3),
    "wire type 6": b"\x0e\x00",
    "wire type 7": b"\x0f\x00",
    "the end of a group": b"\x0c",
    "field 0": b"\x02\x00",
    "a number of a field beyond 2**29": varint(1 << 32 | 2) + b"\x00",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_is_no_message(content: bytes) -> None:
    with pytest.raises(DecodeError):
        onnx.AttributeProto.FromString(content)
    for form in (content, memoryview(content), memoryview(content + field(1, bytes(SMALL)))[: len(content)]):
        with pytest.raises(Malformed):
            AttributeProto.decoded(form)


def test_a_text_that_is_not_utf8_is_an_error() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        NodeProto.decoded(field(3, b"\xff\xfe"))
    with pytest.raises(ModelError, match="is not an ONNX model.*UTF-8"):
        read_onnx(field(7, field(2, b"\xff")))


def nested(depth: int) -> bytes:
    """Messages in messages: an optional of an optional, and so on."""
    content = b""
    for _ in range(depth):
        content = field(9, field(1, content))
    return content


def test_nesting_is_bounded() -> None:
    messages.TypeProto.decoded(nested(MAX_DEPTH // 2))
    with pytest.raises(Malformed, match="deep"):
        messages.TypeProto.decoded(nested(MAX_DEPTH // 2 + 1))
    with pytest.raises(ModelError, match="deep"):
        read_onnx(field(7, field(11, field(2, nested(10_000)))))


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    """A message, or Malformed: nothing else."""
    for kind in (ModelProto, messages.TensorProto, AttributeProto, messages.TypeProto):
        try:
            kind.decoded(content)
        except Malformed:
            continue


def test_what_is_changed_leaves_the_rest() -> None:
    node = NodeProto(name="n", op_type="Add", input=["a", "b"])
    twin = node.but(name="m", input=["c"])
    assert (node.name, node.input, twin.name, twin.input, twin.op_type) == ("n", ["a", "b"], "m", ["c"], "Add")
    assert NodeProto.decoded(twin.encoded()).input == ["c"]
