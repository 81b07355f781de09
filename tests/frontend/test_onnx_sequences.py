"""Sequences and optionals of ONNX: within models, as inputs and as results."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovlite as ov

from .onnx_peers import graph_of, mine, peer

X = np.arange(36, dtype=np.float32).reshape(2, 6, 3)
FLOATS = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
node = helper.make_node


def tensor(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(nodes, outputs, inputs=None, constants=None):
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    return graph_of(nodes, inputs or [tensor("x", shape=["a", "b", "c"])], outputs, tensors)


def same(found, expected):
    if expected is None:
        assert found is None
    elif isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected)
        for mine_, theirs in zip(found, expected, strict=True):
            same(mine_, theirs)
    else:
        assert found.dtype.kind == expected.dtype.kind or {found.dtype.kind, expected.dtype.kind} == {"U", "O"}
        np.testing.assert_array_equal(found, expected)


def hold(model, inputs):
    found = mine(model, inputs)
    for mine_, theirs in zip(found, peer(model, inputs), strict=True):
        same(mine_, theirs)
    return found


@pytest.mark.parametrize("known", [True, False], ids=["known", "dynamic"])
@pytest.mark.parametrize("keep", [0, 1])
def test_a_split(keep, known):
    inputs = [tensor("x", shape=[2, 6, 3] if known else ["a", "b", "c"])]
    nodes = [
        node("SplitToSequence", ["x"], ["s"], axis=1, keepdims=keep),
        node("SequenceAt", ["s", "last"], ["y"]),
        node("SequenceLength", ["s"], ["n"]),
        node("ConcatFromSequence", ["s"], ["z"], axis=1, new_axis=1 - keep),
    ]
    outputs = [helper.make_value_info("s", FLOATS), tensor("y"), tensor("n", TensorProto.INT64, []), tensor("z")]
    found = hold(model_of(nodes, outputs, inputs, {"last": np.int64(-1)}), {"x": X})
    assert len(found[0]) == 6 and found[2] == 6
    np.testing.assert_array_equal(found[3], X)


@pytest.mark.parametrize("lengths", [np.array(4), np.array(6), np.array([1, 0, 5])], ids=str)
@pytest.mark.parametrize("known", [True, False])
def test_parts_of_lengths(lengths, known):
    inputs = [tensor("x", shape=[2, 6, 3])]
    constants = {"n": lengths} if known else {}
    feeds = {"x": X} if known else {"x": X, "n": lengths}
    inputs += [] if known else [tensor("n", TensorProto.INT64, list(np.shape(lengths)))]
    split = node("SplitToSequence", ["x", "n"], ["s"], axis=-2)
    hold(model_of([split], [helper.make_value_info("s", FLOATS)], inputs, constants), feeds)


def test_what_is_known_needs_no_sequence():
    nodes = [
        node("SequenceEmpty", [], ["e"]),
        node("SequenceInsert", ["e", "x"], ["s"]),
        node("SequenceInsert", ["s", "z", "first"], ["t"]),
        node("SequenceErase", ["t"], ["u"]),
        node("ConcatFromSequence", ["u"], ["y"], axis=0),
    ]
    constants = {"z": X + 1, "first": np.int64(0)}
    model = model_of(nodes, [tensor("y")], [tensor("x", shape=[2, 6, 3])], constants)
    same(hold(model, {"x": X})[0], X + 1)
    read = ov.Core().read_model(model.SerializeToString())
    kinds = {found.get_type_name() for found in read.get_ordered_ops()}
    assert not any(kind.startswith("Sequence") for kind in kinds)


@pytest.mark.parametrize("place", [-2, -1, 0, 1, 2])
def test_positions_that_inputs_say(place):
    inputs = [tensor("x", shape=["a", "b", "c"]), tensor("i", TensorProto.INT64, [])]
    nodes = [
        node("SequenceConstruct", ["x", "z"], ["s"]),
        node("SequenceInsert", ["s", "w", "i"], ["t"]),
        node("SequenceErase", ["t", "i"], ["u"]),
        node("SequenceAt", ["t", "i"], ["y"]),
    ]
    outputs = [*(helper.make_value_info(name, FLOATS) for name in "stu"), tensor("y")]
    constants = {"z": X[:1] + 1, "w": X[:, :1] - 1}
    hold(model_of(nodes, outputs, inputs, constants), {"x": X, "i": np.array(place)})


def test_a_loop_that_fills_a_list():
    body = helper.make_graph(
        [node("Gather", ["x", "i"], ["row"], axis=1), node("Mul", ["row", "two"], ["twice"]),
         node("SequenceInsert", ["list", "twice"], ["longer"]), node("Identity", ["go_in"], ["go"])],
        "body",
        [tensor("i", TensorProto.INT64, []), tensor("go_in", TensorProto.BOOL, []),
         helper.make_value_info("list", FLOATS)],
        [tensor("go", TensorProto.BOOL, []), helper.make_value_info("longer", FLOATS)],
        [numpy_helper.from_array(np.float32(2), "two")],
    )  # fmt: skip
    nodes = [node("SequenceEmpty", [], ["e"]), node("Loop", ["n", "", "e"], ["s"], body=body),
             node("Relu", ["x"], ["r"])]  # fmt: skip
    inputs = [tensor("x", shape=["a", "b", "c"]), tensor("n", TensorProto.INT64, [])]
    model = model_of(nodes, [helper.make_value_info("s", FLOATS), tensor("r")], inputs)
    for count in (0, 1, 4):
        assert len(hold(model, {"x": X, "n": np.array(count)})[0]) == count


def test_sequences_as_inputs():
    inputs = [helper.make_value_info("s", FLOATS), tensor("x", shape=["a"])]
    nodes = [node("SequenceInsert", ["s", "x"], ["t"]), node("ConcatFromSequence", ["t"], ["y"], axis=0)]
    outputs = [helper.make_value_info("t", FLOATS), tensor("y")]
    compiled = ov.compile_model(ov.Core().read_model(model_of(nodes, outputs, inputs).SerializeToString()), "CPU")
    items = [np.array([1, 2], np.float32), [3]]
    for call in (compiled, compiled.create_infer_request().infer):
        results = call({"s": items, "x": np.array([4], np.float32)})
        assert [item.tolist() for item in results["t"]] == [[1, 2], [3], [4]]
        assert results["y"].tolist() == [1, 2, 3, 4]
    assert [item.tolist() for item in compiled({"s": [], "x": np.array([4], np.float32)})[0]] == [[4]]
    with pytest.raises(TypeError, match="to be a sequence of f32, got ndarray; pass a list of arrays"):
        compiled({"s": np.zeros(3, np.float32), "x": np.zeros(1, np.float32)})
    with pytest.raises(TypeError, match="handed out as a list"):
        compiled({"s": items, "x": np.zeros(1, np.float32)}, out={"t": np.zeros(1, np.float32)})


def test_lists_of_text_and_of_halves():
    words = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.STRING, None))
    halves = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT16, None))
    inputs = [tensor("w", TensorProto.STRING, [None]), tensor("h", TensorProto.FLOAT16, [None])]
    nodes = [
        node("SplitToSequence", ["w"], ["s"]),
        node("Add", ["h", "h"], ["g"]),
        node("SplitToSequence", ["g"], ["t"]),
    ]
    outputs = [helper.make_value_info("s", words), helper.make_value_info("t", halves)]
    feeds = {"w": np.array(["a", "ü"]), "h": np.array([0.5, 1.5, 2], np.float16)}
    found = mine(model_of(nodes, outputs, inputs), feeds)
    assert [item.tolist() for item in found[0]] == [["a"], ["ü"]]
    assert [(item.dtype, item.tolist()) for item in found[1]] == [(np.float16, [value]) for value in (1, 3, 4)]


def test_optionals_that_have_a_value():
    nodes = [
        node("Optional", ["x"], ["o"]),
        node("OptionalHasElement", ["o"], ["has"]),
        node("OptionalGetElement", ["o"], ["y"]),
        node("OptionalHasElement", [], ["has_not"]),
    ]
    outputs = [tensor("has", TensorProto.BOOL, []), tensor("y"), tensor("has_not", TensorProto.BOOL, [])]
    has, y, has_not = mine(model_of(nodes, outputs), {"x": X})
    assert has and not has_not
    np.testing.assert_array_equal(y, X)


@pytest.mark.parametrize(
    "made, feeds, text",
    [
        (node("SequenceAt", ["s", "i"], ["y"]), {"i": np.array(3)}, "SequenceAt 'y' of .*: position 3 is out of range"),
        (node("SplitToSequence", ["x", "i"], ["y"]), {"i": np.array(0)}, "parts of length 0"),
    ],
)
def test_errors_of_a_run(made, feeds, text):
    inputs = [tensor("x", shape=["a", "b", "c"]), tensor("i", TensorProto.INT64, [])]
    output = tensor("y") if made.op_type == "SequenceAt" else helper.make_value_info("y", FLOATS)
    model = model_of([node("SequenceConstruct", ["x", "x"], ["s"]), made], [output], inputs)
    with pytest.raises(RuntimeError, match=text):
        mine(model, {"x": X, **feeds})


def test_what_is_refused():
    wrong = model_of([node("SequenceLength", ["x"], ["n"])], [tensor("n", TensorProto.INT64, [])])
    with pytest.raises(RuntimeError, match="SequenceLength.*expected a sequence"):
        ov.Core().read_model(wrong.SerializeToString())


FLOAT = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
OPTIONALS = {"tensor": helper.make_optional_type_proto(FLOAT), "sequence": helper.make_optional_type_proto(FLOATS)}
VALUES = {"tensor": X, "sequence": [X, X[0]]}
HAS = tensor("has", TensorProto.BOOL, [])


@pytest.mark.parametrize("kind", OPTIONALS)
def test_an_absent_optional(kind):
    held = FLOAT if kind == "tensor" else FLOATS
    nodes = [node("Optional", [], ["o"], type=held), node("OptionalHasElement", ["o"], ["has"])]
    outputs = [HAS, helper.make_value_info("o", OPTIONALS[kind])]
    assert [np.array(False), None] == hold(model_of(nodes, outputs), {"x": X})


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("kind", OPTIONALS)
def test_an_optional_of_a_branch(kind, there):
    """The branch is known in a run only: what it gives may be absent."""
    held = FLOAT if kind == "tensor" else FLOATS
    made = [node("Identity", ["x"], ["v"])] if kind == "tensor" else [node("SequenceConstruct", ["x", "x"], ["v"])]
    some, none = helper.make_value_info("some", OPTIONALS[kind]), helper.make_value_info("none", OPTIONALS[kind])
    then = helper.make_graph([*made, node("Optional", ["v"], ["some"])], "then", [], [some])
    other = helper.make_graph([node("Optional", [], ["none"], type=held)], "other", [], [none])
    nodes = [node("If", ["c"], ["o"], then_branch=then, else_branch=other), node("OptionalHasElement", ["o"], ["has"])]
    inputs = [tensor("x", shape=["a", "b", "c"]), tensor("c", TensorProto.BOOL, [])]
    outputs = [HAS, helper.make_value_info("o", OPTIONALS[kind])]
    has, value = hold(model_of(nodes, outputs, inputs), {"x": X, "c": np.array(there)})
    assert has == there == (value is not None)


@pytest.mark.parametrize("kind", OPTIONALS)
@pytest.mark.parametrize("there", [True, False])
def test_an_optional_as_an_input(kind, there):
    model = model_of(
        [node("OptionalHasElement", ["o"], ["has"]), node("Identity", ["o"], ["same"])],
        [HAS, helper.make_value_info("same", OPTIONALS[kind])],
        [helper.make_value_info("o", OPTIONALS[kind])],
    )
    value = VALUES[kind] if there else None
    same(mine(model, {"o": value}), [np.array(there), value])


def test_the_value_of_an_optional_input():
    sums = [node("OptionalGetElement", ["o"], ["v"]), node("Add", ["v", "v"], ["y"])]
    model = model_of(sums, [tensor("y")], [helper.make_value_info("o", OPTIONALS["tensor"])])
    same(mine(model, {"o": X}), [X + X])
    with pytest.raises(RuntimeError, match="OptionalGetElement.*the optional has no value; ask OptionalHasElement"):
        mine(model, {"o": None})
    with pytest.raises(TypeError, match="expected input 0 .* to be a sequence of f32, got ndarray"):
        mine(
            model_of(sums[:1], [helper.make_value_info("v", FLOATS)],
                     [helper.make_value_info("o", OPTIONALS["sequence"])]),
            {"o": X},
        )  # fmt: skip
