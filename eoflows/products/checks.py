"""Is everything there that a run needs? One finding per thing, with what to do about it."""

import shutil
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from eoflows.base.errors import CredentialsError, EoError, ForbiddenAddressError, UnreachableError
from eoflows.products.environment import AuxiliarySource, FlowEnv
from eoflows.stores.stac import SearchRequest
from eoflows.stores.storage import Storage

__all__ = ["CheckFinding", "examine"]

_LEAST_FREE = 10**9
Look = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class CheckFinding:
    """What was seen of one thing.

    Attributes:
        subject: What was looked at.
        good: Whether a run can rely on it.
        line: What was seen.
        advice: What to do; empty if nothing.
    """

    subject: str
    good: bool
    line: str
    advice: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.good else "BAD "
        return f"{mark}{self.subject}: {self.line}" + (f" -> {self.advice}" if self.advice else "")


async def examine(flow_env: FlowEnv) -> list[CheckFinding]:
    """Look at the sources, the catalogue, the storage and the disk of an opened environment."""
    looks: dict[str, Look] = {
        f"source {source}": partial(_search_one, flow_env, source) for source in flow_env.sources
    }
    looks["catalogue"] = partial(_count_collections, flow_env)
    looks["storage"] = partial(_write_and_remove, flow_env.storage, flow_env.owner_id)
    found = [await _look(subject, look) for subject, look in looks.items()]
    spool = flow_env.storage.spool(f"{flow_env.owner_id}/_doctor/probe")
    return [*found, await anyio.to_thread.run_sync(_disk, spool)]


async def _look(subject: str, look: Look) -> CheckFinding:
    try:
        return CheckFinding(subject, True, await look())
    except EoError as error:
        return CheckFinding(subject, False, str(error), _advice(error))


def _advice(error: EoError) -> str:
    if isinstance(error, CredentialsError):
        return "renew the key or password in its credentials block"
    if isinstance(error, ForbiddenAddressError):
        return "add the origin to the block's asset origins if it is meant"
    if isinstance(error, UnreachableError):
        return "check the URL in its block, then whether the service is up and this host may reach it"
    return "correct the block that names it"


async def _search_one(flow_env: FlowEnv, source: AuxiliarySource) -> str:
    pages = flow_env.client(source).pages(SearchRequest(limit=1), timeout=30)
    found = [item async for page in pages for item in page]
    return f"answers searches at {flow_env.source(source).url}" + ("" if found else ", but holds nothing")


async def _count_collections(flow_env: FlowEnv) -> str:
    collections = await flow_env.catalog.collections()
    return f"{len(collections)} collections, {sum(one.items for one in collections)} items"


async def _write_and_remove(storage: Storage, owner: str) -> str:
    key = f"{owner}/_doctor/{uuid.uuid4().hex}"
    href = await storage.save(key, b"probe")
    await storage.delete([key])
    return f"can be written and cleared at {href.rsplit('/_doctor/', 1)[0]}"


def _disk(spool: Path) -> CheckFinding:
    folder = next(parent for parent in spool.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    line = f"{free / 1e9:.1f} GB free at {folder}"
    if free >= _LEAST_FREE:
        return CheckFinding("disk", True, line)
    return CheckFinding(
        "disk", False, line, "free some space, or point the storage or its spool to another disk"
    )
