"""AsyncInferQueue: several requests that are given work in turn."""

from __future__ import annotations

from collections.abc import Iterator

from .compiled import CompiledModel
from .kernels.streams import RequestPool
from .request import InferRequest


class AsyncInferQueue(RequestPool):
    """A pool of `jobs` requests of a compiled model; 0 makes as many as the model has streams."""

    def __new__(cls, model: CompiledModel, jobs: int = 0) -> AsyncInferQueue:
        if not isinstance(model, CompiledModel):
            raise TypeError(f"a queue is made for a CompiledModel, not {type(model).__name__}")
        if not isinstance(jobs, int) or jobs < 0:
            raise TypeError(f"jobs is a non-negative int, not {jobs!r}")
        count = jobs or model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        queue: AsyncInferQueue = super().__new__(cls, [model.create_infer_request() for _ in range(count)])
        return queue

    def __init__(self, model: CompiledModel, jobs: int = 0) -> None:
        self._model = model

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[InferRequest]:
        return iter(list(self.requests))

    def __getitem__(self, index: int) -> InferRequest:
        if not isinstance(index, int) or index < 0:
            raise TypeError(f"a request of a queue is named by a non-negative int, not {index!r}")
        if index >= len(self.requests):
            raise IndexError(f"request {index} of a queue of {len(self.requests)}")
        request: InferRequest = self.requests[index]
        return request

    def __repr__(self) -> str:
        return f"<AsyncInferQueue: {len(self)} jobs>"
