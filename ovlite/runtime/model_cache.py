"""CACHE_DIR: exported models in a folder, so that a model is found there when it is compiled again.

Files are named by what they hold. One that is damaged, or of another version, is made anew; each is
written beside its place and then moved there, so that processes may share a folder.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import warn
from ..frontend.ir import replaced
from ..graph import Model
from ..version import get_version
from . import exported_model as blob
from .compilation import Compilation
from .config import Config
from .weightless import from_model


def compile_cached(model: Model, config: Config, folder: Path) -> Compilation:
    """The model compiled from the folder, or compiled and put there. A folder that can't be written is a warning."""
    path = folder / f"{blob.key(model, config)}.blob"
    found = _load(path, model, config)
    if found is not None:
        _take_names(found, model)
        config.loaded_from_cache = True
        return Compilation(found, config, owned=True)
    compilation = Compilation(model, config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replaced(path) as file:
            file.write(blob.pack(compilation.model, config))
    except OSError as error:
        warn("the compiled model is not kept in CACHE_DIR %s: %s", folder, error.strerror)
    return compilation


def _load(path: Path, model: Model, config: Config) -> Model | None:
    try:
        found = blob.unpack(path.read_bytes(), config.callbacks(), from_model(model))
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:
        warn("%s in CACHE_DIR is made anew: %s", path.name, error)
        return None
    return found.model if found.version == get_version() else None


def _take_names(found: Model, model: Model) -> None:
    """Gives the model from the cache the names of the one that is compiled."""
    found.set_friendly_name(model.get_friendly_name())
    for mine, theirs in zip([*found.inputs, *found.outputs], [*model.inputs, *model.outputs], strict=True):
        mine.set_names(theirs.names)
