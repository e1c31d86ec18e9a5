"""Results that a run makes itself: whole under their names, and known again by a proof.

A result is made by one run at a time, which claims its name. What is made of other parameters is refused
meanwhile and afterwards; the same parameters wait, and find it. Beside a file lies its proof, `NAME.json`.
It is written when the file is complete and has no name yet, says what the file will be, and is written
again when it is there. So whatever was killed in between, the next run sees what is true.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import orjson

from eoflows.base.digest import json_digest
from eoflows.base.errors import DeadlineError, StorageError
from eoflows.base.files import scratch
from eoflows.stores.storage import Storage, StoredObject, checksum_of
from eoflows.stores.transfer import Checksum

__all__ = ["Make", "Proof", "Request", "ResultPlace", "StoredFile"]

_OFTEN = 0.25
_PATIENCE = 24 * 3600.0
_STORING, _WHOLE = "storing", "whole"
_NEEDED = {"request", "href", "size", "checksum"}
Request = Mapping[str, Any]
Proof = Mapping[str, Any]
Make = Callable[[Path], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class StoredFile:
    """A whole file in a storage.

    Attributes:
        href: Where it is.
        size: Bytes.
        checksum: Of its bytes.
        found: Whether it was there before.
    """

    href: str
    size: int
    checksum: str
    found: bool


@dataclass(frozen=True)
class ResultPlace:
    """Where one result goes.

    Attributes:
        storage: The storage.
        key: Name of the result in it.
        overwrite: Whether something else of that name may be replaced.
        patience: Seconds to wait for another run that makes the same.
    """

    storage: Storage
    key: str
    overwrite: bool = False
    patience: float = _PATIENCE

    @property
    def href(self) -> str:
        """Where the result is."""
        return self.storage.href(self.key)

    @asynccontextmanager
    async def claimed(self, request: Request) -> AsyncIterator[None]:
        """Be the only run that makes this result while the body runs.

        Args:
            request: All that makes it what it is, as JSON values.

        Raises:
            StorageError: Another run is making something else of this name.
            DeadlineError: Another run has been making it for longer than we are patient.
        """
        digest, limit = json_digest(request), anyio.current_time() + self.patience
        while True:
            async with self.storage.claim(self.key, digest) as other:
                if other is None:
                    yield
                    return
            if other and other != digest and not self.overwrite:
                raise StorageError(
                    f"another run is making something else at {self.href}; choose another name, or run again "
                    "later"
                )
            if anyio.current_time() > limit:
                raise DeadlineError(f"another run has been making {self.href} for {self.patience:g} s")
            await anyio.sleep(_OFTEN)

    async def file(self, request: Request, make: Make) -> StoredFile:
        """Make a file, unless the very same was made before.

        Args:
            request: All that makes it what it is, as JSON values.
            make: Writes it to the path that it is given, and says more about it. The path has the
                result's name, in a folder of its own that goes afterwards.

        Raises:
            StorageError: Something else is there, or is being made, and may not be replaced.
            DeadlineError: As `claimed`.
        """
        digest = json_digest(request)
        async with self.claimed(request):
            proof = await self._read_proof()
            there = await self.storage.stat(self.key)
            standing = await self._proven(proof, there) if there else {}
            if standing and json_digest(standing["request"]) == digest:
                if standing != proof:
                    await self._write_proof(standing)
                return StoredFile(standing["href"], standing["size"], standing["checksum"], found=True)
            begun = proof.get("state") == _STORING and json_digest(proof["request"]) == digest
            if there and not (begun or self.overwrite):
                raise StorageError(
                    f"{self.href} is another result; choose another name, or allow to overwrite it"
                )
            with scratch(self.storage.spool(self.key)) as room:
                return await self._make(request, make, room, standing)

    async def _make(self, request: Request, make: Make, room: Path, before: Proof) -> StoredFile:
        path = room / self.key.rpartition("/")[2]
        about = await make(path)
        size, checksum = await anyio.to_thread.run_sync(_measure, path)
        made = {"href": self.href, "size": size, "checksum": str(checksum), **about}
        await self._write_proof({"state": _STORING, "request": request, **made, "before": before})
        await self.storage.put(path, self.key, size, checksum)
        await self._write_proof({"state": _WHOLE, "request": request, **made})
        return StoredFile(self.href, size, str(checksum), found=False)

    async def _read_proof(self) -> Proof:
        key = f"{self.key}.json"
        if await self.storage.stat(key) is None:
            return {}
        content = b"".join([block async for block in self.storage.read(key)])
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) and found.keys() >= _NEEDED else {}

    async def _write_proof(self, proof: Proof) -> None:
        await self.storage.save(f"{self.key}.json", orjson.dumps(proof, option=orjson.OPT_INDENT_2))

    async def _proven(self, proof: Proof, there: StoredObject) -> Proof:
        """Give the whole proof of what is there, or nothing."""
        if proof.get("state") != _STORING:
            return proof if await self._is(there, proof, look=False) else {}
        # Whoever wrote it was killed before the file got its name, or after: only the bytes tell.
        for one in ({**proof, "state": _WHOLE, "before": None}, proof.get("before")):
            if one and await self._is(there, one, look=True):
                return {name: value for name, value in one.items() if name != "before"}
        return {}

    async def _is(self, there: StoredObject, proof: Proof, *, look: bool) -> bool:
        """Whether an object is what a proof tells of.

        Args:
            there: The object.
            proof: The proof.
            look: Whether its bytes are read where the storage does not know their checksum.
        """
        if proof.get("size") != there.size:
            return False
        found = there.checksum
        if found is None and look:
            found = await checksum_of(self.storage, self.key)
        return found is None or str(found) == proof["checksum"]


def _measure(path: Path) -> tuple[int, Checksum]:
    with path.open("rb") as file:
        return path.stat().st_size, Checksum.of_file(file)
