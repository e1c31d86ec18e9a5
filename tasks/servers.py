"""Servers that run jobs, and the ledger that remembers them: opened by the names of their blocks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from httpx import HTTPError
from prefect.blocks.core import Block
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run
from pydantic import ValidationError

from blocks import JobLedger
from blocks.jobs import JobServerBlock
from eokit.errors import InvalidInputError, UnreachableError
from eokit.jobs.service import JobServer
from eokit.ledger import Ledger
from eokit.storage import Storage
from tasks.limits import host_slots

__all__ = ["Desk", "load_block", "open_desk", "open_server", "server_name"]


class Desk:
    """An opened ledger, and where the results of its jobs go.

    Args:
        name: The block's name.
        ledger: Remembers jobs.
        results: Where results go.
    """

    def __init__(self, name: str, ledger: Ledger, results: Storage) -> None:
        self.name, self.ledger, self.results = name, ledger, results


async def load_block(slug: str, name: str, what: str) -> Block:
    """Load a block.

    Args:
        slug: Slug of its type.
        name: Its name.
        what: What people call its type.

    Raises:
        InvalidInputError: There is none of that name, or it cannot be used.
        UnreachableError: Prefect's server does not answer.
    """
    try:
        return cast(Block, await Block.aload(f"{slug}/{name}"))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        # The values stay out of the message and of its cause: some are secrets.
        raise InvalidInputError(f"the {what} block {name!r} cannot be used: {faults}") from None
    except ValueError as error:
        raise InvalidInputError(
            f"there is no {what} block named {name!r}; make one in the UI under Blocks"
        ) from error
    except (PrefectException, HTTPError) as error:
        raise UnreachableError(f"Prefect's server did not give the {what} block {name!r}: {error}") from error


@asynccontextmanager
async def open_desk(name: str) -> AsyncIterator[Desk]:
    """Open a ledger by the name of its block.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    block = await load_block("job-ledger", name, "Job Ledger")
    if not isinstance(block, JobLedger):
        raise InvalidInputError(f"block {name!r} is no Job Ledger")
    async with Ledger(block.url.get_secret_value(), lease=block.lease) as ledger:
        yield Desk(name, ledger, block.results.open())


def server_name(server: str) -> tuple[str, str]:
    """Split `type-slug/name` of a server's block.

    Raises:
        InvalidInputError: It has no slash.
    """
    slug, slash, name = server.partition("/")
    if not (slug and slash and name):
        raise InvalidInputError(
            f"server is {server!r}; give the block's type and name, like 'ogc-processes-server/my-server'"
        )
    return slug, name


@asynccontextmanager
async def open_server(service: str, server: str) -> AsyncIterator[JobServer[Any]]:
    """Open a server by its block.

    Args:
        service: Name of the service's column; empty takes any.
        server: The block, as `type-slug/name`.

    Raises:
        InvalidInputError: There is no such block, or it is of another service.
    """
    slug, name = server_name(server)
    block = await load_block(slug, name, slug)
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
