"""bench: what bench.compare chooses and refuses, how two of its files are compared, and the loops beside programs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops

pytest.importorskip("onnx")

from bench import compare, loops, models, programs, suites


@pytest.fixture
def path(tmp_path: Path) -> str:
    x = ops.parameter([2, 3], np.float32, name="x")
    ov.save_model(ov.Model([ops.relu(x)], [x], "m"), tmp_path / "m.xml")
    return str(tmp_path / "m.xml")


@pytest.fixture(autouse=True)
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads nothing."""
    monkeypatch.setattr(models, "package_models", dict)


def saved(folder: Path, name: str, times: dict[str, float], **about: object) -> str:
    workloads = [{"name": key, "ms": {"ovlite": spent}} for key, spent in times.items()]
    content = {"processor": "p", "level": "avx2", "threads": 1, "mode": "f32", "workloads": workloads, **about}
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def test_a_model_in_a_file_is_measured(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    compare.main([path, "--json", "--libraries", "ovlite", "--seconds", "0.001"])
    found = json.loads(capsys.readouterr().out)
    (workload,) = found["workloads"]
    assert workload["name"] == "m.xml" and workload["ms"]["ovlite"] > 0 and workload["apart"] == {"ovlite": 0.0}
    assert {"processor", "level", "versions", "threads", "mode"} <= found.keys()
    compare.main([path, "--libraries", "ovlite", "--seconds", "0.001"])
    assert "m.xml" in capsys.readouterr().out


def test_what_is_no_number_is_told() -> None:
    numbers, words = np.array([1, 4], np.float32), np.array([7])
    for value, expected in ((3.0, 0.25), (np.nan, np.inf), (np.inf, np.inf)):
        odd = np.array([1, value], np.float32)
        assert compare.largest_difference([numbers, odd, words], [numbers, numbers, words + 1]) == expected
    assert compare.largest_difference({"y": words}, {"y": words + 1}) == 0


def test_words_choose_workloads() -> None:
    assert [name for name, *_ in suites.select("models", ["squeeze", "vgg"])] == ["squeezenet", "vgg19"]
    assert len(suites.select("operators", [])) == len(suites.operators.CASES)


REFUSED = {
    "nothing": "occurs in no name of suite models",
    "squeezenet nothing": "'nothing' occurs in no name",
    "none.onnx": "there is no file 'none.onnx'",
    "none.json": "expected two files",
    "none.json none.json": "can't read 'none.json'",
    "{old} {other}": "is of level 'avx2'",
    "{old} {odd}": "is not what bench.compare --json prints",
    "{old} {odd} --threshold nan": "argument --threshold",
    "--threads 0": "argument --threads",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    (tmp_path / "odd.json").write_text('{"level": [1]}')
    places = {
        "old": saved(tmp_path, "old.json", {"a": 1.0}),
        "other": saved(tmp_path, "other.json", {"a": 1.0}, level="avx512"),
        "odd": str(tmp_path / "odd.json"),
    }
    with pytest.raises(SystemExit) as ended:
        compare.main([word.format(**places) for word in line.split()])
    assert ended.value.code == 2 and REFUSED[line] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("new", "status", "told"),
    [
        ({"a": 1.05, "b": 0.5}, 0, "0 of 2"),
        ({"a": 1.2, "b": 2.0}, 1, "1 of 2"),
        ({"a": 1.0}, 1, "gone"),
        ({"a": 1.0, "b": 2.0, "c": 9.0}, 0, "0 of 2"),
    ],
)
def test_files_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], new: dict[str, float], status: int, told: str
) -> None:
    names = saved(tmp_path, "old.json", {"a": 1.0, "b": 2.0}), saved(tmp_path, "new.json", new)
    assert compare.main([*names]) == status
    assert told in capsys.readouterr().out
    assert compare.main([*names, "--threshold", "3"]) == (status if "gone" in told else 0)


def _normal(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape, np.float32)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("softmax", (_normal(3, 10),)),
        ("layer_norm", (_normal(3, 16), _normal(16), _normal(16))),
        ("distances", (_normal(5, 3), _normal(4, 3))),
        ("k_means_step", (_normal(20, 3), _normal(4, 3))),
        ("n_body", (_normal(6, 3), _normal(6, 3), abs(_normal(6)))),
        ("normalized_image", (np.random.default_rng(7).integers(0, 255, (9, 8, 3), np.uint8),)),
        ("image_of", (_normal(1, 3, 6, 5),)),
    ],
)
def test_loops_give_what_the_programs_give(name: str, arguments: tuple[Any, ...]) -> None:
    """As Python runs them, which numba compiles."""
    found, expected = getattr(loops, name)(*arguments), getattr(programs, name)(*arguments)
    if not isinstance(expected, tuple):
        found, expected = (found,), (expected,)
    for array, wanted in zip(found, expected, strict=True):
        assert (array.dtype, array.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(array, wanted, rtol=1e-4, atol=1e-5)
