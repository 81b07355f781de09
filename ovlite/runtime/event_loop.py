"""Waiting on an asyncio loop for what threads of streams do; imported when a coroutine first asks for it."""

from __future__ import annotations

from asyncio import CancelledError, Future, Task, create_task, gather, get_running_loop
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from typing import Any

from ..kernels.runtime.results import OVDict

Wait = Callable[[Future[None]], bool]


async def settled(wait: Wait) -> None:
    """Returns once wait(future), which keeps a future that is to be settled later, answers that nothing is to come."""
    loop = get_running_loop()
    while wait(future := loop.create_future()):
        await future


async def ended(wait: Wait, cancel: Callable[[], None]) -> None:
    """Returns when the run that wait() is about has ended; a coroutine that is cancelled or closed cancels it first."""
    try:
        await settled(wait)
    except GeneratorExit:
        cancel()
        raise
    except CancelledError:
        cancel()
        await settled(wait)
        raise


async def results_in_order(
    infer: Callable[[Any], Coroutine[Any, Any, OVDict]], inputs: Iterable[Any] | AsyncIterable[Any], width: int
) -> AsyncIterator[OVDict]:
    """The results of infer() on each of `inputs`, in their order; `width` of them run at a time."""
    running: deque[Task[OVDict]] = deque()
    try:
        async for item in _each(inputs):
            running.append(create_task(infer(item)))
            if len(running) >= width:
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
