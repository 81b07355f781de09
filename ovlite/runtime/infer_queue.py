"""AsyncInferQueue: several requests that are given work in turn."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from functools import partial
from operator import index
from typing import Any

from ..imports import forks_wait
from ..kernels.runtime.results import OVDict
from ..kernels.runtime.streams import RequestPool
from .compiled_model import CompiledModel
from .infer_request import InferRequest


class AsyncInferQueue(RequestPool):
    """A pool of `jobs` requests of a compiled model; 0 makes as many as the model has streams."""

    def __new__(cls, model: CompiledModel, jobs: int = 0) -> AsyncInferQueue:
        if not isinstance(model, CompiledModel):
            raise TypeError(f"expected a queue to be made for a CompiledModel, got {type(model).__name__}")
        if (count := index(jobs)) < 0:
            raise TypeError(f"expected jobs to be a non-negative int, got {jobs!r}")
        count = count or model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        queue: AsyncInferQueue = super().__new__(cls, [model.create_infer_request() for _ in range(count)])
        return queue

    def __init__(self, model: CompiledModel, jobs: int = 0) -> None:
        self._model = model

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[InferRequest]:
        return iter(list(self.requests))

    def __getitem__(self, i: int) -> InferRequest:
        if (position := index(i)) < 0:
            raise TypeError(f"expected a request of a queue to be named by a non-negative int, got {i!r}")
        if position >= len(self.requests):
            raise IndexError(f"request {position} of a queue of {len(self.requests)}")
        request: InferRequest = self.requests[position]
        return request

    # On an event loop.

    def __await__(self) -> Generator[Any, None, None]:
        """wait_all() for coroutines."""
        return self._all_idle().__await__()

    async def _all_idle(self) -> None:
        with forks_wait():
            from .event_loop import settled

        await settled(partial(self.wait_with_future, all=True))
        self.wait_all()

    async def infer_async(
        self, inputs: Any = None, share_inputs: bool = False, *, decode_strings: bool = True
    ) -> OVDict:
        """Runs the model on the next idle request, after waiting for one, and returns copies of the results.

        Arguments and errors are those of InferRequest.infer(); the queue's callback is not called. Cancelling
        the task cancels the run.
        """
        with forks_wait():
            from .event_loop import settled

        while (loan := self.lend()) is None:
            await settled(self.wait_with_future)
        try:
            results: OVDict = await loan.request.infer_async(inputs, share_inputs, decode_strings=decode_strings)
            return results
        finally:
            loan.end()

    def imap(self, inputs: Iterable[Any] | AsyncIterable[Any], share_inputs: bool = False) -> AsyncIterator[OVDict]:
        """The results for each of `inputs`, in their order, from as many runs at a time as the queue has requests.

        inputs: what infer() takes, one after the other; it is read only as far as requests are idle.
        """
        with forks_wait():
            from .event_loop import results_in_order

        return results_in_order(partial(self.infer_async, share_inputs=share_inputs), inputs, len(self))

    def __repr__(self) -> str:
        return f"<AsyncInferQueue: {len(self)} jobs>"
