"""Servers that run jobs, and the ledger that remembers them: opened by the names of their blocks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prefect.runtime import flow_run

from eoflows.base.errors import InvalidInputError
from eoflows.blocks.jobs import JobServerBlock
from eoflows.blocks.ledger import JobLedger
from eoflows.jobs.ledger import Ledger
from eoflows.jobs.service import JobServer
from eoflows.stores.storage import Storage
from eoflows.tasks.limits import host_slots
from eoflows.tasks.load import load_block, load_server

__all__ = ["Desk", "open_desk", "open_server"]


class Desk:
    """An opened ledger, and where the results of its jobs go.

    Args:
        name: The block's name.
        ledger: Remembers jobs.
        results: Where results go.
    """

    def __init__(self, name: str, ledger: Ledger, results: Storage) -> None:
        self.name, self.ledger, self.results = name, ledger, results


@asynccontextmanager
async def open_desk(name: str) -> AsyncIterator[Desk]:
    """Open a ledger by the name of its block.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    block = await load_block(JobLedger, name)
    url = block.url.get_secret_value()
    async with Ledger(url, lease=block.lease, absence=block.lost_after) as ledger:
        yield Desk(name, ledger, block.results.open())


@asynccontextmanager
async def open_server(service: str, server: str) -> AsyncIterator[JobServer[Any]]:
    """Open a server by its block.

    Args:
        service: Name of the service's column; empty takes any.
        server: The block, as `type-slug/name`.

    Raises:
        InvalidInputError: There is no such block, or it is of another service.
    """
    block = await load_server(server)
    if not isinstance(block, JobServerBlock):
        raise InvalidInputError(f"block {server!r} is no server that runs jobs")
    async with host_slots() as slot, block.open_jobs(slot=slot) as opened:
        if service and opened.service.name != service:
            raise InvalidInputError(
                f"block {server!r} is a server of {opened.service.name!r}, not of {service!r}"
            )
        yield opened


def run_label() -> str:
    """Name this flow run, as the ledger remembers it; empty outside of one."""
    return str(flow_run.id or "")
