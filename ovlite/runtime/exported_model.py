"""Exported models: bytes from which a compiled model is made again, and names of compiled models."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

from .. import kernels
from ..graph import Model
from ..plan.frozen import Unfrozen
from ..version import get_version
from .blob import SEALED, Blob, Damaged, sealed_file, write_model
from .compilation import Compilation, Names
from .config import Config
from .sealing import Callbacks, opened, sealed

_WRONG = (
    Damaged, ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


def pack(compilation: Compilation, *, plain: bool = False) -> bytes:
    """The exported form of a compiled model and the properties that are set.

    plain: the model alone, with all weights and readable for everybody, whatever the properties say.
    """
    config, file = compilation.config, io.BytesIO()
    tensors = [*compilation.model.inputs, *compilation.model.outputs]
    for tensor, port in zip(tensors, [*compilation.ports.inputs, *compilation.ports.outputs], strict=True):
        tensor.set_names(port.names)
    told = described(compilation, about(config))
    try:
        if plain or config.weightless():
            raise Unfrozen("the model alone is asked for")
        compilation.static_plan()
        compilation.write(file, told)
    except Unfrozen:
        return model_alone(compilation, told, plain=plain)
    return _encrypted(file.getvalue(), config)


def model_alone(compilation: Compilation, about: Mapping[str, object], *, plain: bool = False) -> bytes:
    """The file of the model, to be compiled anew. about: what its document tells. plain: as for pack()."""
    config, file = compilation.config, io.BytesIO()
    write_model(file, compilation.model, about, apart=config.weightless() and not plain)
    return file.getvalue() if plain else _encrypted(file.getvalue(), config)


def _encrypted(whole: bytes, config: Config) -> bytes:
    callbacks = config.callbacks()
    return whole if callbacks is None else sealed_file(sealed(callbacks, whole))


def described(compilation: Compilation, key: str) -> dict[str, object]:
    """What the document of each file tells. key: of what the file is."""
    properties = compilation.config.exported()
    return {"version": get_version(), "key": key, "properties": properties, "names": compilation.names}


def unpack(data: bytes, config: Config) -> Compilation:
    """The compiled model of what `pack` made. RuntimeError for anything else.

    config: properties that replace those it was compiled with.
    """
    from .weightless import from_file, from_model

    path, model = config["WEIGHTS_PATH"], config["MODEL_PTR"]
    source = from_file(path) if path else None if model is None else from_model(model)
    blob = unsealed(data, config.callbacks())
    try:
        document = blob.document
        version, key, properties = str(document["version"]), document["key"], dict(document["properties"])
        config = config.with_defaults(properties)
        names = Names(*document["names"])
        if blob.is_compiled and version == get_version() and key == about(config):
            return Compilation.restored(blob, names, config)
        found = names.give_to(blob.model(source))
    except _WRONG as error:
        raise RuntimeError(f"the exported model is damaged: {error}") from error
    return Compilation(found, config, owned=True)


def unsealed(data: bytes, callbacks: Callbacks | None) -> Blob:
    """The file of bytes, decrypted. RuntimeError for what can't be read."""
    blob = _read(data)
    if blob.kind != SEALED:
        return blob
    if callbacks is None:
        raise RuntimeError("the exported model is encrypted; pass CACHE_ENCRYPTION_CALLBACKS, as when it was made")
    try:
        blob = _read(opened(callbacks, bytes(blob.elements)))
    except RuntimeError as error:
        raise RuntimeError(f"the exported model was not decrypted by CACHE_ENCRYPTION_CALLBACKS: {error}") from error
    if blob.kind == SEALED:
        raise RuntimeError("the exported model was not decrypted by CACHE_ENCRYPTION_CALLBACKS: it is encrypted twice")
    return blob


def _read(data: bytes) -> Blob:
    try:
        return Blob.of(data)
    except (Damaged, ValueError, RecursionError) as error:
        raise RuntimeError(f"the exported model can't be read: {error}") from error


def key(model: Model, config: Config) -> str:
    """A name for what compiling gives: equal for equal graphs, constants, properties, levels and versions of ovlite.

    Names that nodes were given by counting do not matter.
    """
    import hashlib

    from ..frontend.ir import canonical_digest

    return hashlib.sha256(about(config).encode() + canonical_digest(model)).hexdigest()[:40]


def about(config: Config) -> str:
    """All that a compiled model depends on but the model."""
    found = {"version": get_version(), "level": kernels.level(), "properties": config.exported()}
    return json.dumps(found, sort_keys=True)
