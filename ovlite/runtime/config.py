"""The properties of the CPU device: their values, defaults, and what they mean for a compiled model."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import suggestion
from ..graph import Model
from ..plan import Options, Precision, compute_types, fast_products
from ..properties import CacheMode, device
from ..properties.declare import PropertyEnum
from ..properties.device import Capability
from ..properties.hint import ExecutionMode, PerformanceMode, SchedulingCoreType
from ..properties.intel_cpu import TbbPartitioner
from ..properties.log import Level
from ..properties.streams import Num
from ..types import OVAny, Type
from .cgroup import Root
from .memory import memory_budget
from .sealing import Callbacks
from .threads import thread_budget

Parser = Callable[[Any], Any]


class _Invalid(Exception):
    """A value that a property does not take; the text says which it takes."""


def _boolean(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value in ("YES", "NO", "true", "false"):
        return value in ("YES", "true")
    raise _Invalid("a bool, 'YES' or 'NO'")


def _count(value: Any) -> int:
    number = _number(value, "a non-negative number")
    if number < 0:
        raise _Invalid("a non-negative number")
    return number


def _group_size(value: Any) -> int:
    """A number of 64 bits, of which -1 is the greatest: a group for each row."""
    return 2**64 - 1 if _number(value, "a group size") == -1 else _count(value)


def _streams(value: Any) -> int:
    if isinstance(value, Num):
        value = value.to_integer()
    number = {"AUTO": -1, "NUMA": -2}.get(value) if isinstance(value, str) else None
    number = _number(value, "a number, 'AUTO' or 'NUMA'") if number is None else number
    if number < Num.NUMA.to_integer():
        raise _Invalid("a number, 'AUTO' or 'NUMA'")
    return number


def _number(value: Any, expected: str) -> int:
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return int(value)
    try:
        return int(float(value)) if isinstance(value, str) else _refuse(expected)
    except (ValueError, OverflowError):
        raise _Invalid(expected) from None


def _refuse(expected: str) -> int:
    raise _Invalid(expected)


def _decimal(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _Invalid("a number") from None


def _text(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        return str(value)
    raise _Invalid("a str")


def _enum(kind: Any, names: Mapping[str, Any] | None = None) -> Parser:
    """Takes members of an enum, and their names."""
    known = dict(kind.__members__ if names is None else names)

    def parse(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if isinstance(value, str) and value in known:
            return known[value]
        raise _Invalid(f"one of {', '.join(known)}")

    return parse


def _element_type(*names: str) -> Parser:
    def parse(value: Any) -> Type:
        name = value.get_type_name() if isinstance(value, Type) else value
        if isinstance(name, str) and name in names:
            return Type._named(name)
        raise _Invalid(f"one of {', '.join(names)}")

    return parse


def _one_of(*values: str) -> Parser:
    """Takes these texts."""

    def parse(value: Any) -> str:
        if isinstance(value, str) and value in values:
            return value
        raise _Invalid(f"one of {', '.join(map(repr, values))}")

    return parse


def _whole(value: Any) -> int:
    return _number(value, "a whole number")


def _precision(value: Any) -> Type:
    return Type.dynamic if value == "undefined" else _PRECISIONS(value)


def _callbacks(value: Any) -> Callbacks:
    if isinstance(value, list) and len(value) == 2 and all(map(callable, value)):
        return value[0], value[1]
    raise _Invalid("a list of two functions, the first of which encrypts bytes and the second decrypts them")


def _model(value: Any) -> Model:
    if isinstance(value, Model):
        return value
    raise _Invalid("a Model")


def _set(value: Any) -> set[Any]:
    if isinstance(value, (set, frozenset)):
        return set(value)
    raise _Invalid("a set")


_LEVELS = {
    "LOG_NONE": Level.NO, "LOG_ERROR": Level.ERR, "LOG_WARNING": Level.WARNING,
    "LOG_INFO": Level.INFO, "LOG_DEBUG": Level.DEBUG, "LOG_TRACE": Level.TRACE,
}  # fmt: skip
_PRECISIONS = _element_type("f32", "bf16", "f16", "dynamic")
_CACHE_PRECISIONS = _element_type("f32", "bf16", "f16", "u8", "i8", "u4", "dynamic")

PRODUCTS = {"highest": "bf16x6", "high": "bf16x3"}  # by FLOAT32_MATMUL_PRECISION

# What can be set: key -> (parser, default).
SETTABLE: dict[str, tuple[Parser, Any]] = {
    "NUM_STREAMS": (_streams, 1),
    "INFERENCE_NUM_THREADS": (_count, 0),
    "PERF_COUNT": (_boolean, False),
    "INFERENCE_PRECISION_HINT": (_precision, Type.f32),
    "PERFORMANCE_HINT": (_enum(PerformanceMode), PerformanceMode.LATENCY),
    "EXECUTION_MODE_HINT": (_enum(ExecutionMode), ExecutionMode.PERFORMANCE),
    "PERFORMANCE_HINT_NUM_REQUESTS": (_count, 0),
    "ENABLE_CPU_PINNING": (_boolean, False),
    "ENABLE_CPU_RESERVATION": (_boolean, False),
    "SCHEDULING_CORE_TYPE": (_enum(SchedulingCoreType), SchedulingCoreType.ANY_CORE),
    "MODEL_DISTRIBUTION_POLICY": (_set, set()),
    "ENABLE_HYPER_THREADING": (_boolean, True),
    # Kernels take denormal numbers for zeros, which is openvino's meaning but not its default.
    "CPU_DENORMALS_OPTIMIZATION": (_boolean, True),
    "LOG_LEVEL": (_enum(Level, _LEVELS), Level.NO),
    "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE": (_decimal, 1.0),
    "TBB_PARTITIONER": (_enum(TbbPartitioner), TbbPartitioner.NONE),
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": (_group_size, 0),
    "KV_CACHE_PRECISION": (_CACHE_PRECISIONS, Type.f32),
    "KEY_CACHE_PRECISION": (_CACHE_PRECISIONS, Type.f32),
    "VALUE_CACHE_PRECISION": (_CACHE_PRECISIONS, Type.f32),
    "KEY_CACHE_GROUP_SIZE": (_count, 0),
    "VALUE_CACHE_GROUP_SIZE": (_count, 0),
    "DEVICE_ID": (_one_of(""), ""),
    "ENABLE_TENSOR_PARALLEL": (_boolean, False),
    "EXCLUSIVE_ASYNC_REQUESTS": (_boolean, False),
    # Of ovlite alone, torch's words: what float32 may be multiplied in where matrix units are faster so.
    "FLOAT32_MATMUL_PRECISION": (_one_of(*PRODUCTS), "highest"),
    # Of ovlite alone. Results of share_outputs=True keep what they show: while any array is on the memory of an output,
    # the next run writes that output to new memory. For finding out whether a program reads views that have changed.
    "KEEP_SHARED_OUTPUTS": (_boolean, False),
    # Of ovlite alone. Bytes that one tensor, and the buffers of one plan, may take; 0 for what this process can have.
    "MEMORY_LIMIT": (_count, 0),
    # Of ovlite alone. Bytes that plans for other input shapes than the last may take; a request's buffers stay larger
    # than its last shapes need by no more.
    "PLAN_MEMORY_LIMIT": (_count, Options.cache_bytes),
}  # fmt: skip
# What belongs to a Core, and compile_model() takes besides: key -> (parser, default).
CORE_SETTABLE: dict[str, tuple[Parser, Any]] = {
    "CACHE_DIR": (_text, ""),
    # Of ovlite alone. Bytes that the files in CACHE_DIR may take; those used longest ago are dropped.
    "CACHE_SIZE_LIMIT": (_count, 4 << 30),
    "ENABLE_MMAP": (_boolean, True),
    # Of ovlite alone. Nodes of a model that is read, those of functions counted each time that they are used, and how
    # deep graphs and functions may be nested.
    "NODE_LIMIT": (_count, 250_000),
    "NESTING_LIMIT": (_count, 32),
    "FORCE_TBB_TERMINATE": (_boolean, False),
}
# What compile_model() takes and can't be read back from what it returns.
UNREADABLE: dict[str, tuple[Parser, Any]] = {
    # An exported model has no weights that lie in the .bin of an IR. OPTIMIZE_SIZE says the same.
    "CACHE_MODE": (_enum(CacheMode), CacheMode.OPTIMIZE_SPEED),
    "ENABLE_WEIGHTLESS": (_boolean, False),
    "WEIGHTS_PATH": (_text, ""),  # where import_model() finds these weights
    "MODEL_PTR": (_model, None),  # a model that has them
    "CACHE_ENCRYPTION_CALLBACKS": (_callbacks, None),
    "ALLOW_AUTO_BATCHING": (_boolean, True),
    "AUTO_BATCH_TIMEOUT": (_count, 1000),
    "CPU_RUNTIME_CACHE_CAPACITY": (_whole, 0),
    "LP_TRANSFORMS_MODE": (_boolean, True),
    "SNIPPETS_MODE": (_one_of("ENABLE", "DISABLE", "IGNORE_CALLBACK"), "ENABLE"),
}
# What is taken because programs set it, and changes nothing. A compiled model says of those that can be read back what
# holds for it, the default. docs/properties.md has the list too.
WITHOUT_EFFECT = frozenset({
    "ALLOW_AUTO_BATCHING", "AUTO_BATCH_TIMEOUT", "CPU_RUNTIME_CACHE_CAPACITY", "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE",
    "DEVICE_ID", "DYNAMIC_QUANTIZATION_GROUP_SIZE", "ENABLE_CPU_RESERVATION", "ENABLE_HYPER_THREADING",
    "ENABLE_TENSOR_PARALLEL", "EXCLUSIVE_ASYNC_REQUESTS", "FORCE_TBB_TERMINATE", "KEY_CACHE_GROUP_SIZE",
    "KEY_CACHE_PRECISION", "KV_CACHE_PRECISION", "LOG_LEVEL", "LP_TRANSFORMS_MODE", "MODEL_DISTRIBUTION_POLICY",
    "SCHEDULING_CORE_TYPE", "SNIPPETS_MODE", "TBB_PARTITIONER", "VALUE_CACHE_GROUP_SIZE", "VALUE_CACHE_PRECISION",
})  # fmt: skip
# Other names of properties.
_ALIASES = {"DENORMALS_OPTIMIZATION": "CPU_DENORMALS_OPTIMIZATION"}
_KNOWN = SETTABLE | CORE_SETTABLE | UNREADABLE
READ_ONLY = (
    "SUPPORTED_PROPERTIES", "AVAILABLE_DEVICES", "RANGE_FOR_ASYNC_INFER_REQUESTS", "RANGE_FOR_STREAMS",
    "EXECUTION_DEVICES", "FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES", "DEVICE_TYPE", "DEVICE_ARCHITECTURE",
)  # fmt: skip
_OF_COMPILED = (
    "SUPPORTED_PROPERTIES", "NETWORK_NAME", "OPTIMAL_NUMBER_OF_INFER_REQUESTS", "EXECUTION_DEVICES",
    "LOADED_FROM_CACHE",
)  # fmt: skip


def canonical(key: str) -> str:
    """The one name under which a property is kept."""
    return _ALIASES.get(key, str(key))


def check(key: str, value: Any) -> Any:
    """The value of a property in its own type. RuntimeError for an unknown key or a value it does not take."""
    key = canonical(key)
    if key not in _KNOWN:
        if key in READ_ONLY or key in _OF_COMPILED:
            raise RuntimeError(f"property {key} can't be set")
        raise RuntimeError(f"there is no property {key!r}.{suggestion(key, _KNOWN)}")
    try:
        return _KNOWN[key][0](value.value if isinstance(value, OVAny) else value)
    except _Invalid as error:
        raise RuntimeError(f"expected property {key} to take {error}, got {value!r}") from None


def check_of_device(key: str, value: Any) -> Any:
    """check() for a property that is set for a device."""
    if key in CORE_SETTABLE and key != "CACHE_DIR":
        raise RuntimeError(f"property {key} is one of a Core; set it without a device")
    return check(key, value)


class Config:
    """The properties that a model is compiled with: those set, checked; all others have their defaults.

    automatic: whether it is compiled for the device AUTO, which tells less of itself.
    loaded_from_cache: whether the model came from CACHE_DIR.
    """

    loaded_from_cache = False

    def __init__(self, values: Mapping[str, Any], *, automatic: bool = False) -> None:
        self.automatic = automatic
        values = {key: value for key, value in values.items() if value is not None or key != "INFERENCE_NUM_THREADS"}
        self._set = {canonical(key): check(key, value) for key, value in values.items()}

    def __getitem__(self, key: str) -> Any:
        return self._set[key] if key in self._set else _KNOWN[key][1]

    @cached_property
    def budget(self) -> int:
        """thread_budget() when it was first asked for: the streams of a compiled model stay what they were then."""
        return thread_budget()

    def threads(self) -> int:
        """Threads of all streams together."""
        wanted: int = self["INFERENCE_NUM_THREADS"]
        return min(self.budget, wanted) if wanted else self.budget

    def hint(self) -> PerformanceMode:
        automatic = self._set.get("NUM_STREAMS") == Num.AUTO.to_integer()
        return PerformanceMode.THROUGHPUT if automatic else self["PERFORMANCE_HINT"]

    def streams(self) -> int:
        """Inferences that run at once."""
        threads = self.threads()
        automatic = Num.AUTO.to_integer()
        default = 1 if self.hint() is PerformanceMode.LATENCY else automatic
        wanted: int = self._set.get("NUM_STREAMS", default)
        if wanted == automatic:
            wanted = min(threads, self["PERFORMANCE_HINT_NUM_REQUESTS"] or threads)
        return max(1, min(wanted, threads))

    def threads_per_stream(self) -> int:
        return max(1, self.threads() // self.streams())

    def precision(self) -> Precision:
        """How plans may compute: by plain sums of f32 products alone where f32 is asked for, or accuracy is."""
        accurate = self["EXECUTION_MODE_HINT"] is ExecutionMode.ACCURACY
        hint = self._set.get("INFERENCE_PRECISION_HINT")
        free = not accurate and hint is not Type.f32
        flush = bool(self["CPU_DENORMALS_OPTIMIZATION"])
        products = "bf16" if hint is Type.bf16 else PRODUCTS[self["FLOAT32_MATMUL_PRECISION"]]
        return Precision(
            winograd=free,
            integers=free,
            products=products if free and flush else None,  # matrix units take denormal numbers for zeros
            flush_denormals=flush,
        )

    def memory_limit(self) -> int:
        """Bytes that one tensor, and the buffers of one plan, may take."""
        return self["MEMORY_LIMIT"] or memory_budget()

    def options(self) -> Options:
        """What plans are made with."""
        return Options(self.precision(), self["PLAN_MEMORY_LIMIT"], self.memory_limit())

    def profiled(self) -> bool:
        return bool(self["PERF_COUNT"])

    def weightless(self) -> bool:
        """Whether exported models leave out weights that lie in a file."""
        return bool(self["ENABLE_WEIGHTLESS"]) or self["CACHE_MODE"] is CacheMode.OPTIMIZE_SIZE

    def callbacks(self) -> Callbacks | None:
        """The functions that encrypt and decrypt exported models."""
        found: Callbacks | None = self["CACHE_ENCRYPTION_CALLBACKS"]
        return found

    def with_defaults(self, values: Mapping[str, Any]) -> Config:
        """These properties, and others where these are not set."""
        found = Config(values, automatic=self.automatic)
        found._set |= self._set
        return found

    def exported(self) -> dict[str, Any]:
        """The properties of the device that are set, as `check` takes them and JSON can hold them."""
        return {
            key: _plain(value) for key, value in self._set.items() if key in SETTABLE and not isinstance(value, set)
        }

    def compiled_property(self, key: str, name: str) -> Any:
        """A property of a compiled model of this name, in the type that OpenVINO gives it there."""
        found: dict[str, Callable[[], Any]] = {
            "SUPPORTED_PROPERTIES": lambda: dict.fromkeys(known, "RO"),
            "NETWORK_NAME": lambda: name,
            "OPTIMAL_NUMBER_OF_INFER_REQUESTS": self.streams,
            "EXECUTION_DEVICES": lambda: ["CPU"],
            "LOADED_FROM_CACHE": lambda: self.loaded_from_cache,
            "NUM_STREAMS": self.streams,
            "INFERENCE_NUM_THREADS": self.threads,
            "MEMORY_LIMIT": self.memory_limit,
            "PERF_COUNT": lambda: "YES" if self.profiled() else "NO",
            "PERFORMANCE_HINT": lambda: self.hint().name,
            "PERFORMANCE_HINT_NUM_REQUESTS": lambda: str(self["PERFORMANCE_HINT_NUM_REQUESTS"]),
            "INFERENCE_PRECISION_HINT": self.product_type,
            "FLOAT32_MATMUL_PRECISION": self.matmul_precision,
            "EXCLUSIVE_ASYNC_REQUESTS": lambda: "NO",
        }
        known = [*found, *SETTABLE, *_ALIASES]
        if self.automatic:
            found |= {"PERFORMANCE_HINT": self.hint, "PERF_COUNT": self.profiled}
            known = [*_OF_COMPILED, "PERFORMANCE_HINT", "PERF_COUNT"]
        if key in known:
            idle = key in WITHOUT_EFFECT
            return found[key]() if key in found else SETTABLE[key][1] if idle else self[canonical(key)]
        raise RuntimeError(f"a compiled model has no property {key!r}.{suggestion(key, known)}")

    def product_type(self) -> Type:
        """What products of f32 are computed in: f32 too where another type is asked for in which nothing is faster."""
        return Type.bf16 if self.precision().products == "bf16" and Type.bf16 in compute_types() else Type.f32

    def matmul_precision(self) -> str:
        """How exact products of f32 are, where they are not of bf16: the highest too where nothing less is faster."""
        high = self.precision().products == PRODUCTS["high"] and fast_products(PRODUCTS["high"])
        return "high" if high else "highest"


def _plain(value: Any) -> Any:
    """A property's value as a str or a number."""
    if isinstance(value, Level):
        return next(name for name, level in _LEVELS.items() if level is value)
    if isinstance(value, Type):
        return value.get_type_name()
    if isinstance(value, bool):
        return "YES" if value else "NO"
    return value.name if isinstance(value, PropertyEnum) else value


_CAPABILITIES = {
    Type.f32: Capability.FP32, Type.f16: Capability.FP16, Type.bf16: Capability.BF16, Type.i8: Capability.INT8,
}  # fmt: skip


def device_property(key: str, properties: Mapping[str, Any]) -> Any:
    """A property of the CPU device, for which `properties` are set."""
    known: dict[str, Callable[[], Any]] = {
        "SUPPORTED_PROPERTIES": lambda: dict.fromkeys(READ_ONLY, "RO") | dict.fromkeys([*SETTABLE, *_ALIASES], "RW"),
        "AVAILABLE_DEVICES": lambda: [""],
        "RANGE_FOR_ASYNC_INFER_REQUESTS": lambda: (1, 1, 1),
        "RANGE_FOR_STREAMS": lambda: (1, thread_budget()),
        "EXECUTION_DEVICES": lambda: ["CPU"],
        "OPTIMAL_NUMBER_OF_INFER_REQUESTS": Config(
            {key: value for key, value in properties.items() if key in SETTABLE}
        ).streams,
        "FULL_DEVICE_NAME": processor_name,
        "OPTIMIZATION_CAPABILITIES": lambda: [
            *(_CAPABILITIES[kind] for kind in compute_types()),
            Capability.EXPORT_IMPORT,
        ],
        "DEVICE_TYPE": lambda: device.Type.INTEGRATED,
        "DEVICE_ARCHITECTURE": lambda: "intel64" if platform.machine() in ("x86_64", "AMD64") else platform.machine(),
    }
    key = canonical(key)
    if key in SETTABLE or key in ("CACHE_DIR", "ENABLE_WEIGHTLESS", "WEIGHTS_PATH"):
        return check(key, properties[key]) if key in properties else _KNOWN[key][1]
    if key not in known:
        raise RuntimeError(f"device CPU has no property {key!r}.{suggestion(key, [*known, *SETTABLE])}")
    return known[key]()


def processor_name(root: Root = "/") -> str:
    """The processor's name as the operating system tells it."""
    try:
        with open(os.path.join(root, "proc/cpuinfo"), errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
