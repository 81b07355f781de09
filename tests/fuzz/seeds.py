"""The corpus that fuzzers start from, made anew each time: small models of many operators, in each form."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import ovlite as ov
from ovlite.runtime.blob import FORMAT

from ..frontend.onnx_cases import node_cases

MOST = 6000  # bytes of an ONNX model; larger ones are mostly weights


@cache
def onnx_models() -> tuple[bytes, ...]:
    """Node cases of the onnx package, three of each operator."""
    found: dict[str, list[bytes]] = {}
    for name, case in node_cases().items():
        content = case.model.SerializeToString()
        contents = found.setdefault(name.split("_")[0], [])
        if len(content) <= MOST and len(contents) < 3:
            contents.append(content)
    return tuple(content for contents in found.values() for content in contents)


@cache
def ir_models() -> tuple[tuple[bytes, bytes], ...]:
    """Document and weights of those of onnx_models() that can be read and written."""
    from ovlite.frontend.ir import to_bytes

    models = []
    for content in onnx_models():
        try:
            models.append(tuple(map(bytes, to_bytes(ov.Core().read_model(content)))))
        except RuntimeError:
            continue
    return tuple(models)


@cache
def blobs() -> tuple[bytes, ...]:
    """Exported models of a tenth of ir_models()."""
    core = ov.Core()
    exported = []
    for document, weights in ir_models()[::10]:
        try:
            exported.append(core.compile_model(core.read_model(document, weights), "CPU").export_model().getvalue())
        except RuntimeError:
            continue
    return tuple(exported)


@cache
def cached() -> tuple[tuple[tuple[bytes, bytes], str, bytes], ...]:
    """(the model, the name of its file in a cache, the file) of a tenth of ir_models()."""
    core = ov.Core()
    found = []
    for model in ir_models()[3::10]:
        with TemporaryDirectory() as folder:
            try:
                core.compile_model(core.read_model(*model), "CPU", {"CACHE_DIR": folder})
            except RuntimeError:
                continue
            for file in Path(folder).iterdir():
                data = file.read_bytes()
                if data[8] == FORMAT:  # others hold a model, as those of blobs() do
                    found.append((model, file.name, data))
    return tuple(found)
