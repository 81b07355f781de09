"""Inputs that are read from files: .npy, .npz, images, a folder of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ..graph import Output
from ..runtime.ports import ConstOutput
from .arguments import UsageError

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
CHANNELS = (1, 3, 4)

Array = npt.NDArray[Any]
Port = ConstOutput | Output


def read_files(files: dict[str, str], names: Sequence[str], ports: Sequence[Port]) -> list[dict[str, Array]]:
    """What files give for the inputs, by name: one dict, or one for each file of a folder."""
    known = dict(zip(names, ports, strict=True))
    fixed: dict[str, Array] = {}
    varied: list[dict[str, Array]] = [{}]
    for name, given in files.items():
        path = Path(given)
        if not path.exists():
            raise UsageError(f"there is no file {given!r}")
        if name and name not in known:
            raise UsageError(f"--input names {name!r}, but the model's inputs are {', '.join(names)}")
        if path.is_dir():
            inside = sorted(part for part in path.iterdir() if part.suffix.lower() in (*IMAGES, ".npy", ".npz"))
            if not inside:
                raise UsageError(f"the folder {given!r} holds no .npy, .npz or image files")
            varied = [_read(part, name, known) for part in inside]
        else:
            fixed |= _read(path, name, known)
    return [{**fixed, **each} for each in varied]


def _read(path: Path, name: str, known: dict[str, Port]) -> dict[str, Array]:
    if path.suffix == ".npz":
        found = read_archive(path)
        if name:
            raise UsageError(f"{str(path)!r} holds arrays by name; write --input {path}")
        for key in found:
            if key not in known:
                raise UsageError(f"{str(path)!r} holds {key!r}, but the model's inputs are {', '.join(known)}")
        return found
    if not name and len(known) > 1:
        raise UsageError(f"say which of {', '.join(known)} {str(path)!r} is for: --input NAME={path}")
    name = name or next(iter(known))
    if path.suffix == ".npy":
        return {name: _array(path)}
    if path.suffix.lower() in IMAGES:
        return {name: _image(path, known[name])}
    raise UsageError(f"{str(path)!r} is neither an .npy or .npz file nor an image ({', '.join(IMAGES)})")


def read_archive(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file by name. Raises UsageError."""
    found = _loaded(path)
    if isinstance(found, np.ndarray):
        raise UsageError(f"{str(path)!r} holds one array, not arrays by name as .npz files do")
    return found


def _loaded(path: Path) -> Array | dict[str, Array]:
    """What numpy reads: an array, or a dict of those of an archive."""
    try:
        found = np.load(path, allow_pickle=False)
        return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UsageError(f"can't read {str(path)!r}: {error}") from None


def _array(path: Path) -> Array:
    found = _loaded(path)
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{str(path)!r} holds arrays by name, as .npz files do, not one")
    return found


def _image(path: Path, port: Port) -> Array:
    """An image's values, 0 to 255, in the port's layout and size, as one batch."""
    try:
        from PIL import Image
    except ImportError:
        raise UsageError(f"reading {str(path)!r} needs pillow: pip install pillow") from None
    shape = (
        [-1 if dim.is_dynamic else dim.min_length for dim in port.partial_shape] if port.partial_shape.has_rank else []
    )
    if len(shape) != 4 or not (shape[1] in CHANNELS or shape[3] in CHANNELS):
        raise UsageError(f"{str(path)!r} is an image, but the input has the shape {port.partial_shape}")
    planar = shape[1] in CHANNELS
    channels = shape[1] if planar else shape[3]
    try:
        image = Image.open(path).convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    except OSError as error:
        raise UsageError(f"can't read {str(path)!r}: {error}") from None
    height, width = shape[2:] if planar else shape[1:3]
    if (height, width) != (-1, -1):
        image = image.resize((image.width if width < 0 else width, image.height if height < 0 else height))
    array = np.asarray(image).reshape(image.height, image.width, channels)
    array = np.moveaxis(array, -1, 0) if planar else array
    copies = max(shape[0], 1)
    return np.array(np.broadcast_to(array, (copies, *array.shape)), port.element_type.to_dtype(), order="C")
