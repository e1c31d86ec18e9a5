"""One download, from its alternatives to its receipt."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio

from eoflows.base.errors import (
    DeadlineError,
    EoError,
    IntegrityError,
    RefusedError,
    StorageError,
    ThrottledError,
    UnreachableError,
    public_url,
)
from eoflows.base.http import RetryPolicy
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.crew import Crew
from eoflows.stores.transfer.files import Standing
from eoflows.stores.transfer.models import Download, Progress, Receipt, TransferSettings
from eoflows.stores.transfer.pages import page_error
from eoflows.stores.transfer.parts import Part
from eoflows.stores.transfer.room import Hold, NoRoomError
from eoflows.stores.transfer.sources import Source, scheme_of
from eoflows.stores.transfer.wire import Wire

__all__ = ["Run"]

# An attempt that brought so much was no failure: a long file may break off any number of times.
_PROGRESS = 1 << 20
# The same wrong bytes twice are the source's fault and not the way's.
_COPIES = 2


class Run:
    """Carries out one download.

    Args:
        download: What to fetch.
        settings: How.
        crew: Does the file work.
        wire: Does that of small files.
        retry: How often and how patiently.
        progress: Told how many bytes are there.
        began: When the caller asked, monotonic seconds.
        hold: The room that it may take.
    """

    def __init__(
        self,
        download: Download,
        settings: TransferSettings,
        crew: Crew,
        wire: Wire,
        retry: RetryPolicy,
        progress: Progress | None,
        began: float,
        hold: Hold,
    ) -> None:
        self._download, self._crew, self._wire = download, crew, wire
        self._retry, self._progress = retry, progress
        self._part, self._hold = Part(download, settings, hold), hold
        self._attempts, self._began = 0, began

    async def carry_out(
        self, sources: Mapping[str, Source], get_room: Callable[[int], Awaitable[None]]
    ) -> Receipt:
        """Take the file that stands there, or fetch it from the first alternative that works.

        Args:
            sources: By scheme.
            get_room: Waits for more bytes than were known to be needed.
        """
        self._get_room = get_room
        standing = Standing(self._download)
        try:
            work = self._wire.run if self._part.small else self._crew.run
            while (taken := await work(lambda: self._prepare(standing))) is None:
                pass
            if taken:
                return self._receipt(self._download.checksums, "", standing.size)
            return await self._first_that_works(sources)
        finally:
            if not self._part.closed:
                with anyio.CancelScope(shield=True):
                    await self._crew.run(self._part.close)

    def _prepare(self, standing: Standing) -> bool | None:
        """Say whether the right file stands there; if not, have the part ready. None: call again."""
        if not self._part.opened:
            right = standing.check()
            if right is not False:
                return right
            self._part.open()
        return False if self._part.follow() else None

    async def _first_that_works(self, sources: Mapping[str, Source]) -> Receipt:
        failures: list[EoError] = []
        for url in self._download.urls:
            try:
                found = await self._from(sources[scheme_of(url, sources)], url)
            except StorageError:
                # The destination's fault: no other source would help.
                raise
            except EoError as error:
                failures.append(error)
            else:
                return self._receipt(found, public_url(url), self._part.size)
        raise lead(failures, self._download.name)

    async def _from(self, source: Source, url: str) -> tuple[Checksum, ...]:
        broken, copies = 0, 0
        while True:
            before = self._part.received
            try:
                return await self._once(source, url)
            except IntegrityError:
                copies += 1
                self._part.disproved = self._part.coded
                await self._crew.run(self._part.restart)
                if copies == _COPIES:
                    raise
                await anyio.sleep(self._retry.delay(copies) or 0)
            except NoRoomError as error:
                await self._crew.run(self._part.restart)
                self._hold.give_back()
                await self._get_room(error.need)
            except UnreachableError as error:
                broken = 1 if self._part.received - before >= _PROGRESS else broken + 1
                asked = error.retry_after if isinstance(error, ThrottledError) else None
                pause = self._retry.delay(broken, asked)
                if pause is None:
                    raise
                await anyio.sleep(pause)

    async def _once(self, source: Source, url: str) -> tuple[Checksum, ...]:
        try:
            if not self._part.whole:
                self._attempts += 1
                await source.pull(url, self._download, self._part, self._progress)
            while (found := self._part.found) is None:
                await self._crew.run(self._part.settle)
        except IntegrityError as error:
            page = page_error(await self._crew.run(self._part.beginning), self._download.name)
            raise (page or error) from error
        return found

    def _receipt(self, found: tuple[Checksum, ...], url: str, size: int) -> Receipt:
        received = self._part.received
        if self._progress is not None:
            self._progress(size)
        return Receipt(
            path=self._download.path,
            size=size,
            checksums=found,
            url=url,
            fetched=received,
            resumed_from=max(0, size - received) if url else 0,
            attempts=self._attempts,
            seconds=time.monotonic() - self._began,
        )


def lead(failures: Sequence[EoError], name: str) -> EoError:
    """Choose the error that says most about whether to try later, and have it tell of all."""
    if len(failures) == 1:
        return failures[0]
    kinds = (ThrottledError, UnreachableError, DeadlineError, IntegrityError, RefusedError)
    hopeful = (error for kind in kinds for error in failures if isinstance(error, kind))
    chosen = next(hopeful, failures[0])
    reasons = "; ".join(f"{number}. {error}" for number, error in enumerate(failures, 1))
    chosen.args = (f"no alternative of {name} worked: {reasons}",)
    chosen.__cause__ = ExceptionGroup(f"alternatives of {name}", [e for e in failures if e is not chosen])
    return chosen
