"""docs/properties.md says of each property what it does, and a compiled model tells what holds for it."""

import re
from pathlib import Path

import pytest

import ovlite
from ovlite.frontend.limits import Limits
from ovlite.kernels import family
from ovlite.runtime.config import _ALIASES, _KNOWN, CORE_SETTABLE, SETTABLE, UNREADABLE, WITHOUT_EFFECT

# A value other than the default of each property without effect.
OTHERS = {
    "ALLOW_AUTO_BATCHING": False, "AUTO_BATCH_TIMEOUT": 7, "CPU_RUNTIME_CACHE_CAPACITY": 5,
    "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE": 0.5, "DEVICE_ID": "", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 64,
    "ENABLE_CPU_RESERVATION": True, "ENABLE_HYPER_THREADING": False, "ENABLE_TENSOR_PARALLEL": True,
    "EXCLUSIVE_ASYNC_REQUESTS": True, "FORCE_TBB_TERMINATE": True, "KEY_CACHE_GROUP_SIZE": 8,
    "KEY_CACHE_PRECISION": "u8", "KV_CACHE_PRECISION": "u8", "LOG_LEVEL": "LOG_DEBUG", "LP_TRANSFORMS_MODE": False,
    "MODEL_DISTRIBUTION_POLICY": {1}, "SCHEDULING_CORE_TYPE": "PCORE_ONLY", "SNIPPETS_MODE": "DISABLE",
    "TBB_PARTITIONER": "AUTO", "VALUE_CACHE_GROUP_SIZE": 8, "VALUE_CACHE_PRECISION": "u4",
}  # fmt: skip


def tables():
    """(names in the first column, text of the last) of each row of the page, by heading."""
    found = {}
    text = (Path(__file__).parents[2] / "docs" / "properties.md").read_text()
    for heading, body in re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", text, re.MULTILINE):
        rows = [line.strip("|").split("|") for line in body.splitlines() if line.startswith("| `")]
        found[heading] = [(re.findall(r"`([A-Z0-9_]{4,})`", row[0]), row[-1].strip()) for row in rows]
    return found


def test_the_page_lists_all_that_is_taken():
    page = tables()
    without = {name for names, _ in page["Without effect"] for name in names}
    effective = {name for names, _ in page["With an effect"] for name in names} - {"OPTIMIZE_SIZE"}
    assert without == WITHOUT_EFFECT == OTHERS.keys()
    assert effective == (_KNOWN.keys() | _ALIASES.keys()) - WITHOUT_EFFECT
    assert _KNOWN.keys() == SETTABLE.keys() | CORE_SETTABLE.keys() | UNREADABLE.keys()


def test_a_core_reads_what_readers_take():
    assert Limits() == (CORE_SETTABLE["NODE_LIMIT"][1], CORE_SETTABLE["NESTING_LIMIT"][1])


@pytest.mark.parametrize(("names", "told"), tables()["Without effect"])
def test_what_has_no_effect_reads_as_it_is(mine, A, names, told):
    (name,) = names
    compiled = mine.ov.Core().compile_model(mine.plus_one(), "CPU", {name: OTHERS[name]})
    assert (compiled(A)["y"] == A + 1).all()
    if told == "nothing":
        with pytest.raises(RuntimeError, match="has no property"):
            compiled.get_property(name)
        return
    found = compiled.get_property(name)
    spelled = found.get_type_name() if isinstance(found, ovlite.Type) else getattr(found, "name", None) or repr(found)
    assert told.strip("`").removeprefix("Level.") == ({"NO": "NO"}.get(spelled, spelled))


@pytest.mark.parametrize("wanted", ["f32", "f16", "dynamic", "undefined"])
@pytest.mark.parametrize("mode", ["PERFORMANCE", "ACCURACY"])
def test_the_precision_is_that_of_the_products(mine, wanted, mode):
    config = {"INFERENCE_PRECISION_HINT": wanted, "EXECUTION_MODE_HINT": mode}
    compiled = mine.ov.Core().compile_model(mine.plus_one(), "CPU", config)
    kernel = family("matmul_weights").kernel_for("f32", "f32", "bf16", False)
    rounded = wanted == "bf16" and mode == "PERFORMANCE" and kernel is not None
    assert compiled.get_property("INFERENCE_PRECISION_HINT") is (ovlite.Type.bf16 if rounded else ovlite.Type.f32)


@pytest.mark.parametrize("wanted", [True, False])
def test_what_has_an_effect_reads_as_it_is_set(mine, wanted):
    keys = ("ENABLE_CPU_PINNING", "CPU_DENORMALS_OPTIMIZATION", "KEEP_SHARED_OUTPUTS")
    compiled = mine.compile(mine.plus_one(), **dict.fromkeys(keys, wanted))
    assert [compiled.get_property(key) for key in keys] == [wanted] * 3


def test_a_group_of_dynamic_quantization_may_be_a_row(mine):
    """-1, as openvino takes it."""
    core = mine.ov.Core()
    core.set_property("CPU", {"DYNAMIC_QUANTIZATION_GROUP_SIZE": -1})
    assert core.get_property("CPU", "DYNAMIC_QUANTIZATION_GROUP_SIZE") == 2**64 - 1
    with pytest.raises(RuntimeError, match="a non-negative number, got -2"):
        core.set_property("CPU", {"DYNAMIC_QUANTIZATION_GROUP_SIZE": -2})


def test_settings_of_a_core_stay_as_they_were_set(mine):
    core = mine.ov.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "bf16", "ENABLE_HYPER_THREADING": False})
    assert core.get_property("CPU", "INFERENCE_PRECISION_HINT") is ovlite.Type.bf16
    assert core.get_property("CPU", "ENABLE_HYPER_THREADING") is False
    assert core.get_property("CPU", "OPTIMAL_NUMBER_OF_INFER_REQUESTS") == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DEVICE_ID", "0"), ("SNIPPETS_MODE", "x"), ("LP_TRANSFORMS_MODE", 1), ("CPU_RUNTIME_CACHE_CAPACITY", "x"),
        ("ENABLE_WEIGHTLESS", "x"), ("EXCLUSIVE_ASYNC_REQUESTS", "x"), ("COMPILED_BLOB", 1), ("WORKLOAD_TYPE", "x"),
    ],
)  # fmt: skip
def test_values_that_openvino_refuses(lab, key, value):
    with pytest.raises(RuntimeError):
        lab.ov.Core().compile_model(lab.plus_one(), "CPU", {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DEVICE_ID", ""), ("ENABLE_WEIGHTLESS", True), ("ENABLE_TENSOR_PARALLEL", True), ("WEIGHTS_PATH", ""),
        ("EXCLUSIVE_ASYNC_REQUESTS", True), ("CPU_RUNTIME_CACHE_CAPACITY", 0), ("SNIPPETS_MODE", "ENABLE"),
        ("LP_TRANSFORMS_MODE", True), ("INFERENCE_PRECISION_HINT", "undefined"),
    ],
)  # fmt: skip
def test_values_that_openvino_takes(lab, A, key, value):
    assert lab.ov.Core().compile_model(lab.plus_one(), "CPU", {key: value})(A)["y"].shape == A.shape


def test_hints_to_a_gpu_can_be_imported(lab):
    hint = lab.submodule("properties.intel_gpu.hint")
    assert hint.queue_throttle() == "GPU_QUEUE_THROTTLE" and int(hint.ThrottleLevel.HIGH) == 2
    assert lab.submodule("properties.hint").compiled_blob() == "COMPILED_BLOB"
    assert lab.submodule("properties.streams").Num().to_integer() == -1
