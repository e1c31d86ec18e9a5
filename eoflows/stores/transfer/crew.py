"""Threads for blocking work, and the way back into the event loop.

Results of many threads reach the loop through one queue that wakes it once, however many there are.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from eoflows.base.errors import EoError

__all__ = ["Crew", "Letter", "Mailbox", "fail", "fulfil"]

T = TypeVar("T")
# A function and its arguments.
Letter = tuple[Callable[..., object], tuple[Any, ...]]


class Mailbox:
    """Calls functions in the event loop on behalf of other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._letters: deque[Letter] = deque()
        self._woken = False

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have `function` called in the loop soon; from any thread."""
        self.call_all([(function, args)])

    def call_all(self, letters: Iterable[Letter]) -> None:
        """Have several functions called in the loop soon, for one wake-up; from any thread."""
        self._letters.extend(letters)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False
        while self._letters:
            function, args = self._letters.popleft()
            function(*args)

    def future(self) -> "asyncio.Future[Any]":
        """A future of this loop."""
        return self._loop.create_future()


class Crew:
    """A few threads that take work in the order it is given.

    Args:
        mailbox: Where results go.
        size: Number of threads.
    """

    def __init__(self, mailbox: Mailbox, size: int) -> None:
        self._mailbox, self._closed = mailbox, False
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any] | None] | None]
        self._work = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"eo-files-{number}", daemon=True)
            for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """Have a thread call `function`; if the caller is cancelled it runs to its end all the same."""
        if self._closed:
            raise EoError("the transfer engine is closed; fetch inside `async with`")
        future = self._mailbox.future()
        self._work.put((function, future))
        return future

    def submit(self, function: Callable[[], object]) -> None:
        """Have a thread call `function` and forget what it gives; it must not raise. From any thread."""
        self._work.put((function, None))

    def _serve(self) -> None:
        while (job := self._work.get()) is not None:
            function, future = job
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001  # the boundary: it is raised again in the loop
                if future is not None:
                    self._mailbox.call(fail, future, error)
            else:
                if future is not None:
                    self._mailbox.call(fulfil, future, result)

    def close(self) -> None:
        """Finish the work given so far and end the threads; blocks."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()


def fulfil(future: "asyncio.Future[Any]", result: object = None) -> None:
    """Give a future its result, unless nobody waits any more; in the loop."""
    if not future.done():
        future.set_result(result)


def fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    """Give a future its error, unless nobody waits any more; in the loop."""
    if not future.done():
        future.set_exception(error)
