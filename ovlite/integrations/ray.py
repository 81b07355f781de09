"""ray: a callable class for Dataset.map_batches, and one for deployments of Serve."""

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
    config = _config(num_cpus, arguments)
    return dataset.map_batches(
        Predictor,
        fn_constructor_args=[model],
        fn_constructor_kwargs={"batch_size": batch_size, "config": config, **arguments},
        batch_size=batch_size,
        compute=_pool(workers),
        num_cpus=num_cpus,
    )


class Endpoint:
    """What each replica of a deployment makes one of: `serve.deployment(Endpoint).bind(model)`.

    It awaits its runs, so that a replica answers several callers at once. Arguments are those of Batches.
    """

    def __init__(self, model: Source, **arguments: Any) -> None:
        self._batches = Batches(model, **arguments)
        _ = self._batches.queue, self._batches.names  # a model that can't be served fails here

    async def __call__(self, request: Any) -> Any:
        """The outputs by name for a batch, as Batches takes it, that comes by a DeploymentHandle; and for a request by
        HTTP, whose body is a JSON object of nested lists by input name, such an object, or status 400 and the reason.
        """
        if not hasattr(request, "json"):
            return await self._batches.infer_async(request)
        from starlette.responses import JSONResponse

        try:
            batch = await request.json()
            if not isinstance(batch, dict):
                raise ValueError(f"expected an object of lists by input name, got {type(batch).__name__}")
            found = await self._batches.infer_async(batch)
        except (ValueError, TypeError, RuntimeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return {name: array.tolist() for name, array in found.items()}


def application(model: Source, *, replicas: int = 1, num_cpus: float = 1, **arguments: Any) -> Any:
    """What serve.run() takes: `replicas` of the Endpoint, of `num_cpus` processors and threads each.

    Other arguments are those of Batches.
    """
    from ray import serve

    config = _config(num_cpus, arguments)
    deployment: Any = serve.deployment(Endpoint)
    options = {"num_replicas": replicas, "ray_actor_options": {"num_cpus": num_cpus}}
    return deployment.options(**options).bind(model, config=config, **arguments)


def _config(num_cpus: float, arguments: dict[str, Any]) -> dict[str, Any]:
    """The properties among the arguments, and as many threads as processors."""
    return {"INFERENCE_NUM_THREADS": max(1, int(num_cpus)), **(arguments.pop("config", None) or {})}


def _pool(workers: int) -> Any:
    from ray.data import ActorPoolStrategy

    return ActorPoolStrategy(size=workers)
