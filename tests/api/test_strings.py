"""Ports of strings, and of the other types that numpy has no dtype for."""

import numpy as np
import pytest

TEXTS = ["a", "päl", ""]


@pytest.fixture(params=[(3,), (-1,)], ids=["static", "dynamic"])
def compiled(lab, request):
    return lab.compile(lab.passing(request.param, lab.ov.Type.string))


def test_forms_of_strings(lab, compiled):
    array = np.array(TEXTS)
    encoded = np.array([text.encode() for text in TEXTS])
    tensors = (lab.ov.Tensor(array), lab.ov.Tensor(TEXTS))
    for form in (array, encoded, TEXTS, encoded.tolist(), {"x": array}, [array], *tensors):
        for share in (False, True):
            result = compiled(form, share, share)[0]
            assert result.tolist() == TEXTS and result.dtype.kind == "U" and result.flags.owndata
            assert compiled(form, share, decode_strings=False)[0].tolist() == encoded.tolist()
    request = compiled.create_infer_request()
    assert request.infer(array)[0].tolist() == TEXTS
    assert request.results[0].tolist() == TEXTS
    request.start_async(array)
    request.wait()
    assert request.get_output_tensor().str_data.tolist() == TEXTS
    assert request.get_input_tensor().bytes_data.tolist() == encoded.tolist()


def test_what_is_no_string(compiled):
    for wrong in (np.array([1, 2, 3]), np.array([1, None, 3], object)):
        with pytest.raises(RuntimeError):
            compiled(wrong)


def test_a_single_string(lab):
    compiled = lab.compile(lab.passing((), lab.ov.Type.string))
    assert compiled("text")[0] == "text" and compiled("text")[0].shape == ()


def test_strings_are_copied(lab, compiled):
    array = np.array(TEXTS)
    request = compiled.create_infer_request()
    request.infer(array, share_inputs=True)
    array[0] = "changed"
    assert request.infer()[0].tolist() == TEXTS


def test_strings_beside_numbers(lab, A):
    text, x = lab.parameter((2,), lab.ov.Type.string, "text"), lab.parameter()
    results = [lab.ops.result(text, name="same"), lab.ops.result(lab.ops.add(x, np.float32(1)), name="y")]
    compiled = lab.compile(lab.ov.Model(results, [text, x], "mixed"))
    for call in (compiled, compiled.create_infer_request().infer):
        for share in (False, True):
            result = call({"text": np.array(["a", "b"]), "x": A}, share_outputs=share)
            assert result[0].tolist() == ["a", "b"]
            np.testing.assert_array_equal(result["y"], A + 1)


def test_bf16_ports_take_bits(lab):
    compiled = lab.compile(lab.passing((2,), lab.ov.Type.bf16))
    bits = np.array([0x3F80, 0xC000], np.uint16)
    for given in (bits, bits.view(np.float16)):
        result = compiled(given)[0]
        assert result.dtype == np.float16 and result.view(np.uint16).tolist() == bits.tolist()


def test_numbers_for_a_bf16_port_are_rounded(mine):
    compiled = mine.compile(mine.passing((4,), mine.ov.Type.bf16))
    given = np.array([1, -2, 1 + 2**-8, np.nan], np.float32)
    for share in (False, True):
        for array in (given, given.astype(np.float64)):
            result = compiled(array, share)[0].view(np.uint16)
            assert result[:3].tolist() == [0x3F80, 0xC000, 0x3F80]
            assert np.isnan((result[3:].astype(np.uint32) << 16).view(np.float32))


def test_operations_on_strings(mine, A):
    """Strings are moved and compared between operations on numbers."""
    ops = mine.ops
    text, x = mine.parameter((2, -1), mine.ov.Type.string, "text"), mine.parameter(name="x")
    words = ops.reshape(text, np.array([-1]), False)
    same = ops.equal(words, ops.constant(np.array(["b"])))
    count = ops.reduce_sum(ops.convert(same, np.float32), np.array([0]), False)
    scaled = ops.multiply(ops.relu(x), count)
    results = [ops.result(value) for value in (words, count, scaled, ops.gather(words, np.array([0, -1]), np.array(0)))]
    compiled = mine.compile(mine.ov.Model(results, [text, x], "m"))
    for words in (np.array([["a", "b"], ["b", "ä"]]), np.array([["b"], ["b"]])):
        found = compiled({"text": words, "x": A}).to_tuple()
        assert found[0].tolist() == words.ravel().tolist() and found[1] == 2
        np.testing.assert_array_equal(found[2], np.maximum(A, 0) * 2)
        assert found[3].tolist() == [words[0, 0], words[-1, -1]]


def test_strings_of_a_branch(mine):
    ops, kind = mine.ops, mine.ov.Type.string
    branches = []
    for words in (["yes", "y"], ["no", "n"]):
        constant = ops.constant(np.array(words))
        branches.append(mine.ov.Model([ops.gather(constant, np.array([1]), np.array(0))], [], "branch"))
    chosen = mine.parameter((), bool, "chosen")
    node = ops.if_op(chosen)
    node.set_then_body(branches[0])
    node.set_else_body(branches[1])
    output = node.set_output(branches[0].results[0], branches[1].results[0])
    compiled = mine.compile(mine.ov.Model([ops.result(output)], [chosen], "m"))
    assert compiled.output().element_type == kind
    assert [compiled(np.array(value))[0].tolist() for value in (True, False)] == [["y"], ["n"]]


def test_errors_on_strings_name_the_operation(mine):
    text, index = mine.parameter((2,), mine.ov.Type.string, "text"), mine.parameter((1,), np.int64, "index")
    node = mine.ops.gather(text, index, np.array(0), name="chosen word")
    compiled = mine.compile(mine.ov.Model([mine.ops.result(node)], [text, index], "m"))
    with pytest.raises(RuntimeError, match="Gather 'chosen word'.*out of range"):
        compiled([np.array(["a", "b"]), np.array([7])])


def test_object_arrays_of_text(mine):
    compiled = mine.compile(mine.passing((3,), mine.ov.Type.string))
    for items in (TEXTS, [text.encode() for text in TEXTS]):
        assert compiled(np.array(items, object))[0].tolist() == TEXTS
    with pytest.raises(RuntimeError, match="holds strings; object is given"):
        compiled(np.array(["a", 1, "b"], object))


@pytest.mark.parametrize("name", ["u3", "u6", "dynamic"])
def test_ports_that_can_not_be_computed_with(mine, name):
    with pytest.raises(RuntimeError, match=f"holds {name}; insert a convert to boolean, bf16"):
        mine.compile(mine.passing((4,), getattr(mine.ov.Type, name)))


def test_a_parameter_of_unknown_rank(lab):
    x = lab.ops.parameter("...", np.float32, name="x")
    model = lab.ov.Model([lab.ops.result(lab.ops.relu(x), name="y")], [x], "m")
    with pytest.raises(RuntimeError):
        lab.compile(model)


WORDS = np.array([["ab", "", "héllo"], ["x", "yz", "z"]])


def test_strings_unpacked(lab):
    text = lab.parameter((2, 3), lab.ov.Type.string, "text")
    begins, ends, symbols = lab.submodule("opset15").string_tensor_unpack(text).outputs()
    assert str(symbols.partial_shape) == "[?]" and list(begins.shape) == list(ends.shape) == [2, 3]
    lengths = lab.ops.subtract(ends, begins)
    compiled = lab.compile(lab.ov.Model([lab.ops.result(lengths), lab.ops.result(symbols)], [text]))
    for words in (WORDS, np.array([["long enough", "b", ""]] * 2)):
        lengths, symbols = compiled([words]).values()
        assert lengths.dtype == np.int32
        assert lengths.tolist() == [[len(word.encode()) for word in row] for row in words.tolist()]
        assert symbols.dtype == np.uint8 and symbols.tobytes() == "".join(words.ravel()).encode()


def test_strings_packed(lab):
    begins, ends = lab.parameter((2,), np.int32, "begins"), lab.parameter((2,), np.int32, "ends")
    symbols = lab.parameter((-1,), np.uint8, "symbols")
    node = lab.submodule("opset15").string_tensor_pack(begins, ends, symbols)
    assert node.get_element_type() == lab.ov.Type.string and list(node.shape) == [2]
    compiled = lab.compile(lab.ov.Model([lab.ops.result(node, name="y")], [begins, ends, symbols]))
    inputs = [np.array([0, 2], np.int32), np.array([2, 5], np.int32), np.frombuffer(b"abxyz", np.uint8).copy()]
    assert compiled(inputs)["y"].tolist() == ["ab", "xyz"]


def test_strings_there_and_back(lab):
    """The first string of each row, and a number beside it."""
    text, number = lab.parameter((2, 3), lab.ov.Type.string, "text"), lab.parameter((2,))
    opset = lab.submodule("opset15")
    begins, ends, symbols = opset.string_tensor_unpack(text).outputs()
    first = [lab.ops.gather(places, np.int64(0), np.int64(1)) for places in (begins, ends)]
    packed = opset.string_tensor_pack(*first, symbols)
    results = [lab.ops.result(value) for value in (packed, lab.ops.relu(number), text)]
    model = lab.ov.Model(results, [text, number])
    words, numbers, same = lab.compile(model)([WORDS, np.array([-1, 2], np.float32)]).values()
    assert words.tolist() == ["ab", "x"] and numbers.tolist() == [0, 2] and same.tolist() == WORDS.tolist()


def test_places_outside_of_the_symbols(mine):
    places = [mine.parameter((1,), np.int32, name) for name in ("begins", "ends")]
    symbols = mine.parameter((2,), np.uint8, "symbols")
    node = mine.submodule("opset15").string_tensor_pack(*places, symbols)
    compiled = mine.compile(mine.ov.Model([node], [*places, symbols]))
    with pytest.raises(RuntimeError, match="outside of the 2 symbols"):
        compiled([np.array([1], np.int32), np.array([3], np.int32), np.zeros(2, np.uint8)])


@pytest.mark.parametrize("wrong", ["data", "symbols", "shapes"])
def test_what_is_no_tensor_of_strings(lab, wrong):
    opset = lab.submodule("opset15")
    places = [lab.parameter(shape, np.int32, "p") for shape in ((2,), (3,) if wrong == "shapes" else (2,))]
    with pytest.raises(RuntimeError):
        if wrong == "data":
            opset.string_tensor_unpack(lab.parameter((2,)))
        opset.string_tensor_pack(*places, lab.parameter((2,), np.float32 if wrong == "symbols" else np.uint8))
