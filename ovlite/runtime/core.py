"""Core: reads models and compiles them."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any

from ..graph import Model
from ..graph.garbage import uncollected
from ..imports import forks_wait
from ..version import Version, get_version
from .compilation import Compilation
from .compiled_model import CompiledModel
from .config import CORE_SETTABLE, Config, canonical, check, check_of_device, device_property
from .tensor import Tensor

DEVICES = ("CPU", "AUTO", "AUTO:CPU", "HETERO:CPU", "MULTI:CPU")
_ELSEWHERE = ("BATCH", "GPU", "HETERO", "MULTI", "NPU")  # what programs set for these is taken and has no effect


class Core:
    """Reads models and compiles them; holds the properties that later compilations start from."""

    def __init__(self, xml_config_file: str = "") -> None:
        if xml_config_file and not os.path.exists(xml_config_file):
            raise RuntimeError(f"{xml_config_file}: there is no such file")
        self._properties: dict[str, Any] = {}
        self._operations: dict[str, Any] = {}  # those that users added
        self._extensions: list[Any] = []  # translations of ONNX operators that users added
        self._checked = False  # values set before the device's first use are looked at then

    @property
    def available_devices(self) -> list[str]:
        return ["CPU"]

    def get_available_devices(self) -> list[str]:
        return self.available_devices

    def get_versions(self, device_name: str) -> dict[str, Version]:
        """Versions of what serves a device; empty for a device that there is not."""
        return {"CPU": Version(get_version(), "ovlite CPU")} if device_name == "CPU" else {}

    @forks_wait()
    def read_model(self, model: Any, weights: Any = None, config: Mapping[str, Any] | None = None) -> Model:
        """Reads a model from a path, from bytes, or from a stream of bytes (ONNX, or OpenVINO IR with its weights)."""
        from ..frontend.limits import Limits
        from ..frontend.reading import read_model

        if isinstance(model, Model):
            raise TypeError("read_model reads a path or bytes; this is a Model already")
        if isinstance(model, io.BytesIO):
            if weights is not None and not isinstance(weights, io.BytesIO):
                raise AttributeError(
                    f"expected weights of a model in a BytesIO to be a BytesIO, got {type(weights).__name__}"
                )
            model, weights = model.getvalue(), None if weights is None else weights.getvalue()
        elif isinstance(model, bytes):
            if weights is not None and not isinstance(weights, (bytes, Tensor)):
                raise TypeError(
                    f"expected weights of a model in bytes to be bytes or a Tensor, got {type(weights).__name__}"
                )
        elif isinstance(model, str) and isinstance(weights, Tensor):
            model = model.encode()
        elif not isinstance(model, (str, os.PathLike)):
            raise TypeError(f"expected a model to be read from a path, bytes or BytesIO, got {type(model).__name__}")
        elif weights is not None and not isinstance(weights, (str, os.PathLike)):
            raise RuntimeError(f"expected weights of a model at a path to be a path, got {type(weights).__name__}")
        if isinstance(weights, Tensor):
            weights = weights.data.tobytes()
        settings = Config(_of_core({**self._properties, **(config or {})}))
        if settings["CACHE_DIR"]:
            os.makedirs(settings["CACHE_DIR"], exist_ok=True)
        return read_model(
            model, weights or None, mapped=settings["ENABLE_MMAP"], custom=self._operations,
            extensions=self._extensions, limits=Limits(settings["NODE_LIMIT"], settings["NESTING_LIMIT"]),
        )  # fmt: skip

    @uncollected()
    @forks_wait()
    def compile_model(
        self,
        model: Any,
        device_name: str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        weights: Any = None,
    ) -> CompiledModel:
        """Makes a model ready to run; the model may be changed afterwards.

        model: a Model, a path, or with `weights` the text of an OpenVINO IR. config: properties by name.
        """
        if device_name is not None and not isinstance(device_name, str):
            raise TypeError(
                f"expected device_name to be a str, got {type(device_name).__name__}; pass properties as config="
            )
        if config is not None and not (isinstance(config, dict) and all(isinstance(key, str) for key in config)):
            raise TypeError("config is a dict of properties by name")
        device = "AUTO" if device_name is None else device_name
        _check_device(device)
        if weights is not None and device_name is None:
            raise RuntimeError("with weights= the device is named too, such as 'CPU'")
        if weights is not None and isinstance(model, io.BytesIO):
            raise TypeError("with weights= the model is the text of an IR, str or bytes; read_model() reads a BytesIO")
        read = not isinstance(model, Model)
        if weights is not None:
            model = self.read_model(model.encode() if isinstance(model, str) else model, weights)
        elif read and not isinstance(model, (str, os.PathLike)):
            raise RuntimeError(
                f"expected a Model or a path to be compiled, got {type(model).__name__}; use read_model()"
            )
        self._check_stored()
        merged = Config({**self._properties, **(config or {})}, automatic=device.startswith("AUTO"))
        if merged["CACHE_DIR"] and not isinstance(model, Model) and not self._operations and not self._extensions:
            from .model_cache import compile_file

            path = os.fspath(model)
            return CompiledModel(compile_file(path, lambda: self.read_model(path), merged, merged["CACHE_DIR"]))
        if not isinstance(model, Model):
            model = self.read_model(model)
        if not merged["CACHE_DIR"]:
            return CompiledModel(Compilation(model, merged, owned=read))
        from .model_cache import compile_cached

        return CompiledModel(compile_cached(model, merged, merged["CACHE_DIR"]))

    @forks_wait()
    def import_model(
        self, model_stream: bytes | io.BytesIO | Tensor, device_name: str, config: Mapping[str, Any] | None = None
    ) -> CompiledModel:
        """The compiled model that CompiledModel.export_model() wrote; a BytesIO is read from its start.

        config: properties that replace those it was compiled with.
        """
        if isinstance(model_stream, io.BytesIO):
            exported = model_stream.getvalue()
        elif isinstance(model_stream, Tensor):
            exported = model_stream.data.tobytes()
        elif isinstance(model_stream, bytes):
            exported = model_stream
        else:
            raise TypeError(f"expected bytes, a BytesIO or a Tensor to be imported, got {type(model_stream).__name__}")
        if not isinstance(device_name, str):
            raise TypeError(f"expected device_name to be a str, got {type(device_name).__name__}")
        if config is not None and not isinstance(config, Mapping):
            raise TypeError("config is a dict of properties by name")
        _check_device(device_name)
        self._check_stored()
        from .exported_model import unpack

        return CompiledModel(unpack(exported, Config(config or {})))

    def query_model(self, model: Model, device_name: str, config: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The device of each operation, by friendly name."""
        _check_device(device_name)
        Config(config or {})
        return {node.friendly_name: "CPU" for node in model.get_ordered_ops()}

    def register_plugin(self, plugin_name: str, device_name: str, config: Mapping[str, Any] | None = None) -> None:
        """RuntimeError: there is the CPU, and nothing can be added to it."""
        raise RuntimeError(f"plugin {plugin_name!r} can't serve {device_name!r}: ovlite has the CPU alone")

    def register_plugins(self, xml_config_file: str) -> None:
        """RuntimeError: there is the CPU, and nothing can be added to it."""
        raise RuntimeError(f"the plugins of {xml_config_file!r} can't be registered: ovlite has the CPU alone")

    def unload_plugin(self, device_name: str) -> None:
        """Nothing is held for a device; RuntimeError for one that there is not."""
        _check_device(device_name)

    @forks_wait()
    def add_extension(self, extension: Any) -> None:
        """Makes read_model() know operations written in Python: a subclass of Op, an OpExtension of one, or a list.

        Also translations of ONNX operators: a ConversionExtension or an OpExtension of frontend.
        """
        from ..frontend.extensions import ConversionExtension
        from .extension import as_operations

        items = list(extension) if isinstance(extension, (list, tuple)) else [extension]
        translations = [item for item in items if isinstance(item, ConversionExtension)]
        self._operations.update(as_operations([item for item in items if item not in translations]))
        self._extensions += translations

    def set_property(self, *args: Any, **kwargs: Any) -> None:
        """set_property(properties) or set_property(device, properties); properties are a dict or a (key, value)."""
        values = [*args, *(kwargs[name] for name in ("device_name", "properties", "property") if name in kwargs)]
        device, properties = values if len(values) == 2 else ("", *values) if len(values) == 1 else (None, None)
        if isinstance(properties, tuple) and len(properties) == 2:
            properties = dict([properties])
        named = isinstance(properties, dict) and all(isinstance(key, str) for key in properties)
        if not isinstance(device, str) or not named:
            raise TypeError("set_property takes a dict or a (key, value) pair, after a device name if one is meant")
        if device.partition(".")[0] in _ELSEWHERE:
            return
        if device:
            _check_device(device)
        checked = check_of_device if device else check
        for key, value in properties.items():
            known_now = self._checked or (not device and key in CORE_SETTABLE)
            self._properties[canonical(key)] = checked(key, value) if known_now else value

    def get_property(self, *args: Any, **kwargs: Any) -> Any:
        """get_property(device_name, property), or get_property(property) for one of this Core."""
        values = [*args, *(kwargs[name] for name in ("device_name", "property") if name in kwargs)]
        if len(values) not in (1, 2) or not all(isinstance(value, str) for value in values):
            raise TypeError("get_property takes a property's name, after a device's name if one is meant")
        key = values.pop()
        if not values:
            if key not in CORE_SETTABLE:
                raise RuntimeError(f"a Core has no property {key!r}; pass the device's name before it")
            return Config(_of_core(self._properties))[key]
        _check_device(values[0])
        self._check_stored()
        return device_property(key, self._properties)

    def _check_stored(self) -> None:
        """Checks what was set before the device was first used; wrong values raise each time."""
        for key, value in self._properties.items():
            check(key, value)
        self._checked = True

    def __repr__(self) -> str:
        return "<Core: available devices[CPU]>"


def compile_model(model: Any, device_name: str = "AUTO", config: Mapping[str, Any] | None = None) -> CompiledModel:
    """Makes a model ready to run, with a Core of its own."""
    return Core().compile_model(model, device_name, dict(config) if isinstance(config, Mapping) else config)


def _of_core(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key in CORE_SETTABLE}


def _check_device(name: str) -> None:
    if name not in DEVICES and not name.startswith("BATCH:CPU"):
        raise RuntimeError(f"there is no device {name!r}; there is CPU")
