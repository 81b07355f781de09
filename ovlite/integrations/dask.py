"""dask: a model on the blocks of an array, or on the partitions of a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .batches import Batches, Source


def predict(array: Any, model: Source, *, output: str | None = None, **arguments: Any) -> Any:
    """The output for the rows of a dask array, as an array with the same chunks of rows.

    output: its name, where the model has several. Other arguments are those of Batches. The model goes to each worker
    once, and is compiled once in its process.
    """
    from dask.delayed import delayed

    batches = Batches(model, outputs=None if output is None else [output], **arguments)
    whole = array.rechunk(dict.fromkeys(range(1, array.ndim), -1))
    sample = batches(np.zeros((0, *array.shape[1:]), array.dtype))[batches.name]
    return whole.map_blocks(
        _block,
        delayed(batches, pure=True),
        dtype=sample.dtype,
        chunks=(whole.chunks[0], *((length,) for length in sample.shape[1:])),
        drop_axis=list(range(1, array.ndim)),
        new_axis=list(range(1, sample.ndim)),
        meta=sample,
    )


def predict_frame(frame: Any, model: Source, *, columns: Mapping[str, Sequence[str] | str], **arguments: Any) -> Any:
    """A dask data frame with a column for each output, or for each element of the output's rows.

    columns: by input name the column, or those that form the input's rows. Other arguments are those of Batches.
    """
    from dask.delayed import delayed

    batches = Batches(model, **arguments)
    meta = _partition(frame._meta, batches, columns)
    return frame.map_partitions(_partition, delayed(batches, pure=True), columns, meta=meta)


def _block(block: Any, batches: Batches) -> Any:
    return batches(block)[batches.name]


def _partition(part: Any, batches: Batches, columns: Mapping[str, Sequence[str] | str]) -> Any:
    given = {
        name: part[chosen].to_numpy() if isinstance(chosen, str) else part[list(chosen)].to_numpy()
        for name, chosen in columns.items()
    }
    added = {}
    for name, found in batches(given).items():
        flat = found.reshape(len(found), int(np.prod(found.shape[1:])))
        if found.ndim == 1:
            added[name] = flat[:, 0]
        else:
            added.update({f"{name}_{place}": flat[:, place] for place in range(flat.shape[1])})
    return part.assign(**added)
