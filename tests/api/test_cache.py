"""Files in CACHE_DIR: what they hold, what is made of them, what is dropped, and that none is trusted."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import ovlite as ov
from ovlite import kernels
from ovlite.frontend.ir import WeightsWriter, canonical_digest
from ovlite.frontend.ir.weights import SHARED
from ovlite.passes import pipeline
from ovlite.runtime.model_cache import entries, prune
from ovlite.version import beside

from ..data import normal, rng
from ..frontend.onnx_cases import node_cases

RESTED = 10.0  # seconds before now at which files of models were written last, as the cache sees it


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def image_model(mine, channels=8):
    """Convolutions whose weights are packed in three ways, some scaled, a bias, and a matrix."""
    x = mine.parameter([1, 3, 12, 12], np.float32, "x")
    y = mine.ops.convolution(x, normal(channels, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    y = mine.ops.relu(mine.ops.add(y, normal(1, channels, 1, 1)))
    y = mine.ops.group_convolution(y, normal(channels, 1, 1, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1])
    y = mine.ops.convolution(y, normal(64, channels, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])
    y = mine.ops.convolution(y, normal(64, 64, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    y = mine.ops.group_convolution(y, normal(2, 32, 32, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    y = mine.ops.convolution(y, normal(64, 64, 5, 5), [1, 1], [2, 2], [2, 2], [1, 1])
    y = mine.ops.multiply(y, normal(1, 64, 1, 1))
    y = mine.ops.matmul(mine.ops.reduce_mean(y, [2, 3]), normal(64, 5), False, False)
    return mine.ov.Model([y], [x], "image")


def saved(mine, tmp_path, model, name="model.xml"):
    """The path of a model's file, which looks as if it had been there for a while."""
    path = tmp_path / name
    mine.ov.save_model(model, path, False)
    age(path)
    return path


def age(path):
    for file in (path, path.with_suffix(".bin")):
        os.utime(file, (time.time() - RESTED,) * 2)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    """Times at which files were changed can't be set, so that the cache need not wait for them to pass."""
    monkeypatch.setattr("ovlite.runtime.model_cache._RESTS", -RESTED)


def compiled_from(path, folder, **config):
    return ov.Core().compile_model(path, "CPU", {"CACHE_DIR": str(folder), **config})


def is_loaded(compiled):
    return compiled.get_property("LOADED_FROM_CACHE")


def test_a_model_that_is_loaded_runs_no_pass_and_packs_nothing(mine, tmp_path, folder, monkeypatch):
    path = saved(mine, tmp_path, image_model(mine))
    x = normal(1, 3, 12, 12)
    first = compiled_from(path, folder)
    expected = first(x)[0]
    monkeypatch.setattr("ovlite.passes.pipeline.run_passes", lambda *_, **__: pytest.fail("a pass runs"))
    monkeypatch.setattr("ovlite.frontend.read_model", lambda *_, **__: pytest.fail("the model is read"))
    second = compiled_from(path, folder)
    weights = second._compilation.executable.packed_weights
    kinds = {type(made).__name__ for (_, made), _ in weights.items()}
    assert is_loaded(second) and {"PackedWeights", "TransformedWeights", "Packed"} <= kinds
    before = len(weights.items())
    np.testing.assert_array_equal(second(x)[0], expected)
    assert len(weights.items()) == before == len(first._compilation.executable.packed_weights.items())


def packed_kinds(compiled):
    """Of what was made of weights; sums of them are not packed weights."""
    made = [made for (_, made), _ in compiled._compilation.executable.packed_weights.items()]
    return [type(item).__name__ for item in made if not isinstance(item, np.ndarray)]


def test_a_model_that_is_imported_runs_no_pass_and_packs_nothing(mine, monkeypatch):
    first, x = ov.Core().compile_model(image_model(mine), "CPU"), normal(1, 3, 12, 12)
    exported = first.export_model()
    expected = first(x)[0]
    monkeypatch.setattr("ovlite.passes.pipeline.run_passes", lambda *_, **__: pytest.fail("a pass runs"))
    monkeypatch.setattr("ovlite.frontend.ir.read_ir", lambda *_, **__: pytest.fail("the model is read"))
    second = ov.Core().import_model(exported, "CPU")
    before = packed_kinds(second)
    assert {"PackedWeights", "TransformedWeights", "Packed"} <= set(before)
    np.testing.assert_array_equal(second(x)[0], expected)
    assert packed_kinds(second) == before


def bytes_model(mine):
    """A convolution of bytes that Winograd's algorithm does where there is no VNNI."""
    ops, half = mine.ops, np.float32(0.5)
    x = mine.parameter([1, 32, 24, 24], np.float32, "x")
    coded = ops.fake_quantize(x, np.float32(0), np.float32(25.5), np.float32(0), np.float32(25.5), 256)
    weights = ops.multiply(
        ops.convert(ops.constant(rng().integers(-127, 128, (32, 32, 3, 3)).astype(np.int8)), "f32"), half
    )
    return mine.ov.Model([ops.convolution(coded, weights, [1, 1], [1, 1], [1, 1], [1, 1])], [x], "bytes")


def test_winograd_weights_of_bytes_are_loaded(mine, tmp_path, folder):
    path, x = saved(mine, tmp_path, bytes_model(mine)), np.abs(normal(1, 32, 24, 24)) * 8
    before = kernels.use_level("baseline")  # whose bytes are multiplied without VNNI on each processor
    try:
        first = compiled_from(path, folder)
        expected = first(x)[0]
        second = compiled_from(path, folder)
        assert is_loaded(second) and packed_kinds(second) == packed_kinds(first) == ["TransformedBytes"]
        np.testing.assert_array_equal(second(x)[0], expected)
        exact = compiled_from(path, tmp_path / "other", INFERENCE_PRECISION_HINT="f32")(x)[0]
        np.testing.assert_allclose(expected, exact, rtol=1e-5, atol=1e-5 * np.abs(exact).max())
    finally:
        kernels.use_level(before)


@pytest.mark.parametrize("change", ["version", "level", "property"])
def test_what_was_exported_elsewhere_is_compiled_anew(mine, monkeypatch, change):
    """Another version, another level or other properties: its model is compiled, with the same result."""
    first, x = mine.compile(image_model(mine)), normal(1, 3, 12, 12)
    exported, ran = first.export_model(), []
    if change == "version":
        monkeypatch.setattr("ovlite.runtime.exported_model.get_version", lambda: "another")
    if change == "level":
        monkeypatch.setattr("ovlite.runtime.exported_model.kernels.level", lambda: "baseline")
    run = pipeline.run_passes
    monkeypatch.setattr(pipeline, "run_passes", lambda *given, **more: ran.append(1) or run(*given, **more))
    config = {"EXECUTION_MODE_HINT": "ACCURACY"} if change == "property" else {}
    second = ov.Core().import_model(exported, "CPU", config)
    assert ran
    np.testing.assert_allclose(second(x)[0], first(x)[0], rtol=1e-4, atol=1e-4 * np.abs(first(x)[0]).max())


def test_an_exported_model_of_unknown_shapes_keeps_what_was_packed(mine):
    x = mine.parameter([1, 64, -1, -1], np.float32, "x")
    y = mine.ops.convolution(x, normal(64, 64, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    first = mine.compile(mine.ov.Model([y], [x], "any"))
    image = normal(1, 64, 9, 9)
    expected = first(image)[0]
    second = ov.Core().import_model(first.export_model(), "CPU")
    assert packed_kinds(second) == packed_kinds(first) != []
    np.testing.assert_array_equal(second(image)[0], expected)


@pytest.mark.parametrize("empty", ["channels", "groups", "rows", "columns", "depth"])
def test_weights_without_elements_are_exported(mine, empty):
    """Models that have them compute what their bias says, before and after."""
    image = mine.parameter([1, 0 if empty == "channels" else 4, 6, 6], np.float32, "image")
    matrix = mine.parameter([3, 0 if empty == "depth" else 5], np.float32, "matrix")
    outputs = 0 if empty == "rows" else 8
    if empty == "groups":
        y = mine.ops.group_convolution(image, normal(2, 0, 2, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    else:
        weights = normal(outputs, 0 if empty == "channels" else 4, 3, 3)
        y = mine.ops.convolution(image, weights, [1, 1], [1, 1], [1, 1], [1, 1])
        y = mine.ops.add(y, normal(1, outputs, 1, 1))
    columns = 0 if empty == "columns" else 7
    z = mine.ops.matmul(matrix, normal(0 if empty == "depth" else 5, columns), False, False)
    first = mine.compile(mine.ov.Model([y, z], [image, matrix], "empty"))
    given = [normal(*parameter.shape) for parameter in first.inputs]
    expected = first(given)
    second = ov.Core().import_model(first.export_model(), "CPU")(given)
    for wanted, found in zip(expected.values(), second.values(), strict=True):
        np.testing.assert_array_equal(found, wanted, strict=True)


def test_scaled_weights_are_kept_once(mine):
    """As those of the model and factors, beside what was packed of them."""
    x = mine.parameter([1, 128, 8, 8], np.float32, "x")
    weights = normal(128, 128, 1, 1)
    y = mine.ops.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    model = mine.ov.Model([mine.ops.multiply(y, normal(1, 128, 1, 1))], [x], "scaled")
    first, image = ov.Core().compile_model(model, "CPU"), normal(1, 128, 8, 8)
    exported = first.export_model().getvalue()
    assert exported.count(weights.tobytes()) == 1 and len(exported) < 2.5 * weights.nbytes
    second = ov.Core().import_model(exported, "CPU")
    assert packed_kinds(second) == packed_kinds(first) == ["PackedWeights"]
    np.testing.assert_array_equal(second(image)[0], first(image)[0])
    assert ov.Core().import_model(second.export_model(), "CPU")(image)[0].shape == (1, 128, 8, 8)


def test_what_is_loaded_tells_what_was_compiled(mine, tmp_path, folder):
    model = image_model(mine)
    model.outputs[0].set_names({"y", "scores"})
    path = saved(mine, tmp_path, model)
    first, second = compiled_from(path, folder), compiled_from(path, folder)
    assert is_loaded(second) and not is_loaded(first)
    for mine_port, its in zip([*first.inputs, *first.outputs], [*second.inputs, *second.outputs], strict=True):
        assert mine_port.names == its.names and mine_port.element_type == its.element_type
        assert mine_port.partial_shape == its.partial_shape
        assert mine_port.node.friendly_name == its.node.friendly_name
    assert first.get_property("NETWORK_NAME") == second.get_property("NETWORK_NAME")
    kinds = [
        [node.get_type_name() for node in found.get_runtime_model().get_ordered_ops()] for found in (first, second)
    ]
    assert kinds[0] == kinds[1]
    x = normal(1, 3, 12, 12)
    again = ov.Core().import_model(second.export_model(), "CPU")
    np.testing.assert_array_equal(again(x)["scores"], first(x)["scores"])


def test_a_file_that_is_written_again_is_read_again(mine, tmp_path, folder):
    x = normal(1, 3, 12, 12)
    path = saved(mine, tmp_path, image_model(mine))
    old = compiled_from(path, folder)(x)[0]
    before = path.with_suffix(".bin").stat()
    other = image_model(mine)
    mine.ov.save_model(other, path, False)
    os.utime(path.with_suffix(".bin"), ns=(before.st_atime_ns, before.st_mtime_ns))
    new = compiled_from(path, folder)
    assert not is_loaded(new) and path.with_suffix(".bin").stat().st_size == before.st_size
    np.testing.assert_array_equal(new(x)[0], ov.Core().compile_model(other, "CPU")(x)[0])
    assert not np.array_equal(new(x)[0], old)


def test_a_copy_of_a_file_has_the_same_content(mine, tmp_path, folder):
    model = image_model(mine)
    compiled_from(saved(mine, tmp_path, model), folder)
    assert is_loaded(compiled_from(saved(mine, tmp_path, model, "copy.xml"), folder))
    read = ov.Core().read_model(tmp_path / "copy.xml")
    assert is_loaded(ov.Core().compile_model(read, "CPU", {"CACHE_DIR": str(folder)}))
    assert len(entries(folder)) == 1


def test_a_file_that_was_just_written_is_not_known_by_its_time(mine, tmp_path, folder, monkeypatch):
    monkeypatch.setattr("ovlite.runtime.model_cache._RESTS", 2.0)
    compiled_from(saved(mine, tmp_path, image_model(mine)), folder)
    assert [file.suffix for file in folder.iterdir()] == [".blob"]


def test_elements_in_other_files_are_looked_at(tmp_path, folder):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    path, x = tmp_path / "model.onnx", np.zeros(600, np.float32)
    for value in (1.0, 2.0):
        added = onnx.numpy_helper.from_array(np.full(600, value, np.float32), "added")
        graph = helper.make_graph(
            [helper.make_node("Add", ["x", "added"], ["y"])], "g",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [600])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [600])], [added],
        )  # fmt: skip
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
        (tmp_path / "elements").unlink(missing_ok=True)
        onnx.save_model(model, path, save_as_external_data=True, location="elements")
        for _ in range(2):
            assert (compiled_from(path, folder)(x)[0] == value).all()


# onnx.reference, which decodes images, needs Pillow for it.
CASES = [item for item in sorted(node_cases().items()) if not item[0].startswith("image_decoder")][::9]
RANDOM = {"RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_models_of_all_operators_give_the_same_when_they_are_loaded(case, folder, caplog):
    """Those that hold what a file can't are compiled from the model in it, and give the same too."""
    content = case.model.SerializeToString()
    inputs = case.data_sets[0][0]
    if not all(isinstance(array, np.ndarray) and array.dtype.kind in "biuf" for array in inputs):
        pytest.skip("its inputs are no arrays of numbers")
    found = []
    for _ in range(2):
        try:
            compiled = ov.Core().compile_model(ov.Core().read_model(content), "CPU", {"CACHE_DIR": str(folder)})
        except RuntimeError as error:
            assert not found, "what was compiled is refused when it is loaded"
            pytest.skip(f"ovlite refuses the model: {error}")
        found.append([compiled(list(inputs))[index] for index in range(len(compiled.outputs))])
        loaded = is_loaded(compiled)
    # Operators that the onnx package carries out are in no file.
    assert loaded or "layers of operations that are not supported: " in caplog.text
    if not {node.op_type for node in case.model.graph.node} & RANDOM:
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_values_that_variables_begin_with_are_kept(mine, folder):
    x = mine.parameter([2], np.float32, "x")
    state = mine.ops.read_value(mine.ops.constant(np.array([3, 4], np.float32)), "sum", mine.ov.Type.f32, [2])
    total = mine.ops.add(x, state)
    model = mine.ov.Model([mine.ops.result(total)], [mine.ops.assign(total, "sum")], [x], "state")
    for loaded in (False, True):
        compiled = mine.compile(model, CACHE_DIR=str(folder))
        assert is_loaded(compiled) is loaded
        for expected in ([4, 5], [5, 6]):
            assert compiled(np.ones(2, np.float32))[0].tolist() == expected
        compiled.reset_state()
        assert compiled(np.ones(2, np.float32))[0].tolist() == [4, 5]


@pytest.mark.parametrize("changed", [None, 0, 1, 2, 3])
def test_a_digest_is_of_every_element(mine, changed):
    """Of small constants and of large ones, whose halves have digests of their own."""
    arrays = [normal(3), normal(SHARED // 4 + 5), normal(SHARED // 4 + 5)]
    places = [(0, 2), (1, 0), (1, SHARED // 4 + 4), (2, SHARED // 8 + 9)]

    def digest():
        x = mine.parameter([1], np.float32, "x")
        nodes = [mine.ops.add(x, array.copy()) for array in arrays]
        return canonical_digest(mine.ov.Model(nodes, [x], "constants"))

    before = digest()
    if changed is not None:
        array, place = places[changed]
        arrays[array][place] += 1
    assert (digest() == before) == (changed is None)
    arrays[1:] = arrays[:0:-1]
    assert digest() != before


def test_a_constant_of_digests_is_not_the_one_whose_halves_have_them(mine):
    """Constants of equal bytes are written once, and no others."""
    large = normal(SHARED // 4 + 2)
    raw = large.view(np.uint8)
    halves = b"".join(hashlib.sha256(half).digest() for half in (raw[: raw.size // 2], raw[raw.size // 2 :]))
    file = io.BytesIO()
    weights = WeightsWriter(file)
    offsets = [weights.add(raw.data), weights.add(halves), weights.add(bytes(raw))]
    assert offsets[0] == offsets[2] != offsets[1]
    assert file.getvalue()[offsets[1] :] == halves


def test_a_digest_needs_no_second_thread(mine, monkeypatch):
    """A process may have no more of them, and from Python 3.12 on has none when it exits."""
    x = mine.parameter([1], name="x")
    model = mine.ov.Model([mine.ops.add(x, normal(SHARED // 4 + 5))], [x])

    def none_left(*args):
        raise RuntimeError("can't start new thread")

    before = canonical_digest(model)
    monkeypatch.setattr(threading, "_start_new_thread", none_left)
    assert canonical_digest(model) == before


def test_a_shape_that_was_not_planned_before(mine, folder):
    x = mine.parameter([-1, 64, -1, -1], np.float32, "x")
    y = mine.ops.convolution(x, normal(64, 64, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    model = mine.ov.Model([y], [x], "any")
    images = [normal(1, 64, 3, 3), normal(2, 64, 20, 20)]
    first, second = (mine.compile(model, CACHE_DIR=str(folder)) for _ in range(2))
    assert is_loaded(second)
    for image in images:
        np.testing.assert_array_equal(first(image)[0], second(image)[0])


def any_size_model(mine):
    x = mine.parameter([-1, 64, -1, -1], np.float32, "x")
    y = mine.ops.convolution(x, normal(64, 64, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    return mine.ov.Model([mine.ops.multiply(y, normal(1, 64, 1, 1))], [x], "any")


def test_what_the_first_shapes_packed_is_there_for_the_next_start(mine, tmp_path, folder, monkeypatch):
    """A model whose shapes are known when it runs: its file is written once more behind the first plan."""
    path, image = saved(mine, tmp_path, any_size_model(mine)), normal(1, 64, 9, 9)
    first = compiled_from(path, folder)
    assert packed_kinds(first) == []
    expected = first(image)[0]
    second = compiled_from(path, folder)
    assert is_loaded(second) and packed_kinds(second) == packed_kinds(first) != []
    monkeypatch.setattr("ovlite.runtime.model_cache._written", lambda *_: pytest.fail("it is written again"))
    np.testing.assert_array_equal(second(image)[0], expected)
    assert packed_kinds(second) == packed_kinds(first)


def test_shapes_that_are_packed_for_otherwise_are_added(mine, folder):
    """To what the file has of the shapes before."""
    model = any_size_model(mine)
    for length in (9, 2):
        ov.Core().compile_model(model, "CPU", {"CACHE_DIR": str(folder)})(normal(1, 64, length, length))
    third = ov.Core().compile_model(model, "CPU", {"CACHE_DIR": str(folder)})
    assert is_loaded(third) and len(packed_kinds(third)) == 2


def test_constants_that_a_program_changes_meanwhile_are_not_written_for_the_others(mine, folder, caplog):
    """The file goes by what they were: the next one who compiles the model gets those."""
    weights = normal(33, 20)
    kept, x = weights.copy(), normal(4, 33)

    def model(array):
        data = mine.parameter([-1, 33], np.float32)
        constant = mine.ops.constant(array, shared_memory=True)
        return mine.ov.Model([mine.ops.matmul(data, constant, False, False)], [data])

    first = mine.compile(model(weights), CACHE_DIR=str(folder))
    weights *= 2
    first(x)
    assert "stays as it is: the program has changed" in caplog.text
    second = mine.compile(model(kept), CACHE_DIR=str(folder))
    assert is_loaded(second)
    np.testing.assert_allclose(second(x)[0], x @ kept, rtol=1e-5, atol=1e-4)
    assert [path.suffix for path in folder.iterdir()] == [".blob"]


def test_a_file_is_written_again_where_it_lies(mine, folder, tmp_path, monkeypatch):
    """Whatever the working directory is by then; and not where it is gone."""
    model, elsewhere = any_size_model(mine), tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    first, second = (mine.compile(model, CACHE_DIR=folder.name) for _ in range(2))
    (before,) = entries(folder)
    monkeypatch.chdir(elsewhere)
    first(normal(1, 64, 9, 9))
    (after,) = entries(folder)
    assert after.path == before.path and after.bytes > before.bytes
    prune(folder, 0)
    folder.rmdir()
    second(normal(1, 64, 9, 9))
    assert list(tmp_path.iterdir()) == [elsewhere] and not any(elsewhere.iterdir())


def test_a_file_that_would_be_larger_than_the_limit_stays(mine, folder):
    """It was small enough without the weights that are packed behind the first plan."""
    limit = 64 * 64 * 9 * 4 * 2
    mine.compile(any_size_model(mine), CACHE_DIR=str(folder), CACHE_SIZE_LIMIT=limit)(normal(1, 64, 9, 9))
    assert [entry.bytes <= limit for entry in entries(folder)] == [True]


@pytest.mark.parametrize("way", ["plan", "export"])
def test_damaged_elements_are_not_written_again_as_whole_ones(mine, folder, way):
    """By a start that plans shapes which it packs other weights for, nor by export_model()."""
    model = any_size_model(mine)
    ov.Core().compile_model(model, "CPU", {"CACHE_DIR": str(folder)})(normal(1, 64, 9, 9))
    (entry,) = entries(folder)
    data, weights = entry.path.read_bytes(), model.get_ordered_ops()[1].data.tobytes()
    at = data.index(weights)
    damaged = data[:at] + b"1234" + data[at + 4 :]
    entry.path.write_bytes(damaged)
    found = ov.Core().compile_model(model, "CPU", {"CACHE_DIR": str(folder)})
    assert is_loaded(found)
    with pytest.raises(RuntimeError, match="a file in CACHE_DIR is damaged: remove the files there"):
        found.export_model() if way == "export" else found(normal(1, 64, 2, 2))
    assert entry.path.read_bytes() == damaged


@pytest.mark.parametrize("place", range(12))
def test_a_byte_that_has_changed_anywhere(mine, folder, place):
    """The file is made anew, or the byte is one that nothing reads, or the model says what is wrong."""
    model, x = image_model(mine), normal(1, 3, 12, 12)
    expected = mine.compile(model, CACHE_DIR=str(folder))(x)[0]
    (entry,) = entries(folder)
    data = bytearray(entry.path.read_bytes())
    data[int(rng().integers(place * len(data) // 12, (place + 1) * len(data) // 12))] ^= 1 << int(rng().integers(8))
    entry.path.write_bytes(data)
    np.testing.assert_array_equal(mine.compile(model, CACHE_DIR=str(folder))(x)[0], expected)


def test_a_damaged_file_is_read_and_told_of_once(mine, tmp_path, folder, caplog):
    path = saved(mine, tmp_path, image_model(mine))
    compiled_from(path, folder)
    (entry,) = entries(folder)
    data = entry.path.read_bytes()
    entry.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert not is_loaded(compiled_from(path, folder))
    (told,) = caplog.records
    assert told.getMessage().startswith(f"{entry.path.name} in CACHE_DIR is made anew: ")
    assert is_loaded(compiled_from(path, folder))


def test_elements_that_packed_weights_stood_for_are_looked_at_when_they_are_needed(mine, folder):
    x = mine.parameter([1, 64, -1, -1], np.float32, "x")
    weights = normal(64, 64, 3, 3)
    model = mine.ov.Model([mine.ops.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1])], [x], "late")
    model.reshape([1, 64, 2, 2])
    ov.Core().compile_model(model, "CPU", {"CACHE_DIR": str(folder)})
    (entry,) = entries(folder)
    data = entry.path.read_bytes()
    at = data.index(weights.tobytes())
    entry.path.write_bytes(data[:at] + b"1234" + data[at + 4 :])
    found = ov.Core().compile_model(model, "CPU", {"CACHE_DIR": str(folder)})
    assert is_loaded(found)
    with pytest.raises(RuntimeError, match="a file in CACHE_DIR is damaged: remove the files there"):
        found._compilation.executable.plan(((1, 64, 96, 96),))


def test_the_files_used_longest_ago_are_dropped(mine, folder):
    models = [image_model(mine, channels) for channels in (8, 9, 10)]
    for number, model in enumerate(models[:2]):
        mine.compile(model, CACHE_DIR=str(folder))
        os.utime(entries(folder)[-1].path, (number + 1, number + 1))
    both = entries(folder)
    assert [entry.used for entry in both] == [1, 2] and all(entry.bytes > 1000 for entry in both)
    assert is_loaded(mine.compile(models[0], CACHE_DIR=str(folder)))  # which is now the one that was used last
    limit = 2 * both[0].bytes + 20_000
    mine.compile(models[2], CACHE_DIR=str(folder), CACHE_SIZE_LIMIT=limit)
    left = entries(folder)
    assert both[1].path not in [entry.path for entry in left] and both[0].path in [entry.path for entry in left]
    assert sum(entry.bytes for entry in left) <= limit


def test_entries_and_prune(mine, tmp_path, folder):
    assert entries(folder) == [] and prune(folder, 0) == []
    path = saved(mine, tmp_path, image_model(mine))
    compiled_from(path, folder)
    (folder / "other.blob").write_bytes(b"not ours")
    (entry,) = entries(folder)
    assert entry.bytes == entry.path.stat().st_size and abs(entry.used - time.time()) < 60
    assert prune(folder, entry.bytes) == []
    assert prune(folder, entry.bytes - 1) == [entry]
    assert [file.name for file in folder.iterdir()] == ["other.blob"]
    assert not is_loaded(compiled_from(path, folder))
    (entry,) = entries(folder)
    assert prune(folder, entry.bytes, before=entry.used) == []
    assert prune(folder, entry.bytes, before=entry.used + 1) == [entry]
    assert [file.name for file in folder.iterdir()] == ["other.blob"]


def test_a_source_is_no_path(mine, tmp_path, folder):
    """What a .source names lies in the folder, whatever it says."""
    path = saved(mine, tmp_path, image_model(mine))
    compiled_from(path, folder)
    (source,) = folder.glob("*.source")
    told = json.loads(source.read_bytes())
    outside = tmp_path / told["blob"]
    (folder / told["blob"]).rename(outside)
    for name in (f"../{outside.name}", str(outside), "", None, 3):
        source.write_text(json.dumps({**told, "blob": name}))
        assert not is_loaded(compiled_from(path, folder))
        for made in folder.glob("*.blob"):
            made.unlink()


LOAD = """
import sys
import numpy as np
import ovlite as ov
compiled = ov.Core().compile_model(sys.argv[1], "CPU", {"CACHE_DIR": sys.argv[2]})
print(float(compiled(np.ones((1, 3, 12, 12), np.float32))[0].sum()))
"""


def test_processes_share_a_folder(mine, tmp_path, folder):
    path = saved(mine, tmp_path, image_model(mine))
    command = [sys.executable, "-c", LOAD, str(path), str(folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    found = {process.communicate(timeout=120)[0] for process in running}
    assert len(found) == 1 and all(process.returncode == 0 for process in running)
    assert len(entries(folder)) == 1 and not list(Path(folder).glob(".*"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ovlite", "ovlite-1.2.dist-info"], "1.2"),
        (["ovlite-1.2.dist-info", "ovlite-1.3.dist-info"], None),
        (["ovlite.egg-info", "other-1.0.dist-info"], None),
        ([], None),
    ],
)
def test_the_version_beside_the_package(tmp_path, names, expected):
    for name in names:
        (tmp_path / name).mkdir()
    assert beside(str(tmp_path)) == expected
    assert beside(str(tmp_path / "nowhere")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[project]\nname = "ovlite"\nversion = "1.4"\n', "1.4"),
        ('[project]\nname = "other"\nversion = "1.4"\n', None),
        ('[project]\nname = "ovlite"\ndynamic = ["version"]\n', None),
    ],
)
def test_the_version_in_a_checkout(tmp_path, text, expected):
    (tmp_path / "pyproject.toml").write_text(text)
    assert beside(str(tmp_path)) == expected
    (tmp_path / "ovlite-1.2.dist-info").mkdir()
    assert beside(str(tmp_path)) == "1.2"
