"""Inputs that would be misread are errors, nested lists are values, and a model tells what it shares."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

CUBE = np.arange(8, dtype=np.float32).reshape(2, 2, 2)


@pytest.fixture
def cube(mine):
    return mine.compile(mine.plus_one((2, 2, 2)))


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: (v,), lambda v: {0: v}, lambda v: {"x": v}])
@pytest.mark.parametrize("share", [True, False])
def test_nested_lists_are_inputs(cube, wrap, share):
    assert (cube(wrap(CUBE.tolist()), share_inputs=share)[0] == CUBE + 1).all()


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
def test_nested_lists_of_any_depth(mine, rank):
    shape = [2] * rank
    compiled = mine.compile(mine.ov.Model([mine.ops.relu(x := mine.parameter(shape))], [x]))
    value = np.arange(2**rank, dtype=np.float32).reshape(shape)
    assert (compiled(value.tolist())[0] == value).all()
    loose = mine.compile(mine.ov.Model([mine.ops.relu(y := mine.parameter([-1] * rank))], [y]))
    assert (loose([value.tolist()] if rank > 1 else value.tolist())[0] == value).all()


def test_lists_that_do_not_fit(cube):
    for wrong in ([[[1.0, 2.0]], [[1.0]]], [[[[1.0]]]], [[1.0, 2.0], [3.0, 4.0]], [[[1.0, None]]]):
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            cube(wrong)


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {0: v}])
@pytest.mark.parametrize("share", [True, False])
def test_masked_elements_are_errors(cube, wrap, share):
    whole = np.ma.masked_array(CUBE, mask=False)
    assert (cube(wrap(whole), share_inputs=share)[0] == CUBE + 1).all()
    whole[0, 0, 0] = np.ma.masked
    with pytest.raises(TypeError, match=r"input 0 \('x'\): elements of the array are masked.*filled"):
        cube(wrap(whole), share_inputs=share)


@pytest.mark.parametrize("dtype", ["datetime64[s]", "timedelta64[ms]"])
@pytest.mark.parametrize("share", [True, False])
def test_times_are_errors(cube, dtype, share):
    for wrap in (lambda v: v, lambda v: [v], lambda v: {"x": v}):
        with pytest.raises(TypeError, match="Convert it to numbers of a unit"):
            cube(wrap(CUBE.astype(np.int64).astype(dtype)), share_inputs=share)


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {0: v}])
@pytest.mark.parametrize("share", [True, False])
def test_words_for_numbers_name_the_input(cube, wrap, share):
    numbers = np.full(CUBE.shape, "1.5")
    for kind in (str, bytes, object):
        assert (cube(wrap(numbers.astype(kind)), share_inputs=share)[0] == 2.5).all()
        words = np.full(CUBE.shape, "one").astype(kind)
        with pytest.raises(ValueError, match=r"input 0 \('x'\) holds f32: could not convert string to float"):
            cube(wrap(words), share_inputs=share)


def test_masked_elements_of_tensors_and_constants(mine):
    masked = np.ma.masked_array(CUBE, mask=CUBE > 3)
    for make in (mine.ov.Tensor, mine.ops.constant, mine.ov.op.Constant, lambda v: mine.ov.Tensor(v, True)):
        with pytest.raises(TypeError, match="masked"):
            make(masked)


class Subclass(np.ndarray):
    """An array that is not exactly numpy's."""


@pytest.mark.parametrize("kind", [np.ndarray, Subclass])
def test_a_shared_tensor_keeps_its_array_and_lets_it_go(mine, kind):
    array = np.ones(3, np.float32).view(kind)
    watched = weakref.ref(array)
    tensor = mine.ov.Tensor(array, shared_memory=True)
    array[0] = 5
    del array
    gc.collect()
    assert watched() is not None and tensor.data[0] == 5
    view = tensor.data
    del tensor
    gc.collect()
    assert watched() is not None
    del view
    gc.collect()
    assert watched() is None


def test_results_can_be_weakly_referenced(cube):
    results = cube(CUBE)
    watched = weakref.ref(results)
    assert watched() is results
    del results
    gc.collect()
    assert watched() is None


READ_ONLY = CUBE.copy()
READ_ONLY.flags.writeable = False
REASONS = [
    (CUBE.copy(), "shared"), (CUBE.astype(np.float64), "copied: elements of float64 are converted to f32"),
    (CUBE.transpose(2, 1, 0), "copied: the elements are not in C order"), (READ_ONLY, "copied: the array is read-only"),
    (CUBE.astype(">f4"), "copied: elements of >f4 are converted"), (CUBE.tolist(), "copied: elements of float64"),
    (CUBE[:, ::-1], "copied: the elements are not in C order"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "reason"), REASONS)
def test_what_is_shared_and_why_not(mine, cube, value, reason):
    (found,) = cube.sharing({"x": value}).values()
    assert found.startswith(reason)
    assert list(cube.sharing(value)) == cube.inputs
    request = cube.create_infer_request()
    request.infer({"x": value}, share_inputs=True)
    in_place = isinstance(value, np.ndarray) and np.shares_memory(request.get_input_tensor().data, value)
    assert in_place == (found == "shared")
    assert cube.sharing({"x": CUBE.copy()}, share_inputs=False) == {cube.input(0): "copied: share_inputs is False"}


def test_tensors_are_shared_as_far_as_they_are_continuous(mine, cube):
    tensor = mine.ov.Tensor(np.zeros((2, 2, 4), np.float32))
    region = mine.ov.Tensor(tensor, [0, 0, 0], [2, 2, 2])
    assert cube.sharing(mine.ov.Tensor(CUBE), share_inputs=False) == {cube.input(0): "shared"}
    assert cube.sharing(region)[cube.input(0)].startswith("copied: the Tensor shows a region")
    with pytest.raises(TypeError):
        cube.sharing({1.5: CUBE})
    assert cube.sharing(None) == {}


def test_inputs_that_were_never_given_say_what_to_do(mine, A):
    compiled = mine.compile(mine.add())
    for call in (compiled, compiled.create_infer_request().infer, lambda: compiled([A])):
        with pytest.raises(RuntimeError, match=r"no value was ever given for input .*pass it to the call, or fill "):
            call()
    request = compiled.create_infer_request()
    for index in range(2):
        request.get_input_tensor(index).data[:] = A
    assert (request.infer()[0] == A + A).all()


def test_a_wrong_level_is_one_line():
    import os

    environment = {**os.environ, "OVLITE_ISA": "foo"}
    command = [sys.executable, "-m", "ovlite", "--info"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 2 and found.stderr.count("\n") == 1
    assert "OVLITE_ISA='foo': no such level; usable here: baseline" in found.stderr
    command = [sys.executable, "-c", "import ovlite; ovlite.Core()"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.stderr.splitlines()[-1].startswith("ImportError: OVLITE_ISA='foo'")


def test_a_source_without_kernels_says_what_to_do(tmp_path):
    import shutil
    from pathlib import Path

    root = Path(__file__).parents[2]
    shutil.copytree(
        root / "ovlite", tmp_path / "ovlite", ignore=shutil.ignore_patterns("*.so", "kernels", "__pycache__")
    )
    ignored = shutil.ignore_patterns("*.so", "families", "__pycache__")
    shutil.copytree(root / "kernels", tmp_path / "ovlite" / "kernels", ignore=ignored)
    command = [sys.executable, "-c", "import ovlite; ovlite.Core()"]
    found = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    last = found.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ovlite is imported from its source") and "pip install -e ." in last
