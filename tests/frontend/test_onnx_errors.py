"""Models that are refused: each with one error that says where and why, never with a crash."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

import ovlite as ov
from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx

from .onnx_cases import node_cases


def proto(text: str, opset: int = 17, head: str = "") -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}{head}]>\n{text}')


def refused(model: onnx.ModelProto | bytes | Path, *parts: str) -> None:
    """Reading raises ModelError whose text has all of `parts`."""
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    with pytest.raises(ModelError) as caught:
        read_onnx(source)
    for part in parts:
        assert part in str(caught.value)


RELU = "g (float[2] a) => (float[2] y) { [act] y = Relu(a) }"


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "none.onnx", "No such file")


def test_directory(tmp_path: Path) -> None:
    refused(tmp_path, str(tmp_path), "directory")


@pytest.mark.parametrize("content", [b"", b"\0", b"not a model", b"<net/>", bytes(range(256)), b"\x08\x01"])
def test_bytes_that_are_no_model(content: bytes) -> None:
    refused(content, "the ONNX model")


def test_every_truncation_is_refused_or_complete() -> None:
    content = proto("g (float[2] a) => (float[2] y) <float[2] w = {1, 2}> { y = Add(a, w) }").SerializeToString()
    for length in range(len(content)):
        try:
            read_onnx(content[:length])
        except ModelError:
            continue
        assert onnx.load_from_string(content[:length]).graph.output, f"{length} bytes were taken for a model"


def test_every_changed_byte_gives_a_model_or_an_error() -> None:
    text = """g (float[2,1] a) => (float[1] y) <float[2] w = {1, 2}> {
        x = Constant<value_ints = [1]>() b = Squeeze(a, x) c = Mul(b, w) y = ReduceSum(c)
    }"""
    data = proto(text).SerializeToString()
    changed = np.random.default_rng(5)
    for place in range(len(data)):
        for value in {0, 0x7F, 0x80, 0xFF, int(changed.integers(256))}:
            with contextlib.suppress(ModelError):
                read_onnx(data[:place] + bytes([value]) + data[place + 1 :])


def test_no_operator_set() -> None:
    model = proto(RELU)
    del model.opset_import[:]
    refused(model, "opset_import")


def test_operators_from_before_numpy_s_broadcasting() -> None:
    old = proto("g (float[2] a) => (float[2] y) { y = Add(a, a) }", 6)
    refused(old, "operator Add", "version 6", "version_converter")
    assert read_onnx(proto("g (float[2] a) => (float[2] y) { y = Relu(a) }", 6).SerializeToString())


def test_no_outputs() -> None:
    model = proto(RELU)
    del model.graph.output[:]
    refused(model, "no output")


def test_output_that_nothing_makes() -> None:
    model = proto(RELU)
    model.graph.output[0].name = "z"
    refused(model, "'z'", "no node")


def test_input_that_nothing_makes() -> None:
    refused(proto("g (float[2] a) => (float[2] y) { [sum] y = Add(a, other) }"), "Add node 'sum'", "'other'")


def test_cycle() -> None:
    refused(proto("g (float[2] a) => (float[2] y) { y = Add(a, z) z = Relu(y) }"), "cycle")


def test_node_that_reads_itself() -> None:
    refused(proto("g (float[2] a) => (float[2] y) { y = Add(a, y) }"), "cycle")


def test_value_that_two_nodes_make() -> None:
    refused(proto("g (float[2] a) => (float[2] y) { [one] y = Relu(a) [two] y = Neg(a) }"), "'y'", "'one'", "'two'")


def test_value_that_is_an_initializer_too() -> None:
    model = proto("g (float[2] a) => (float[2] y) <float[2] y = {1, 2}> { y = Relu(a) }")
    refused(model, "'y'", "twice")


def test_unsupported_operators_are_all_listed() -> None:
    text = """g (float[2] a) => (float[2] z) {
        [first] b = Nothing(a)
        [second] c = strange.Thing(b)
        [third] d = Nothing(c)
        [fourth] z = unknown.Thing(d)
    }"""
    refused(
        proto(text, head=', "strange" : 4'),
        "operator Nothing of domain 'ai.onnx' version 17, node 'first', 'third'",
        "operator Thing of domain 'strange' version 4, node 'second'",
        "operator Thing of domain 'unknown', which is not imported, node 'fourth'",
        "Core.add_extension(ovlite.frontend.ConversionExtension(type, domain, function))",
    )


@pytest.mark.parametrize(
    ("domain", "name", "text"),
    [
        ("com.microsoft", "BeamSearch", "export the decoder alone"),
        ("com.microsoft", "LongformerAttention", "read the model as it was exported"),
        ("com.microsoft.nchwc", "Conv", "save the model with ORT_ENABLE_EXTENDED"),
        ("ai.onnx.contrib", "BertTokenizer", "before or behind the model"),
        ("", "EfficientNMS_TRT", "a plugin of TensorRT"),
    ],
)
def test_unsupported_operators_say_what_to_do(domain: str, name: str, text: str) -> None:
    graph = f"g (float[2] a) => (float[2] y) {{ y = {f'{domain}.' if domain else ''}{name}(a) }}"
    refused(proto(graph, head=f', "{domain}" : 1' if domain else ""), f"operator {name} of domain", text)


def test_unsupported_operators_inside_branches_are_listed() -> None:
    text = """g (bool c, float[2] a) => (float[2] y) {
        y = If (c) <then_branch = t () => (float[2] u) { [inner] u = Nothing(a) },
                    else_branch = e () => (float[2] v) { v = Neg(a) }>
    }"""
    refused(proto(text), "Nothing", "'inner'")


def test_maps_are_listed() -> None:
    model = proto("g (float[2] a, map(int64, float[2]) m, seq(map(int64, float)) s) => (float[2] y) { y = Relu(a) }")
    refused(model, "input 'm' of a map type", "input 's' of a sequence of map type")


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        ("y = Concat(a, a)", ("attribute 'axis' is missing",)),
        ('y = Concat<axis = "one">(a, a)', ("attribute 'axis' to be an int, got a string",)),
        ("y = Add(a)", ("input 1 is missing",)),
        ("y = Softmax<axis = 5>(a)", ("axis",)),
        ("y = Transpose<perm = [0, 1, 2]>(a)", ()),
        ("y = Conv(a, a)", ("filters",)),
        (
            "y = MaxPool<kernel_shape = [2], pads = [1, 2, 3]>(a)",
            ("'pads' to have 2 elements for the spatial dimensions, got 3",),
        ),
        ("y = Cast<to = 99>(a)", ("99",)),
        ("y = Unsqueeze(a)", ("axes",)),
        ("y, z = Relu(a)", ("2 outputs",)),
        ('y = DepthToSpace<blocksize = 2, mode = "X">(a)', ("expected mode to be one of DCR, CRD, got 'X'",)),
        ('y = BitShift<direction = "UP">(a, a)', ("expected direction to be one of LEFT, RIGHT, got 'UP'",)),
    ],
)
def test_wrong_calls_name_node_and_reason(call: str, parts: tuple[str, ...]) -> None:
    made, _, right = call.partition(" = ")
    refused(proto(f"g (float[2,3] a) => (float[] y) {{ [here] {made} = {right} }}"), "node 'here'", *parts)


@pytest.mark.parametrize(
    ("call", "opset", "parts"),
    [
        ("y = Relu<strange = 3>(a)", 17, ("'strange' = 3 is none of the operator's in version 17", "none")),
        ("y = ReduceSum<axes = [0]>(a)", 13, ("'axes' = [0] is none of the operator's", "keepdims, noop_with_empty")),
        (
            "y = LayerNormalization<stash_type = 16>(a, b)",
            17,
            ("attribute 'stash_type' is 16, which is not supported",),
        ),
        ("y = LayerNormalization<strange = 1.5>(a, b)", 17, ("'strange' = 1.5 is none", "stash_type")),
        ("y = HannWindow<strange = 1>(k)", 17, ("'strange' = 1 is none",)),
        ("y = Det<strange = 1>(a)", 17, ("'strange' = 1 is none",)),
        ("y = BatchNormalization<spatial = 0>(a, b, b, b, b)", 7, ("attribute 'spatial' = 0 is not supported",)),
        ("y = Relu(a, b)", 17, ("input 1, 'b', is not supported",)),
        ("y = Clip(a, c, c, b)", 17, ("input 3, 'b', is not supported",)),
        ('y = Split<axis = 0, num_outputs = 3>(a, "")', 18, ("3 outputs, which is num_outputs, got 1",)),
        ("y, z = Clip(a)", 17, ("output 1, 'z', is not made",)),
        ("y = own.Half<other = 2>(a)", 17, ("'other' = 2 is none of the operator's", "factor")),
    ],
)
def test_what_has_no_part_in_the_result_is_refused(call: str, opset: int, parts: tuple[str, ...]) -> None:
    made, _, right = call.partition(" = ")
    text = f"""g (float[2,3] a, float[3] b, float c, int64 k) => (float[] y) {{ [here] {made} = {right} }}
        <opset_import: ["" : 17], domain: "own"> Half<factor: float = 0.5>(x) => (z) {{
            k = Constant<value_float: float = @factor>() z = Mul(x, k) }}"""
    refused(proto(text, opset, ', "own" : 1'), "node 'here'", *parts)


@pytest.mark.parametrize(
    ("call", "opset"),
    [
        ("y = LayerNormalization<stash_type = 1>(a, b)", 17),
        ("y = BatchNormalization<spatial = 1, momentum = 0.3>(a, b, b, b, b)", 7),
        ("y = Dropout<seed = 5>(a, c)", 17),
        ("y = Cast<to = 6, saturate = 0>(a)", 19),
        ("y, i = TopK<sorted = 0>(a, k)", 17),
        ("y = Resize<extrapolation_value = 3.0>(a, b, k)", 17),
        ("y = own.Half<unused = 2>(a)", 17),
    ],
)
def test_what_changes_nothing_may_be_said(call: str, opset: int) -> None:
    made, _, right = call.partition(" = ")
    scale = "float[2] k = {1.0, 2.0}" if "Resize" in call else "int64[1] k = {1}"
    text = f"""g (float[2,3] a, float[3] b, float c) => (float[] y) <{scale}> {{ {made} = {right} }}
        <opset_import: ["" : 17], domain: "own"> Half<unused>(x) => (z) {{ z = Relu(x) }}"""
    assert read_onnx(proto(text, opset, ', "own" : 1').SerializeToString())


def test_no_operator_takes_an_attribute_that_it_does_not_have() -> None:
    cases = {case.model.graph.node[0].op_type: case.model for case in node_cases().values()}
    for model in cases.values():
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        changed.graph.node[0].attribute.append(helper.make_attribute("strange", 1))
        with pytest.raises(ModelError):
            read_onnx(changed.SerializeToString())


def test_errors_at_run_time_name_the_node_that_was_translated_into_several() -> None:
    text = "g (float[N, M] a, float[K] b) => (float[N, M] y) { [norm] m = LayerNormalization(a, b, b) y = Relu(m) }"
    compiled = ov.compile_model(read_onnx(proto(text).SerializeToString()))
    ones = np.ones((2, 3), np.float32)
    assert compiled({"a": ones, "b": ones[0]})[0].shape == (2, 3)
    with pytest.raises(RuntimeError, match=r"'norm/\w+.*f32\[2,3\], f32\[4\]"):
        compiled({"a": ones, "b": np.ones(4, np.float32)})


def test_names_within_a_translation_do_not_depend_on_what_was_read_before() -> None:
    text = "g (float[N, M] a, float[K] b) => (float[N, M] y) { [norm] m = LayerNormalization(a, b, b) y = Relu(m) }"
    names = [
        [
            node.friendly_name
            for node in read_onnx(proto(text).SerializeToString()).get_ops()
            if "norm" in node.friendly_name
        ]
        for _ in range(2)
    ]
    assert names[0] == names[1] and len(set(names[0])) == len(names[0]) > 1


@pytest.mark.parametrize("call", ["Relu(a)", "Add(a, a)", "Sqrt(a)", "Less(a, a)", "ReduceMax(a)", "ArgMax(a)"])
def test_arithmetic_of_strings(call: str) -> None:
    refused(proto(f"g (string[2] a) => (string[2] y) {{ [sum] y = {call} }}"), "'sum'", "expected numbers, got strings")


def test_input_of_negative_dimension() -> None:
    model = proto(RELU)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -7
    refused(model, "'a'", "-7")


def test_input_of_an_unsupported_type() -> None:
    model = proto(RELU)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.COMPLEX64
    refused(model, "'a'", "complex64")


def weighted(change: Callable[[Any], None]) -> onnx.ModelProto:
    """A model with a tensor "w" of 2 x 2 f32 in raw_data, changed."""
    model = proto("g (float[2,2] a) => (float[2,2] y) { y = Add(a, w) }")
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [2, 2], bytes(16), raw=True)
    change(tensor)
    model.graph.initializer.append(tensor)
    return model


def _dims(*dims: int) -> Callable[[Any], None]:
    def change(tensor: Any) -> None:
        del tensor.dims[:]
        tensor.dims.extend(dims)

    return change


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (_dims(2, 3), ("expected 24 bytes", "16")),
        (_dims(-4), ("[-4]", "negative")),
        (_dims(-2, -2), ("negative",)),
        (_dims(2**32, 2**32), (f"expected {2**66} bytes",)),
        (_dims(2**62, 4), (f"expected {2**66} bytes",)),
        (_dims(0, 2**63 - 1, 2), ("expected 0 bytes",)),
        (_dims(*[1] * 65), ("at most 64 dims",)),
        (lambda tensor: setattr(tensor, "data_type", 0), ("element type",)),
        (lambda tensor: setattr(tensor, "data_type", TensorProto.COMPLEX64), ("complex64",)),
        (lambda tensor: tensor.ClearField("raw_data"), ("4 elements", "got 0 in float_data")),
        (lambda tensor: setattr(tensor.segment, "begin", 1), ("segment",)),
    ],
    ids=range(11),
)
def test_tensors_that_lie_about_themselves(change: Callable[[Any], None], parts: tuple[str, ...]) -> None:
    refused(weighted(change), "tensor 'w'", *parts)


def test_empty_tensor_of_a_huge_dimension_is_refused() -> None:
    def change(tensor: Any) -> None:
        _dims(0, 2**63 - 1, 2**63 - 1)(tensor)
        tensor.raw_data = b""

    refused(weighted(change), "tensor 'w'", "too large")


HUGE = 2**33


@pytest.mark.parametrize(
    ("node", "shape", "sizes", "parts"),
    [
        ("UnfoldTensor", [8], [], {"domain": "com.microsoft", "size": HUGE, "step": 1}),
        ("Resize", [4, 4], [HUGE, 4], {"mode": "linear", "antialias": 1}),
        ("Resize", [400_000, 4], [200_000, 4], {"mode": "cubic", "exclude_outside": 1}),
        ("Resize", [4, 4], [100_000, 100_000], {"coordinate_transformation_mode": "tf_crop_and_resize"}),
    ],
)
def test_constants_as_large_as_attributes_say_are_not_made(
    node: str, shape: list[int], sizes: list[int], parts: dict[str, Any]
) -> None:
    roi = [0.0] * len(shape) + [1.5] * len(shape)
    given = [helper.make_tensor("sizes", TensorProto.INT64, [len(shape)], sizes)] if sizes else []
    given += [helper.make_tensor("roi", TensorProto.FLOAT, [len(roi)], roi)] if sizes else []
    operator = helper.make_node(node, ["x", "roi", "", "sizes"] if sizes else ["x"], ["y"], **parts)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([operator], "g", inputs, outputs, given)
    refused(helper.make_model(graph, opset_imports=versions), node, "8589934592" if "size" in parts else "resizing")


def test_zeros_as_many_as_attributes_say_take_no_memory_before_a_run() -> None:
    model = ov.Core().read_model(
        proto(
            f"g (float[1, 1, 2, 2] x, int64[1, 1, 2, 2] i) => (float[a, b, c, d] y) "
            f"{{ y = MaxUnpool <kernel_shape = [2, {HUGE}], strides = [2, 2]> (x, i) }}"
        ).SerializeToString(),
        b"",
    )
    assert model.output(0).partial_shape == ov.PartialShape([1, 1, 4, HUGE + 2])
    compiled = ov.compile_model(model, "CPU")
    with pytest.raises(RuntimeError, match="MEMORY_LIMIT"):
        compiled([np.ones((1, 1, 2, 2), np.float32), np.zeros((1, 1, 2, 2), np.int64)])


def external(folder: Path, content: int = 16, **entries: str | int) -> Path:
    """A model in `folder` whose tensor of 16 bytes lies where `entries` say; writes w.bin of `content` bytes."""
    model = weighted(lambda tensor: tensor.ClearField("raw_data"))
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    folder.mkdir(exist_ok=True)
    (folder / "w.bin").write_bytes(bytes(content))
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "sub" / "w.bin").write_bytes(bytes(32))
    assert read_onnx(external(tmp_path / "m", offset=0, length=16))
    assert read_onnx(external(tmp_path / "m"))
    assert read_onnx(external(tmp_path / "m", location="sub/w.bin", offset=16))


@pytest.mark.parametrize(
    ("entries", "parts"),
    [
        ({"location": "../w.bin"}, ("'..'",)),
        ({"location": "a/../../w.bin"}, ("'..'",)),
        ({"location": "/etc/passwd"}, ("relative path",)),
        ({"location": ""}, ("relative path",)),
        ({"location": "."}, ("'.'",)),
        ({"location": "a\\..\\w.bin"}, ("refused",)),
        ({"location": "none.bin"}, ("'none.bin'", "No such file")),
        ({"offset": 1}, ("bytes 1 to 17", "16 bytes")),
        ({"offset": 2**63}, ("16 bytes",)),
        ({"offset": 10**30}, ("offset",)),
        ({"offset": -1}, ("offset",)),
        ({"offset": "x"}, ("offset",)),
        ({"length": 15}, ("16 bytes", "15")),
        ({"length": 17}, ("16 bytes", "17")),
        ({"length": -16}, ("length",)),
    ],
)
def test_external_data_stays_inside_the_folder_and_the_file(
    tmp_path: Path, entries: dict[str, Any], parts: tuple[str, ...]
) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(16))
    refused(external(tmp_path / "m", **entries), "tensor 'w'", *parts)


def test_external_file_that_is_too_short(tmp_path: Path) -> None:
    refused(external(tmp_path / "m", content=8), "tensor 'w'", "8 bytes")
    refused(external(tmp_path / "m", content=0), "tensor 'w'", "0 bytes")


def _other(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(bytes(16))
    return path


def test_external_data_does_not_follow_links_out(tmp_path: Path) -> None:
    path = external(tmp_path / "m")
    (tmp_path / "m" / "w.bin").unlink()
    (tmp_path / "m" / "w.bin").symlink_to(_other(tmp_path))
    refused(path, "'w.bin'", "leads out")
    (tmp_path / "m" / "w.bin").unlink()
    (tmp_path / "m" / "up").symlink_to(tmp_path)
    refused(external(tmp_path / "m", location="up/secret"), "leads out")


def test_external_data_may_be_a_link_inside(tmp_path: Path) -> None:
    path = external(tmp_path / "m", location="link.bin")
    (tmp_path / "m" / "link.bin").symlink_to("w.bin")
    assert read_onnx(path)


def test_model_that_is_a_link_finds_its_data_beside_what_it_leads_to(tmp_path: Path) -> None:
    path = external(tmp_path / "blobs")
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "m.onnx").symlink_to(path)
    (tmp_path / "names" / "w.bin").symlink_to(tmp_path / "blobs" / "w.bin")
    assert read_onnx(tmp_path / "names" / "m.onnx")


def test_external_data_is_no_hard_link(tmp_path: Path) -> None:
    path = external(tmp_path / "m")
    (tmp_path / "m" / "w.bin").unlink()
    os.link(_other(tmp_path), tmp_path / "m" / "w.bin")
    refused(path, "'w.bin'", "hard link")


def test_external_data_is_a_regular_file(tmp_path: Path) -> None:
    path = external(tmp_path / "m")
    (tmp_path / "m" / "w.bin").unlink()
    os.mkfifo(tmp_path / "m" / "w.bin")
    refused(path, "'w.bin'", "not a regular file")


def test_model_from_bytes_has_no_external_data(tmp_path: Path) -> None:
    refused(external(tmp_path / "m").read_bytes(), "tensor 'w'", "'w.bin'", "read the model from its path")


def test_functions_that_call_themselves() -> None:
    text = """g (float[2] a) => (float[2] y) { y = own.Again(a) }
    <opset_import: ["" : 17, "own" : 1], domain: "own">
    Again(x) => (z) { z = own.Again(x) }"""
    refused(proto(text, head=', "own" : 1'), "more than 32 deep (the property NESTING_LIMIT)")


def test_functions_that_multiply_without_end() -> None:
    calls = "\n".join(
        f"""<opset_import: ["" : 17, "own" : 1], domain: "own"> F{i}(x) => (z) {{
            a = own.F{i + 1}(x) b = own.F{i + 1}(a) c = own.F{i + 1}(b) z = own.F{i + 1}(c) }}"""
        for i in range(12)
    )
    text = f"""g (float[2] a) => (float[2] y) {{ y = own.F0(a) }} {calls}
        <opset_import: ["" : 17], domain: "own"> F12(x) => (z) {{ z = Identity(x) }}"""
    refused(proto(text, head=', "own" : 1'), "NODE_LIMIT allows 250000")


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(proto("g (float[2] a) => (float[2] y) { y = Add(a, b) }").SerializeToString())
    with pytest.raises(ModelError, match=re.escape(repr(str(path)))):
        read_onnx(path)
