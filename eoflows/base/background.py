"""One event loop in a thread of its own, for everything that is called from plain code.

The core is async. Names that a reference document gives as plain calls are thin faces over this loop:
they hand it a coroutine and wait. So they also work where another loop already runs in the calling
thread (Jupyter, an async flow); that loop stands still meanwhile, as with any blocking call.

The loop starts with the first call and ends with the interpreter, or with `close`; after that, and
in a forked child, the next call starts a new one.
"""

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeVar

from eoflows.base.errors import EoError

__all__ = ["BackgroundClosedError", "BackgroundLoop", "iterate", "wait_for"]

T = TypeVar("T")
_Started = tuple[asyncio.AbstractEventLoop, asyncio.Event]
_END: Any = object()
_START_LIMIT = 30.0
_CANCEL_LIMIT = 10.0


class BackgroundClosedError(EoError, RuntimeError):
    """The background loop was closed while a call waited for it, or cannot be waited for from within."""


class BackgroundLoop:
    """An event loop in a daemon thread.

    What still runs when it closes is cancelled; async generators and worker threads end with it.

    Example:
        >>> async def answer() -> int:
        ...     return 42
        >>> loop = BackgroundLoop()
        >>> loop.wait_for(answer())
        42
        >>> loop.close()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._started: _Started | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, with the caller's context variables, and wait for its end.

        Args:
            work: What to run. An interrupt of the waiting thread (Ctrl-C) cancels it, gives it ten
                seconds to clean up, and is raised.

        Returns:
            What the coroutine returns; what it raises is raised here.

        Raises:
            BackgroundClosedError: The loop was closed meanwhile, or this thread is the loop's own.
        """
        call = _Call(work)
        try:
            loop = self._begin(call)
        except BaseException:
            work.close()
            raise
        try:
            call.done.wait()
        except BaseException:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(call.cancel)
                call.done.wait(_CANCEL_LIMIT)
            raise
        return call.result()

    def iterate(self, stream: AsyncGenerator[T]) -> Iterator[T]:
        """Give what an async generator gives, step by step; whoever stops early closes it.

        Each step is a task of its own: the generator must not hold a task group or a time limit
        open while it yields.
        """
        try:
            while (found := self.wait_for(_step(stream))) is not _END:
                yield found
        finally:
            # A loop that has ended has closed its generators.
            if self.running and threading.current_thread() is not self._thread:
                self.wait_for(_close(stream))

    def close(self) -> None:
        """Cancel what runs, wait for its end, and end the thread; the next call starts another."""
        with self._lock:
            thread, started = self._thread, self._started
            self._thread = self._started = None
        if thread is not None and started is not None:
            loop, stop = started
            loop.call_soon_threadsafe(stop.set)
            thread.join()

    def forget(self) -> None:
        """Start anew in a forked child: threads do not survive, and one of them may have held the lock."""
        self._lock = threading.Lock()
        self._thread = self._started = None

    def _begin(self, call: "_Call[Any]") -> asyncio.AbstractEventLoop:
        if threading.current_thread() is self._thread:
            raise BackgroundClosedError(
                "a plain call inside the background loop would wait for itself; await the async call instead"
            )
        with self._lock:
            if self._started is None:
                self._started = self._start()
            loop = self._started[0]
            loop.call_soon_threadsafe(call.start)
        return loop

    def _start(self) -> _Started:
        ready: concurrent.futures.Future[_Started] = concurrent.futures.Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(_serve(ready)), name="eoflows-background", daemon=True
        )
        self._thread.start()
        return ready.result(_START_LIMIT)


class _Call(Generic[T]):
    """A coroutine on its way through the loop."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.done = threading.Event()
        self._work = work
        self._fatal: BaseException | None = None
        self._task: asyncio.Task[T | None]

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(self._finish)

    def cancel(self) -> None:
        self._task.cancel()

    def result(self) -> T:
        if self._fatal is not None:
            raise self._fatal
        if self._task.cancelled():
            raise BackgroundClosedError("the background loop was closed during this call")
        return self._task.result()  # type: ignore[return-value]

    async def _run(self) -> T | None:
        try:
            return await self._work
        except (KeyboardInterrupt, SystemExit) as error:
            # asyncio lets these two through to the loop's thread, where nobody waits for them.
            self._fatal = error
            return None

    def _finish(self, task: "asyncio.Task[T | None]") -> None:
        # Cancelled before its first step, the coroutine was never begun.
        self._work.close()
        self.done.set()


async def _serve(ready: "concurrent.futures.Future[_Started]") -> None:
    stop = asyncio.Event()
    ready.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()


async def _step(stream: AsyncGenerator[T]) -> T:
    return await anext(stream, _END)


async def _close(stream: AsyncGenerator[Any]) -> None:
    await stream.aclose()


_LOOP = BackgroundLoop()
atexit.register(_LOOP.close)
os.register_at_fork(after_in_child=_LOOP.forget)


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the house's one background loop, as `BackgroundLoop.wait_for`."""
    return _LOOP.wait_for(work)


def iterate(stream: AsyncGenerator[T]) -> Iterator[T]:
    """Give what an async generator gives, as `BackgroundLoop.iterate`."""
    return _LOOP.iterate(stream)
