"""Waiting on an asyncio loop for what threads of streams do; imported when a coroutine first asks for it."""

from __future__ import annotations

from asyncio import CancelledError, Future, Task, create_task, gather, get_running_loop
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..kernels.runtime.results import OVDict

if TYPE_CHECKING:
    from .infer_queue import AsyncInferQueue
    from .infer_request import InferRequest


async def settled(wait: Callable[[Future[None]], bool]) -> None:
    """Returns once wait(future), which keeps a future that is to be settled later, answers that nothing is to come."""
    loop = get_running_loop()
    while wait(future := loop.create_future()):
        await future


async def ended(request: InferRequest) -> None:
    """Returns when the request's run has ended; a coroutine that is cancelled or closed cancels the run first."""
    try:
        await settled(request.wait_with_future)
    except GeneratorExit:
        request.cancel()
        raise
    except CancelledError:
        request.cancel()
        await settled(request.wait_with_future)
        raise


async def results_of(
    queue: AsyncInferQueue, inputs: Iterable[Any] | AsyncIterable[Any], share_inputs: bool
) -> AsyncIterator[OVDict]:
    """The results of the queue's runs on each of `inputs`, in their order."""
    running: deque[Task[OVDict]] = deque()
    try:
        async for item in _each(inputs):
            running.append(create_task(queue.infer_async(item, share_inputs)))
            if len(running) >= len(queue):
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await gather(*running, return_exceptions=True)


async def _each(items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
