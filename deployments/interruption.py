"""How a program that owns a stack ends early: signals and a dead parent cancel its main task."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

PARENT_POLL_SECONDS = 0.5
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_stopped(main: Coroutine[Any, Any, int], *, follow_parent: bool = False) -> int:
    """Run `main` and return its exit code.

    When interrupted, let it clean up and return 128 plus the signal's number. A second signal interrupts the
    cleaning up, which then is the watchdog's.

    Args:
        main: The whole program.
        follow_parent: Also stop when the parent process is gone, as `make` is after a kill -9.
    """
    return asyncio.run(_run(main, follow_parent))


async def _run(main: Coroutine[Any, Any, int], follow_parent: bool) -> int:
    task = asyncio.create_task(main)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in _STOPPING:
        # A shell ignores SIGINT for what it starts in the background, and nohup SIGHUP: they mean it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)
    watching = asyncio.create_task(_parent_gone(os.getppid())) if follow_parent else None
    if watching is not None:
        watching.add_done_callback(lambda done: None if done.cancelled() else stop(signal.SIGHUP))
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]
    finally:
        if watching is not None:
            watching.cancel()


async def _parent_gone(parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(PARENT_POLL_SECONDS)
