"""Properties: keys, values, defaults, errors."""

import os

import numpy as np
import pytest

from ovlite.kernels import family


@pytest.fixture
def properties(lab):
    return lab.submodule("properties")


@pytest.fixture
def hint(lab):
    return lab.submodule("properties.hint")


KEYS = {
    "": {
        "inference_num_threads": "INFERENCE_NUM_THREADS", "num_streams": "NUM_STREAMS",
        "enable_profiling": "PERF_COUNT",
        "cache_dir": "CACHE_DIR", "cache_mode": "CACHE_MODE", "enable_mmap": "ENABLE_MMAP",
        "optimal_number_of_infer_requests": "OPTIMAL_NUMBER_OF_INFER_REQUESTS",
        "supported_properties": "SUPPORTED_PROPERTIES", "model_name": "NETWORK_NAME",
        "execution_devices": "EXECUTION_DEVICES", "loaded_from_cache": "LOADED_FROM_CACHE",
        "range_for_streams": "RANGE_FOR_STREAMS",
    },
    ".hint": {
        "performance_mode": "PERFORMANCE_HINT", "execution_mode": "EXECUTION_MODE_HINT",
        "inference_precision": "INFERENCE_PRECISION_HINT", "num_requests": "PERFORMANCE_HINT_NUM_REQUESTS",
        "enable_cpu_pinning": "ENABLE_CPU_PINNING", "enable_hyper_threading": "ENABLE_HYPER_THREADING",
        "scheduling_core_type": "SCHEDULING_CORE_TYPE",
        "dynamic_quantization_group_size": "DYNAMIC_QUANTIZATION_GROUP_SIZE",
        "kv_cache_precision": "KV_CACHE_PRECISION",
    },
    ".device": {"full_name": "FULL_DEVICE_NAME", "type": "DEVICE_TYPE", "capabilities": "OPTIMIZATION_CAPABILITIES"},
    ".log": {"level": "LOG_LEVEL"},
    ".streams": {"num": "NUM_STREAMS"},
    ".intel_gpu": {"uarch_version": "GPU_UARCH_VERSION"},
    ".intel_cpu": {"denormals_optimization": "CPU_DENORMALS_OPTIMIZATION"},
}  # fmt: skip


@pytest.mark.parametrize("module", KEYS)
def test_keys(lab, module):
    for name, key in KEYS[module].items():
        found = getattr(lab.submodule(f"properties{module}"), name)
        assert isinstance(found, str) and found == key and hash(found) == hash(key)
        assert {key: 1}[found] == 1
        assert found() == key and type(found()) is str
    with pytest.raises(AttributeError):
        lab.submodule(f"properties{module}").nothing_of_the_kind  # noqa: B018


def test_values(lab, properties, hint):
    streams = lab.submodule("properties.streams")
    for make, value in (
        (properties.inference_num_threads, 2), (properties.enable_profiling, True), (properties.cache_dir, "x"),
        (hint.performance_mode, hint.PerformanceMode.THROUGHPUT), (hint.inference_precision, lab.ov.Type.f32),
    ):  # fmt: skip
        key, boxed = make(value)
        assert key == make and boxed.value == value
    assert streams.num(2)[0] == "NUM_STREAMS"
    assert properties.num_streams(streams.Num(2))[0] == "NUM_STREAMS"
    for make, value in (
        (properties.inference_num_threads, "2"), (properties.num_streams, 2), (hint.performance_mode, "LATENCY"),
        (hint.inference_precision, "f32"), (properties.execution_devices, "CPU"), (properties.cache_dir, 1),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            make(value)


def test_enums(hint):
    mode = hint.PerformanceMode.LATENCY
    assert mode != "LATENCY" and mode != 1
    assert mode.name == "LATENCY" and mode.value == int(mode) == 1
    assert str(mode) == "PerformanceMode.LATENCY"
    assert hint.PerformanceMode(1) == mode


ACCEPTED = [
    ("PERFORMANCE_HINT", ["LATENCY", "THROUGHPUT", "CUMULATIVE_THROUGHPUT"]),
    ("INFERENCE_NUM_THREADS", [0, 1, "1", 1.5, 1000]),
    ("NUM_STREAMS", [1, "1", "AUTO", -1, "NUMA"]),
    ("INFERENCE_PRECISION_HINT", ["f32", "bf16", "f16", "dynamic"]),
    ("EXECUTION_MODE_HINT", ["PERFORMANCE", "ACCURACY"]),
    ("PERFORMANCE_HINT_NUM_REQUESTS", [0, 3, "3"]),
    ("PERF_COUNT", [True, False, "YES", "NO", "true", "false"]),
    ("LOG_LEVEL", ["LOG_ERROR", "LOG_NONE"]),
]
REJECTED = [
    ("PERFORMANCE_HINT", ["latency", "FAST", 1, None]),
    ("INFERENCE_NUM_THREADS", [-1, "many"]),
    ("NUM_STREAMS", [-5, "many", True]),
    ("INFERENCE_PRECISION_HINT", ["i8", "float", np.float32]),
    ("EXECUTION_MODE_HINT", ["FAST"]),
    ("PERFORMANCE_HINT_NUM_REQUESTS", [-1]),
    ("PERF_COUNT", [1, "maybe"]),
    ("LOG_LEVEL", ["loud"]),
    ("ENABLE_PROFILING", [True]),
    ("CPU_THROUGHPUT_STREAMS", [1]),
    ("performance_hint", ["LATENCY"]),
    ("NOPE", [1]),
    ("FULL_DEVICE_NAME", ["x"]),
]


@pytest.mark.parametrize("key, values", ACCEPTED)
def test_accepted(lab, A, key, values):
    for value in values:
        compiled = lab.ov.Core().compile_model(lab.plus_one(), "CPU", {key: value})
        np.testing.assert_array_equal(compiled(A)["y"], A + 1)


@pytest.mark.parametrize("key, values", REJECTED)
def test_rejected(lab, key, values):
    for value in values:
        with pytest.raises(RuntimeError):
            lab.ov.Core().compile_model(lab.plus_one(), "CPU", {key: value})


def test_enum_and_type_values(lab, hint):
    log = lab.submodule("properties.log")
    config = {hint.performance_mode: hint.PerformanceMode.THROUGHPUT, hint.inference_precision: lab.ov.Type.f32,
              hint.execution_mode: hint.ExecutionMode.ACCURACY, log.level: log.Level.ERR}  # fmt: skip
    compiled = lab.ov.Core().compile_model(lab.plus_one(), "CPU", config)
    assert compiled.get_property(hint.performance_mode) == "THROUGHPUT"
    assert compiled.get_property(hint.inference_precision) == lab.ov.Type.f32
    assert compiled.get_property(hint.execution_mode) == hint.ExecutionMode.ACCURACY


def test_defaults_of_the_device(lab, hint):
    core = lab.ov.Core()
    for key, value in (
        ("PERFORMANCE_HINT", hint.PerformanceMode.LATENCY), ("NUM_STREAMS", 1), ("INFERENCE_NUM_THREADS", 0),
        ("PERF_COUNT", False),
        ("PERFORMANCE_HINT_NUM_REQUESTS", 0), ("EXECUTION_MODE_HINT", hint.ExecutionMode.PERFORMANCE),
        ("RANGE_FOR_ASYNC_INFER_REQUESTS", (1, 1, 1)), ("EXECUTION_DEVICES", ["CPU"]),
    ):  # fmt: skip
        assert core.get_property("CPU", key) == value
    assert core.get_property("CPU", "RANGE_FOR_STREAMS")[0] == 1
    supported = core.get_property("CPU", "SUPPORTED_PROPERTIES")
    assert supported["NUM_STREAMS"] == "RW" and supported["FULL_DEVICE_NAME"] == "RO"
    assert isinstance(core.get_property("CPU", "FULL_DEVICE_NAME"), str)
    for wrong in (("CPU", "NOPE"), ("NOPE", "NUM_STREAMS"), ("CPU", "NETWORK_NAME")):
        with pytest.raises(RuntimeError):
            core.get_property(*wrong)


def test_types_on_a_compiled_model(lab):
    compiled = lab.compile(lab.plus_one(), PERF_COUNT=True, PERFORMANCE_HINT_NUM_REQUESTS=2)
    assert compiled.get_property("NETWORK_NAME") == "plus_one"
    assert compiled.get_property("PERF_COUNT") == "YES"
    assert compiled.get_property("PERFORMANCE_HINT") == "LATENCY"
    assert compiled.get_property("PERFORMANCE_HINT_NUM_REQUESTS") == "2"
    assert compiled.get_property("EXECUTION_DEVICES") == ["CPU"]
    assert compiled.get_property("NUM_STREAMS") == compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") == 1
    assert isinstance(compiled.get_property("INFERENCE_NUM_THREADS"), int)
    assert set(compiled.get_property("SUPPORTED_PROPERTIES").values()) == {"RO"}
    for wrong in ("NOPE", "FULL_DEVICE_NAME"):
        with pytest.raises(RuntimeError):
            compiled.get_property(wrong)
    with pytest.raises(RuntimeError):
        compiled.set_property({"PERF_COUNT": True})


def test_accuracy_and_precision(lab):
    """openvino leaves the precision open, and says so; ovlite says what it computes in."""
    compiled = lab.ov.Core().compile_model(lab.plus_one(), "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    found = compiled.get_property("INFERENCE_PRECISION_HINT")
    assert found == (lab.ov.Type.dynamic if lab.name == "openvino" else lab.ov.Type.f32)


def test_streams(lab):
    threads = lab.compile(lab.plus_one()).get_property("INFERENCE_NUM_THREADS")

    def streams(**config):
        compiled = lab.compile(lab.plus_one(), **config)
        assert compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") == compiled.get_property("NUM_STREAMS")
        return compiled.get_property("NUM_STREAMS")

    assert streams(PERFORMANCE_HINT="THROUGHPUT") == streams(NUM_STREAMS="AUTO") == threads
    assert streams(PERFORMANCE_HINT="THROUGHPUT", PERFORMANCE_HINT_NUM_REQUESTS=1) == 1
    assert streams(PERFORMANCE_HINT="THROUGHPUT", INFERENCE_NUM_THREADS=1) == 1
    assert streams(NUM_STREAMS=threads) == threads
    assert streams(NUM_STREAMS=1000) == threads


def test_a_core_keeps_properties(lab, properties, hint):
    core = lab.ov.Core()
    for give in (
        lambda: core.set_property("CPU", {"PERF_COUNT": True}), lambda: core.set_property("CPU", ("PERF_COUNT", True)),
        lambda: core.set_property("CPU", properties.enable_profiling(True)),
        lambda: core.set_property(device_name="CPU", properties={"PERF_COUNT": True}),
    ):  # fmt: skip
        core.set_property("CPU", {"PERF_COUNT": False})
        assert give() is None
        assert core.get_property("CPU", "PERF_COUNT") is True
    assert core.compile_model(lab.plus_one(), "CPU").get_property("PERF_COUNT") == "YES"
    assert core.compile_model(lab.plus_one(), "CPU", {"PERF_COUNT": False}).get_property("PERF_COUNT") == "NO"
    assert lab.ov.Core().get_property("CPU", "PERF_COUNT") is False
    for wrong in (None, [("PERF_COUNT", True)]):
        with pytest.raises(TypeError):
            core.set_property(wrong)
    with pytest.raises(TypeError):
        core.set_property("CPU", {1: True})
    with pytest.raises(RuntimeError):
        core.set_property("CPU", {"PERF_COUNT": "maybe"})


def test_core_properties(lab, tmp_path):
    core = lab.ov.Core()
    assert core.get_property("ENABLE_MMAP") is True
    assert core.get_property("CACHE_DIR") == ""
    core.set_property({"CACHE_DIR": str(tmp_path)})
    assert core.get_property("CACHE_DIR") == str(tmp_path)
    with pytest.raises(RuntimeError):
        core.get_property("NOPE")


def test_wrong_properties_set_before_the_first_use(lab):
    core = lab.ov.Core()
    core.set_property("CPU", {"NOPE": 1})
    for _ in range(2):
        with pytest.raises(RuntimeError):
            core.compile_model(lab.plus_one(), "CPU")


def test_errors_say_what_is_taken(mine):
    core = mine.ov.Core()
    with pytest.raises(RuntimeError, match="PERFORMANCE_HINT to take one of LATENCY, THROUGHPUT, .*, got 'latency'"):
        core.compile_model(mine.plus_one(), "CPU", {"PERFORMANCE_HINT": "latency"})
    with pytest.raises(RuntimeError, match="Did you mean 'NUM_STREAMS'"):
        core.compile_model(mine.plus_one(), "CPU", {"NUM_STREAM": 1})
    with pytest.raises(RuntimeError, match="FULL_DEVICE_NAME can't be set"):
        core.compile_model(mine.plus_one(), "CPU", {"FULL_DEVICE_NAME": "x"})


def test_values_of_properties_are_of_the_property_s_type(lab):
    props, hint = lab.submodule("properties"), lab.submodule("properties.hint")
    assert props.enable_profiling(1)[1].value is True and hint.enable_cpu_pinning(0)[1].value is False
    assert type(hint.activations_scale_factor(2)[1].value) is float
    assert props.num_streams(props.streams.Num(2))[1].value == props.streams.num(2)[1].value == 2
    for wrong in (hint.num_requests, hint.dynamic_quantization_group_size):
        with pytest.raises(TypeError):
            wrong(-1)
    assert props.device.priorities("CPU", "GPU")[1].value == "CPU,GPU,"


def test_keys_of_other_devices(lab):
    npu, device = lab.submodule("properties.intel_npu"), lab.submodule("properties.device")
    assert npu.turbo() == "NPU_TURBO" and npu.turbo(True)[1].value is True
    assert device.Capability.FP32 == "FP32" and device.properties() == "DEVICE_PROPERTIES"
    assert lab.submodule("properties.intel_gpu").CapabilityGPU.HW_MATMUL == "GPU_HW_MATMUL"
    assert int(lab.submodule("properties").CompatibilityCheck.SUPPORTED) == 1


def test_properties_for_all_devices(lab):
    core = lab.ov.Core()
    core.set_property({"NUM_STREAMS": 2})
    assert core.get_property("CPU", "NUM_STREAMS") == 2
    core = lab.ov.Core()
    core.set_property({"NO_SUCH_KEY": 1})
    for _ in range(2):
        with pytest.raises(RuntimeError):
            core.get_property("CPU", "NUM_STREAMS")


def test_properties_of_a_core_and_of_a_device(lab):
    core = lab.ov.Core()
    for key in ("NUM_STREAMS", "PERFORMANCE_HINT"):
        with pytest.raises(RuntimeError):
            core.get_property(key)
    with pytest.raises(RuntimeError):
        core.set_property({"ENABLE_MMAP": "maybe"})
    for key in ("ENABLE_MMAP", "FORCE_TBB_TERMINATE"):
        assert core.get_property(property=key) in (True, False)
        with pytest.raises(RuntimeError):
            core.get_property("CPU", key)
    core.set_property(device_name="CPU", property=("NUM_STREAMS", 1))
    assert (
        core.get_property(device_name="CPU", property="NUM_STREAMS")
        == core.get_property("CPU", property="NUM_STREAMS")
        == 1
    )
    for wrong in ((), (3,), ("CPU", 3), ("CPU", "NUM_STREAMS", 1)):
        with pytest.raises(TypeError):
            core.get_property(*wrong)


@pytest.mark.parametrize("key", ["CACHE_MODE", "ALLOW_AUTO_BATCHING", "AUTO_BATCH_TIMEOUT"])
def test_properties_that_mean_nothing_to_a_cpu(lab, key):
    value = {"CACHE_MODE": "OPTIMIZE_SIZE", "ALLOW_AUTO_BATCHING": False}.get(key, 100)
    compiled = lab.ov.Core().compile_model(lab.plus_one(), "CPU", {key: value})
    with pytest.raises(RuntimeError):
        compiled.get_property(key)


def test_auto_tells_less_of_itself(lab):
    hint = lab.submodule("properties.hint")
    compiled = lab.ov.Core().compile_model(lab.plus_one(), "AUTO")
    told = compiled.get_property("SUPPORTED_PROPERTIES")
    assert "NETWORK_NAME" in told and "NUM_STREAMS" not in told
    assert compiled.get_property("PERFORMANCE_HINT") == hint.PerformanceMode.LATENCY
    assert compiled.get_property("PERF_COUNT") is False and compiled.get_property("EXECUTION_DEVICES") == ["CPU"]
    for key in ("NUM_STREAMS", "INFERENCE_NUM_THREADS", "INFERENCE_PRECISION_HINT"):
        with pytest.raises(RuntimeError):
            compiled.get_property(key)


def test_what_set_property_of_a_compiled_model_takes(lab):
    compiled = lab.compile(lab.plus_one())
    for wrong in ((), (3,)):
        with pytest.raises(TypeError):
            compiled.set_property(*wrong)
    for pairs in ({"NUM_STREAMS": 1}, ("NUM_STREAMS", 1)):
        with pytest.raises(RuntimeError):
            compiled.set_property(pairs)
    assert compiled.get_property(property="NETWORK_NAME") == "plus_one"


def test_properties_for_devices_that_are_not_there(lab):
    core = lab.ov.Core()
    for device in ("GPU", "GPU.0", "NPU", "HETERO"):
        assert core.set_property(device, {"PERFORMANCE_HINT": "THROUGHPUT"}) is None
    with pytest.raises(RuntimeError):
        core.set_property("NO_SUCH_DEVICE", {"PERFORMANCE_HINT": "LATENCY"})
    assert int(core.get_property("CPU", "PERFORMANCE_HINT")) == 1


@pytest.mark.parametrize("config", [{"INFERENCE_PRECISION_HINT": "f32"}, {"EXECUTION_MODE_HINT": "ACCURACY"}, {}])
def test_sums_are_plain_where_f32_or_accuracy_is_asked_for(mine, config):
    """Plain sums of small whole numbers are exact in f32; the transforms of Winograd's algorithm divide."""
    random = np.random.default_rng(0)
    data, weights = (random.integers(-4, 5, shape).astype(np.float32) for shape in ((1, 64, 28, 28), (64, 64, 3, 3)))
    x = mine.parameter(data.shape)
    model = mine.ov.Model([mine.ops.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1])], [x])
    padded = np.pad(data[0], [(0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    expected = np.einsum("chwij,ocij->ohw", windows, weights, optimize=True)
    found = mine.ov.compile_model(model, "CPU", config)([data])[0][0]
    assert (found == expected).all() == bool(config)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_capabilities_are_those_that_kernels_have(mine):
    """BF16 where the hint for it is followed, which a compiled model's property tells."""
    followed = mine.compile(mine.plus_one(), INFERENCE_PRECISION_HINT="bf16").get_property("INFERENCE_PRECISION_HINT")
    assert followed in (mine.ov.Type.bf16, mine.ov.Type.f32)
    expected = ["FP32", *(["BF16"] if followed == mine.ov.Type.bf16 else []), "INT8", "EXPORT_IMPORT"]
    assert mine.ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") == expected


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"INFERENCE_PRECISION_HINT": "f32"},
        {"EXECUTION_MODE_HINT": "ACCURACY"},
        {"CPU_DENORMALS_OPTIMIZATION": False},
    ],
)
def test_the_precision_of_f32_products_is_what_runs(mine, other):
    """The highest wherever the processor has nothing faster, or exactness is asked for."""
    kernel = family("matmul_weights").kernel_for("f32", "f32", "bf16x3")
    faster = kernel is not None and kernel.gain() > 1
    for wanted in ("highest", "high"):
        config = {"FLOAT32_MATMUL_PRECISION": wanted} | other
        compiled = mine.ov.compile_model(mine.plus_one(), "CPU", config)  # mine.compile() asks for f32
        told = compiled.get_property("FLOAT32_MATMUL_PRECISION")
        assert told == ("high" if wanted == "high" and faster and not other else "highest")
        assert compiled.get_property("INFERENCE_PRECISION_HINT") == mine.ov.Type.f32
    with pytest.raises(
        RuntimeError, match="expected property FLOAT32_MATMUL_PRECISION to take one of 'highest', 'high', got"
    ):
        mine.compile(mine.plus_one(), FLOAT32_MATMUL_PRECISION="medium")


def test_a_precision_that_kernels_lack_is_f32(mine):
    """So is bf16 where denormal numbers are to be exact, and where accuracy is asked for."""
    for config in (
        {"INFERENCE_PRECISION_HINT": "f16"},
        {"INFERENCE_PRECISION_HINT": "bf16", "CPU_DENORMALS_OPTIMIZATION": False},
        {"INFERENCE_PRECISION_HINT": "bf16", "EXECUTION_MODE_HINT": "ACCURACY"},
    ):
        compiled = mine.compile(mine.plus_one(), **config)
        assert compiled.get_property("INFERENCE_PRECISION_HINT") == mine.ov.Type.f32


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("streams", [1, 2])
def test_pinning(lab, pinned, streams):
    compiled = lab.compile(lab.slow(2, 200), ENABLE_CPU_PINNING=pinned, NUM_STREAMS=streams)
    assert compiled.get_property("ENABLE_CPU_PINNING") is pinned
    x = np.ones((200, 200), np.float32)
    expected = lab.compile(lab.slow(2, 200))(x)[0]
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    queue = lab.ov.AsyncInferQueue(compiled, 2)
    found = [compiled(x)[0]]
    queue.set_callback(lambda request, _: found.append(request.get_output_tensor().data.copy()))
    for _ in range(4):
        queue.start_async([x])
    queue.wait_all()
    for result in found:
        np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert allowed is None or os.sched_getaffinity(0) == allowed
