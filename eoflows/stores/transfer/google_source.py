"""Sources in Cloud Storage, with the credentials that the settings give for each bucket."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread

from eoflows.base.errors import IntegrityError, InvalidInputError, ThrottledError, public_url
from eoflows.stores.transfer.crew import Crew
from eoflows.stores.transfer.google import GoogleBucket, google_errors, stretch
from eoflows.stores.transfer.lanes import Lane, Lanes
from eoflows.stores.transfer.models import Download, Progress, TransferSettings
from eoflows.stores.transfer.parts import Note, Part

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

__all__ = ["GoogleSource"]

T = TypeVar("T")
_STEP = 8 << 20
_URL = re.compile(r"gs://([^/]+)/(.+?)(?:#(\d+))?", re.DOTALL)


class GoogleSource:
    """Reads `gs://bucket/name`, or with `#generation` one generation of it.

    Args:
        crew: Does the file work.
        settings: Buckets.
        lanes: Bounds the connections.
    """

    def __init__(self, crew: Crew, settings: TransferSettings, lanes: Lanes) -> None:
        self._crew, self._settings, self._lanes = crew, settings, lanes
        self._open: dict[str, Bucket] = {}
        # Threads of our own, since those that renew a token must never wait for these.
        self._threads = anyio.CapacityLimiter(settings.most_connections)

    async def pull(self, url: str, download: Download, part: Part, progress: Progress | None) -> None:
        """Read what is missing of the part.

        Raises:
            InvalidInputError: The bucket is not configured.
            AbsentError: There is no such object or generation.
            CredentialsError: The credentials are not enough.
            UnreachableError: It broke off; what arrived is in the part.
            IntegrityError: The object is longer than promised.
        """
        settings, name, generation = self._place(url)
        known = part.note
        if part.size and (
            known is None or known.url != public_url(url) or generation not in ("", known.validator)
        ):
            await self._crew.run(part.restart)
        if part.note is not None and part.size == part.note.total:
            return
        host, port = settings.place
        async with self._lanes.lane(host, port) as lane, self._lanes.slot(host):
            began = time.monotonic()
            try:
                bucket = await self._run(partial(self._bucket, settings))
                note = part.note
                if note is None:
                    note = await self._run(partial(_noted, bucket, url, name, generation, download))
                total, limit = note.total or 0, download.limit
                limit = self._settings.most_bytes if limit is None else limit
                if limit is not None and total > limit:
                    raise IntegrityError("size", limit, total, where=download.name)
                if not part.size:
                    await self._crew.run(partial(part.plan, note, total))
                await self._take(bucket, name, note, part, lane, progress)
            except ThrottledError:
                # Before the next one in line is let in.
                lane.throttled(began, 0.0)
                raise

    async def _take(
        self, bucket: "Bucket", name: str, note: Note, part: Part, lane: Lane, progress: Progress | None
    ) -> None:
        while part.size < (note.total or 0):
            end = min(part.size + _STEP, note.total or 0)
            block = await self._run(partial(stretch, bucket, name, note.validator, part.size, end))
            lane.moved += len(block)
            await self._crew.run(partial(part.write, [memoryview(block)]))
            if part.behind:
                self._crew.submit(part.follow)
            if progress is not None:
                progress(part.size)

    def _place(self, url: str) -> tuple[GoogleBucket, str, str]:
        found = _URL.fullmatch(url)
        if found is None:
            raise InvalidInputError(f"{public_url(url)} names no object; give gs://bucket/name")
        name, key, generation = found.groups()
        bucket = self._settings.google_buckets.get(name)
        if bucket is None:
            raise InvalidInputError(
                f"{public_url(url)}: no access to bucket {name!r} is configured; add it to the source"
            )
        return bucket, key, generation or ""

    def _bucket(self, settings: GoogleBucket) -> "Bucket":
        opened = self._open.get(settings.bucket)
        if opened is None:
            opened = self._open[settings.bucket] = settings.open()
        return opened

    async def _run(self, call: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(call, limiter=self._threads)


def _noted(bucket: "Bucket", url: str, name: str, generation: str, download: Download) -> Note:
    """Say which generation is read and how long it is; it is asked only if that is not known."""
    if generation and download.size is not None:
        return Note(public_url(url), generation, download.size)
    blob = bucket.blob(name, generation=int(generation) if generation else None)
    with google_errors(public_url(url)):
        blob.reload(retry=None)
        return Note(public_url(url), str(int(blob.generation or 0)), int(blob.size or 0))
