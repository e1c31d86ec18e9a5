"""A claim on a name in a bucket: a small object with an end, which its owner puts off while it lives."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import anyio
from pydantic import BaseModel, ValidationError

from eoflows.base.concurrency import one_error
from eoflows.base.errors import EoError, StorageError, UnreachableError
from eoflows.stores.storage.base import Versioned

__all__ = ["leased"]

_RELEASE = 10.0
"""Most seconds to take a lease away; it ends by itself."""


class _Documents(Protocol):
    async def load(self, key: str) -> Versioned | None: ...

    async def swap(self, key: str, version: str | None, body: bytes) -> str | None: ...

    async def remove(self, key: str, version: str) -> bool: ...


@asynccontextmanager
async def leased(documents: _Documents, key: str, note: str, seconds: float) -> AsyncIterator[str | None]:
    """Try to hold a lease while the body runs; it does not wait.

    Args:
        documents: The bucket.
        key: Name of the lease.
        note: What others are told meanwhile.
        seconds: How long it outlives its owner.

    Yields:
        None if it is ours, else the other's note.

    Raises:
        StorageError: It was lost meanwhile.
    """
    lease, began = _Lease(documents, key, note, seconds), anyio.current_time()
    other = await lease.hold()
    if other is not None:
        yield other
        return
    try:
        async with one_error(), anyio.create_task_group() as group:
            group.start_soon(lease.renew, began + seconds)
            yield None
            group.cancel_scope.cancel()
    finally:
        with anyio.move_on_after(_RELEASE, shield=True), suppress(EoError):
            await lease.release()


class _Body(BaseModel):
    """What is written. Without an owner it is none, and ended long ago."""

    owner: str = ""
    until: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class _Lease:
    documents: _Documents
    key: str
    note: str
    seconds: float
    owner: str = field(default_factory=lambda: secrets.token_hex(8))

    async def hold(self) -> str | None:
        """Take the lease or put off its end, unless another has it: then give the other's note."""
        there, version = await self._there()
        if there.owner != self.owner and there.until > time.time():
            return there.note
        mine = _Body(owner=self.owner, until=time.time() + self.seconds, note=self.note)
        await self.documents.swap(self.key, version, mine.model_dump_json().encode())
        # A request that was repeated may have failed because of itself: what is there counts.
        there, _ = await self._there()
        return None if there.owner == self.owner else there.note

    async def renew(self, end: float) -> None:
        """Put off the end, again and again.

        Args:
            end: When it ends so far, on the loop's clock.

        Raises:
            StorageError: Another has it now, or the place did not answer for so long.
        """
        while anyio.current_time() < end:
            await anyio.sleep(self.seconds / 3)
            asked = anyio.current_time()
            with anyio.move_on_after(end - asked), suppress(UnreachableError):
                if await self.hold() is not None:
                    break
                end = asked + self.seconds
        raise StorageError(f"the lease {self.key} was lost; another run may be making the same: run again")

    async def release(self) -> None:
        """Take it away, if it is still ours."""
        there, version = await self._there()
        if there.owner == self.owner and version is not None:
            await self.documents.remove(self.key, version)

    async def _there(self) -> tuple[_Body, str | None]:
        found = await self.documents.load(self.key)
        if found is None:
            return _Body(), None
        try:
            return _Body.model_validate_json(found.body), found.version
        except ValidationError:
            return _Body(), found.version
