"""spark: functions for pyspark.ml.functions.predict_batch_udf, iterators for pandas_udf and for mapInPandas."""

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
            yield frame.assign(**{name: _cells(array) for name, array in found.items()})

    return run


def iterator_udf(model: Source, return_type: Any, *, output: str | None = None, **arguments: Any) -> Any:
    """A pandas UDF from the columns that are the model's inputs, in order, to the output: `frame.select(udf("x"))`.

    return_type: what pandas_udf takes, such as "float" for an output of one number a row, or "array<float>".
    output: its name, where the model has several. Other arguments are those of Batches.
    """
    import pandas
    from pyspark.sql.functions import pandas_udf

    batches = Batches(model, outputs=None if output is None else [output], **arguments)

    def run(parts: Iterator[Any]) -> Iterator[Any]:
        names = port_names(batches.compiled.inputs)
        for part in parts:
            columns = part if isinstance(part, tuple) else (part,)
            yield pandas.Series(_cells(batches(dict(zip(names, columns, strict=True)))[batches.name]))

    # Spark reads the hints; where a UDF is given one column, its parts are no tuples.
    run.__annotations__ = {"parts": Iterator[tuple[pandas.Series, ...]], "return": Iterator[pandas.Series]}
    return pandas_udf(run, return_type)


def _cells(array: Any) -> Any:
    """The rows as cells of a column: numbers, or lists."""
    return array if array.ndim == 1 else array.reshape(len(array), -1).tolist()
