"""ray: a callable class for Dataset.map_batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .batches import Batches, Source


class Predictor:
    """What each actor makes one of: `dataset.map_batches(Predictor, fn_constructor_args=[model], ...)`.

    A batch is a dict of columns; those that the model's inputs are named like, or `columns` names, are read, and the
    outputs are added. Other arguments are those of Batches.
    """

    def __init__(
        self,
        model: Source,
        *,
        columns: Mapping[str, str] | None = None,
        batch_size: int | None = None,
        outputs: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """columns: the column for each input, by the input's name."""
        self._columns = dict(columns or {})
        self._batches = Batches(model, batch_size=batch_size, outputs=outputs, config=config)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: batch[column] for name, column in self._columns.items()}
        return {**batch, **self._batches({**batch, **given})}


def predict(
    dataset: Any, model: Source, *, workers: int = 1, num_cpus: float = 1, batch_size: int = 32, **arguments: Any
) -> Any:
    """The dataset with the model's outputs as columns, by `workers` actors of `num_cpus` processors and threads each.

    batch_size: rows of a batch, and of a run. Other arguments are those of Predictor.
    """
    config = {"INFERENCE_NUM_THREADS": max(1, int(num_cpus)), **(arguments.pop("config", None) or {})}
    return dataset.map_batches(
        Predictor,
        fn_constructor_args=[model],
        fn_constructor_kwargs={"batch_size": batch_size, "config": config, **arguments},
        batch_size=batch_size,
        compute=_pool(workers),
        num_cpus=num_cpus,
    )


def _pool(workers: int) -> Any:
    from ray.data import ActorPoolStrategy

    return ActorPoolStrategy(size=workers)
