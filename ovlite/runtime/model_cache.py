"""CACHE_DIR: compiled models in a folder, so that a model is found there when it is compiled again.

A .blob is named by what it holds: content, version, kernels' level and properties. A .source is named by the path of a
model's file and tells which .blob its content led to, as long as the file is not written again; then not even that file
is read. A file that is damaged or of another version is made anew; each is written beside its place and then moved
there, so that processes may share a folder. The files used longest ago are dropped where all take more than
CACHE_SIZE_LIMIT.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import warn
from ..graph import Model
from ..graph.constants import release_pages
from ..kernels.runtime.block import checksum
from ..plan import Executable
from ..plan.frozen import Unfrozen
from ..plan.frozen_weights import packed_count
from ..version import get_version
from . import blob, exported_model
from .compilation import Compilation, Names
from .config import Config

if TYPE_CHECKING:
    from pathlib import Path

# What files that are not as they were written may lead to.
_WRONG = (
    blob.Damaged, RuntimeError, ArithmeticError, AssertionError, AttributeError, ImportError, LookupError,
    TypeError, ValueError, OSError,
)  # fmt: skip
_RESTS = 2.0  # seconds after which a file that is written again has another time, on any file system
_DIGITS = frozenset("0123456789abcdef")
_EXTERNAL = b"location"  # what an .onnx file with elements in other files holds
T = TypeVar("T")


class Entry(NamedTuple):
    """A file of the cache. used: when it was last read or written, in seconds since the epoch."""

    path: Path
    bytes: int
    used: float


def entries(folder: str | os.PathLike[str]) -> list[Entry]:
    """The compiled models in a folder, the one used longest ago first; nothing for a folder that there is not."""
    from pathlib import Path

    found = []
    for path in Path(folder).glob("*.blob"):
        try:
            with path.open("rb") as file:
                ours = file.read(len(blob.MAGIC)) == blob.MAGIC
            about = path.stat()
        except OSError:
            continue
        if ours:
            found.append(Entry(path, about.st_size, about.st_mtime))
    return sorted(found, key=lambda entry: entry.used)


def prune(folder: str | os.PathLike[str], limit: float, before: float = -math.inf) -> list[Entry]:
    """Removes the files used longest ago, until all take at most `limit` bytes and none was last used before a time in
    seconds since the epoch; gives those that were removed.
    """
    found = entries(folder)
    total, removed = sum(entry.bytes for entry in found), []
    for entry in found:
        if total <= limit and entry.used >= before:
            break
        entry.path.unlink(missing_ok=True)
        total -= entry.bytes
        removed.append(entry)
    kept = {entry.path.name for entry in found} - {entry.path.name for entry in removed}
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if name.endswith(".source") and _told(path).get("blob") not in kept:
            with suppress(FileNotFoundError):
                os.unlink(path)
    return removed


def compile_file(path: str, read: Callable[[], Model], config: Config, folder: str) -> Compilation:
    """The model in a file, compiled or found in the folder; without a look at the file's content where it has not been
    written since. read: reads the model."""
    key = checksum(f"{os.path.realpath(path)}\0{exported_model.about(config)}".encode())
    source = os.path.join(folder, f"{key:016x}.source")
    told = _told(source)
    before, now = _state(path), time.time()
    tried = None
    if told.get("files") == before and _is_name(str(told.get("blob"))):
        tried = os.path.join(folder, told["blob"])
        file = _opened(tried)
        found = None if file is None else _restored(tried, file, None, config)
        if found is not None:
            return found
    compilation, made = _compiled(read(), config, folder, tried)
    if made is not None and before == _state(path) and _has_rested(before, now) and _is_alone(path):
        data = json.dumps({"files": before, "blob": os.path.basename(made)}).encode()
        _written(source, lambda file: file.write(data), config)
    return compilation


def _is_name(blob: str) -> bool:
    """Whether this may be the name of a file of a compiled model, and no path to anywhere else."""
    key, _, kind = blob.partition(".")
    return kind == "blob" and len(key) == 40 and _DIGITS.issuperset(key)


def compile_cached(model: Model, config: Config, folder: str) -> Compilation:
    """The model compiled from the folder, or compiled and put there. A folder that can't be written is a warning."""
    return _compiled(model, config, folder)[0]


def _compiled(model: Model, config: Config, folder: str, tried: str | None = None) -> tuple[Compilation, str | None]:
    """The compiled model, and its file where that can be read without a model at hand. tried: a file that gave none."""
    key = exported_model.key(model, config)
    path = os.path.join(folder, f"{key}.blob")
    if config.weightless() or config.callbacks() is not None:
        return _by_model(path, model, config), None
    file = None if path == tried else _opened(path)
    if file is not None and not file.is_compiled:
        return _by_model(path, model, config), None
    found = None if file is None else _restored(path, file, model, config)
    if found is not None:
        release_pages(model.get_ordered_ops())  # which the key is made of
        return found, path
    compilation = Compilation(model, config)
    compilation.static_plan()
    about = exported_model.described(compilation, key)
    try:
        constants = _written(path, lambda file: compilation.write(file, about), config)
    except Unfrozen:
        return _by_model(path, model, config, compilation), None
    _renew_once_planned(path, compilation, about, constants)
    return compilation, path


def _renew_once_planned(
    path: str, compilation: Compilation, about: Mapping[str, Any], constants: bytes | None = None
) -> None:
    """Has the file written again behind the first plan, where that packs weights which the file has not got: those of a
    model whose shapes are known when it runs. A file that is gone by then stays so.

    constants: a digest of those in the file, where they may lie in memory that the program changes meanwhile.
    """
    executable, known, path = compilation.executable, weakref.ref(compilation), os.path.abspath(path)
    if not isinstance(executable, Executable):
        return
    before = packed_count(executable)

    def planned(executable: Executable) -> None:
        held = known()
        if held is None or packed_count(executable) == before:
            return

        def write(file: IO[bytes]) -> None:
            found = held.write(file, about)
            if constants is not None and found != constants:
                raise RuntimeError("the program has changed the model's constants since it was compiled")
            if file.seek(0, os.SEEK_END) > held.config["CACHE_SIZE_LIMIT"]:
                raise RuntimeError("what the first inference packed makes it larger than CACHE_SIZE_LIMIT")

        try:
            if os.path.exists(path):
                _written(path, write, held.config)
        except (Unfrozen, RuntimeError) as error:
            warn("%s in CACHE_DIR stays as it is: %s", os.path.basename(path), error)

    executable.planned = planned


def _opened(path: str) -> blob.Blob | None:
    """A file; None for one that is not there or has to be made anew."""
    name = os.path.basename(path)
    try:
        found = blob.Blob.mapped(path)
        if found.kind == blob.SEALED:
            raise blob.Damaged("it is encrypted; pass CACHE_ENCRYPTION_CALLBACKS, as when it was made")
        if found.document["version"] != get_version():
            return None
        if found.document["key"] != name.removesuffix(".blob"):
            raise blob.Damaged("it is of another model")
    except FileNotFoundError:
        return None
    except _WRONG as error:
        warn("%s in CACHE_DIR is made anew: %s", name, error)
        return None
    return found


def _restored(path: str, file: blob.Blob, model: Model | None, config: Config) -> Compilation | None:
    """What the file holds, with the names of the model where one is at hand; None where it has to be made."""
    try:
        names = Names.of(model) if model is not None else Names(*file.document["names"])
        compilation = Compilation.restored(file, names, config)
        os.utime(path)
    except _WRONG as error:
        warn("%s in CACHE_DIR is made anew: %s", os.path.basename(path), error)
        return None
    config.loaded_from_cache = True
    about = {name: file.document[name] for name in ("version", "key", "properties")}
    _renew_once_planned(path, compilation, {**about, "names": names})
    return compilation


def _by_model(path: str, model: Model, config: Config, compilation: Compilation | None = None) -> Compilation:
    """The same by a file of the model alone, which is compiled when it is read: where nothing else is allowed."""
    found = _loaded(path, model, config)
    if found is not None:
        config.loaded_from_cache = True
        return Compilation(Names.of(model).give_to(found), config, owned=True)
    compilation = compilation or Compilation(model, config)
    about = exported_model.described(compilation, os.path.basename(path).removesuffix(".blob"))
    data = exported_model.model_alone(compilation, about)
    _written(path, lambda file: file.write(data), config)
    return compilation


def _loaded(path: str, model: Model, config: Config) -> Model | None:
    from .weightless import from_model

    try:
        with open(path, "rb") as file:
            whole = file.read()
        found = exported_model.unsealed(whole, config.callbacks())
        return found.model(from_model(model)) if found.document["version"] == get_version() else None
    except FileNotFoundError:
        return None
    except _WRONG as error:
        warn("%s in CACHE_DIR is made anew: %s", os.path.basename(path), error)
        return None


def _written(path: str, write: Callable[[IO[bytes]], T], config: Config) -> T | None:
    """Puts a file into the folder, and drops what is over the limit. Gives what write() gave; None for no file."""
    from ..frontend.ir import replaced

    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
        with replaced(path) as file:
            found = write(file)
        prune(folder, config["CACHE_SIZE_LIMIT"])
    except OSError as error:
        warn("the compiled model is not kept in CACHE_DIR %s: %s", folder, error.strerror)
        return None
    return found


# Files of models --------------------------------------------------------------------------------


def _told(source: str) -> dict[str, Any]:
    """What a .source tells; nothing where it can't be read."""
    try:
        with open(source, "rb") as file:
            found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _state(path: str) -> list[list[Any]]:
    """What changes when the files of a model do."""
    files = [path, os.path.splitext(path)[0] + ".bin"] if path.endswith(".xml") else [path]
    found: list[list[Any]] = []
    for name in files:
        try:
            about = os.stat(name)
        except OSError:
            found.append([name])
            continue
        found.append([name, about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns])
    return found


def _has_rested(state: Sequence[Sequence[Any]], now: float) -> bool:
    """Whether the files would tell of a change: they were not written so shortly ago that the time might stay."""
    return all(len(about) > 1 and max(about[-2:]) < (now - _RESTS) * 1e9 for about in state)


def _is_alone(path: str) -> bool:
    """Whether nothing of a model lies in files that _state() does not know."""
    if path.endswith(".xml"):
        return True
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(_EXTERNAL) < 0
