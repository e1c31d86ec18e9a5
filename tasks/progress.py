"""Progress that people watch: one artifact that moves while the work does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import anyio
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from eoflows.base.concurrency import one_error

__all__ = ["shown_progress"]

Reading = Callable[[], tuple[float, str]]
"""Gives the percentage and a line of text."""


@asynccontextmanager
async def shown_progress(key: str, reading: Reading, *, every: float = 3.0) -> AsyncIterator[None]:
    """Show a progress artifact while the body runs.

    Args:
        key: Artifact key.
        reading: Asked for the current state.
        every: Seconds between updates; each costs the server 60 ms.
    """
    artifact = await acreate_progress_artifact(0.0, key=key, description=reading()[1])

    async def follow() -> None:
        last = (0.0, "")
        while True:
            await anyio.sleep(every)
            now = reading()
            if now != last:
                await _update(artifact, now)
                last = now

    async with one_error(), anyio.create_task_group() as group:
        group.start_soon(follow)
        try:
            yield
        finally:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await _update(artifact, reading())


async def _update(artifact: UUID, reading: tuple[float, str]) -> None:
    percent, line = reading
    await aupdate_progress_artifact(artifact, min(100.0, percent), description=line)
