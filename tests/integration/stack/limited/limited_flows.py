"""A flow that holds what a run can hold: the slot of its deployment, and one of a host."""

import asyncio
from pathlib import Path

from prefect import flow

from eoflows.tasks.limits import host_slots


@flow
async def hold(host: str = "", mark: str = "") -> None:
    """Hold a slot of a host; with a mark, make that file then and wait for ever."""
    async with host_slots() as slot:
        assert slot is not None, "there is no limit for any host"
        async with slot(host):
            if mark:
                await asyncio.to_thread(Path(mark).touch)
                await asyncio.Event().wait()
