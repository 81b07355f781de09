"""spark: functions for pyspark.ml.functions.predict_batch_udf, and iterators for mapInPandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..graph.lookup import port_names
from .batches import Batches, Source


def predict_batch_fn(model: Source, **arguments: Any) -> Callable[[], Callable[..., Any]]:
    """make_predict_fn of predict_batch_udf: its columns are the model's inputs in order, its result the only output, or
    a dict of the outputs.

    Arguments are those of Batches; a path has to be one that every worker can read. Workers compile the model once.
    """
    batches = Batches(model, **arguments)

    def make() -> Callable[..., Any]:
        names = port_names(batches.compiled.inputs)

        def predict(*columns: Any) -> Any:
            found = batches(dict(zip(names, columns, strict=True)))
            return next(iter(found.values())) if len(found) == 1 else found

        return predict

    return make


def map_in_pandas(
    model: Source, columns: Mapping[str, str], **arguments: Any
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """A function for DataFrame.mapInPandas(): rows with the outputs as columns, whose cells are lists but for outputs
    of one number a row.

    columns: the column for each input, by the input's name. Other arguments are those of Batches.
    """
    batches = Batches(model, **arguments)

    def run(frames: Iterator[Any]) -> Iterator[Any]:
        for frame in frames:
            found = batches({name: frame[column] for name, column in columns.items()})
            yield frame.assign(**{
                name: array if array.ndim == 1 else array.reshape(len(array), -1).tolist()
                for name, array in found.items()
            })  # fmt: skip

    return run
