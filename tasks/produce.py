"""Results that a run makes of a Geo Engine's answers: what is wanted, how large it is, how it is shown."""

import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from eoflows.base.digest import json_digest
from eoflows.base.errors import InvalidInputError
from eoflows.blocks import GeoEngineServer, ObjectStorage
from eoflows.stores.results import Make, Request, ResultPlace
from eoflows.tasks.geo_engine import GeoQuestion, publish_provenance
from eoflows.tasks.load import load_block
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.pictures import publish_png
from eoflows.tasks.progress import Link, shown_progress
from eoflows.tasks.progress import show as show_table
from eoflows.tasks.publish import human_bytes

if TYPE_CHECKING:
    from eoflows.services.geo_engine import Progress, RasterQueryRectangle, Workflow
    from eoflows.services.geo_engine.previews import Sample

__all__ = [
    "Produced",
    "ResultOrder",
    "Watch",
    "allowed",
    "cite",
    "preview",
    "produced",
    "publish_produced",
    "question_of",
    "show",
    "stored_file",
    "watched",
]

_GIGABYTE = 10**9


@dataclass(frozen=True)
class ResultOrder:
    """What is wanted, and where it goes.

    Attributes:
        question: Workflow, box, time and bands.
        server: Name of the Geo Engine Server block.
        storage: Name of the Object Storage block.
        name: Name of the result in the storage; empty: one made of what is asked for.
        overwrite: Whether something else of that name may be replaced.
        max_gigabytes: Most bytes of values, in 10^9.
    """

    question: GeoQuestion
    server: str = "default"
    storage: str = "default"
    name: str = ""
    overwrite: bool = False
    max_gigabytes: float = 10.0

    def limit(self, server: GeoEngineServer) -> int:
        """Most bytes of values: the order's limit, or the server's if that is lower."""
        mine = int(self.max_gigabytes * _GIGABYTE)
        return mine if server.limit_bytes is None else min(mine, server.limit_bytes)

    async def place(self, request: Request, suffix: str) -> ResultPlace:
        """Where the result goes; the same question always has the same place.

        Raises:
            InvalidInputError: There is no such block.
            UnsafeNameError: The name cannot be used.
        """
        digest = json_digest(request)[:12]
        name = self.name.strip("/") or f"geo-engine/{request['workflow']}/{digest}.{suffix}"
        storage = (await load_block(ObjectStorage, self.storage)).open()
        storage.href(name)
        return ResultPlace(storage, name, self.overwrite)


@dataclass(frozen=True)
class Produced:
    """What a run has produced.

    Attributes:
        href: Where it is.
        workflow: Id of the workflow.
        found: Whether all of it was there before.
        empty: Whether the server has no data for it.
        facts: What is told of it, by name.
    """

    href: str
    workflow: str
    found: bool
    empty: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


class Watch:
    """Follows a stream, and stops one whose size nobody could tell when it grows beyond its limit.

    Args:
        limit: Most bytes.
    """

    def __init__(self, limit: int) -> None:
        self.last: Progress | None = None
        self.done = False
        self.warnings: Sequence[str] = ()
        self._limit = limit

    def note(self, progress: "Progress") -> None:
        """Take what the stream tells.

        Raises:
            InvalidInputError: More has come than is allowed.
        """
        self.last = progress
        if progress.expected is None and progress.received_bytes > self._limit:
            raise InvalidInputError(_refusal("what has come so far", progress.received_bytes, self._limit))

    def reading(self) -> tuple[float, str]:
        """The percentage and a line of text."""
        last = self.last
        if last is None:
            return (
                (100.0, "nothing had to be streamed") if self.done else (0.0, "waiting for the first message")
            )
        rate = last.received_bytes / max(last.seconds, 1e-3)
        total = "" if last.expected is None else f" of {last.expected:,}"
        words = f"{last.tiles:,}{total} messages, {human_bytes(last.received_bytes)}, {human_bytes(rate)}/s"
        if last.found:
            words += f", {last.found:,} of them from an earlier run"
        if last.connections > 1:
            words += f", {last.connections} connections"
        if self.done:
            return 100.0, f"{words}, in {last.seconds:.1f} s"
        left = last.remaining_seconds
        part = 0.0 if not last.expected else 100.0 * last.tiles / last.expected
        return min(99.0, part), words if left is None else f"{words}, about {left:.0f} s left"

    def facts(self) -> dict[str, Any]:
        """What is told of the stream at its end."""
        warned = {"warning": "; ".join(self.warnings)} if self.warnings else {}
        if self.last is None:
            return warned
        last = self.last
        return {
            **warned,
            "messages": last.tiles - last.found,
            "messages of earlier runs": last.found,
            "received": human_bytes(last.received_bytes),
            "seconds": f"{last.seconds:.1f}",
            "connections": last.connections,
        }


def _refusal(what: str, size: int, limit: int) -> str:
    return (
        f"{what} is {human_bytes(size)} and {human_bytes(limit)} are allowed; ask for less, or raise "
        "max_gigabytes (the Geo Engine Server block may have a lower limit)"
    )


def produced(made: Produced) -> Outcome[dict[str, Any]]:
    """Give the outcome of a run; nothing found, and nothing to do, have states of their own."""
    if made.empty:
        name, sentence = "NothingFound", f"The workflow has no data for this question; {made.href} is empty."
    elif made.found:
        name, sentence = "AlreadyThere", f"All of it was there already: {made.href}"
    else:
        name, sentence = "Completed", f"Complete: {made.href}"
    result = {"href": made.href, "workflow": made.workflow, **made.facts}
    told = {"result": made.href, "workflow": made.workflow, **made.facts}
    rows = [{"what": what, "value": str(value)} for what, value in told.items()]
    return Outcome(name=name, sentence=sentence, result=result, rows=rows)


def allowed(
    order: ResultOrder,
    block: GeoEngineServer,
    workflow: "Workflow",
    query: "RasterQueryRectangle",
    *,
    clip: bool,
    first_step: bool = False,
) -> int:
    """Estimate the size before anything is asked for; for irregular time it is that of one step."""
    plan = workflow.plan(query)
    size = plan.step_bytes(clip=clip) if first_step else plan.estimated_bytes(clip=clip)
    if size > order.limit(block):
        raise InvalidInputError(_refusal("the raster", size, order.limit(block)))
    return size


def question_of(workflow: "Workflow", query: Any) -> dict[str, Any]:
    """All that makes a result what it is, as JSON values."""
    return {
        "workflow": str(workflow),
        "bounds": list(query.spatial_bounds.edges),
        "time": query.time_interval.document(),
        "bands": list(getattr(query, "raster_bands", ())),
        "crs": query.srs,
        "resolution": None if query.resolution is None else list(query.resolution.pair),
    }


async def cite(workflow: "Workflow", key: str) -> dict[str, Any]:
    """Show where a workflow's data come from, and give it as attributes of the result."""
    from eoflows.services.geo_engine import citations  # noqa: PLC0415

    return citations(await publish_provenance(f"{key}-provenance", workflow))


async def stored_file(place: ResultPlace, request: Request, make: Make) -> tuple[dict[str, Any], bool]:
    """Make a file, unless it is there; give what is told of it, and whether it was there."""
    stored = await place.file(request, make)
    return {"size": human_bytes(stored.size), "checksum": stored.checksum}, stored.found


@asynccontextmanager
async def watched(key: str, limit: int) -> AsyncIterator[Watch]:
    """Show how far a stream is while the body runs, and note its warnings."""
    watch = Watch(limit)
    with warnings.catch_warnings(record=True) as caught:
        for category in _told_warnings():
            warnings.simplefilter("always", category)
        async with shown_progress(f"{key}-progress", watch.reading):
            yield watch
            watch.done = True
    watch.warnings = [*dict.fromkeys(str(one.message) for one in caught)]
    for warning in watch.warnings:
        run_logger().warning("%s", warning)


def _told_warnings() -> tuple[type[Warning], ...]:
    from eoflows.services.geo_engine import BeyondGridWarning, FillValueWarning  # noqa: PLC0415

    return BeyondGridWarning, FillValueWarning


async def preview(key: str, path: Path) -> None:
    """Show a picture of a GeoTIFF."""
    from eoflows.services.geo_engine.previews import tiff_sample  # noqa: PLC0415

    await show(key, await anyio.to_thread.run_sync(tiff_sample, path))


async def show(key: str, sample: "Sample | None") -> None:
    """Show a picture of some pixels."""
    from eoflows.services.geo_engine.previews import picture_of  # noqa: PLC0415

    if sample is not None:
        picture = await anyio.to_thread.run_sync(picture_of, sample)
        await publish_png(
            f"{key}-preview", picture, "The first time step, from the 2nd to the 98th percentile."
        )


async def publish_produced(key: str, made: Produced) -> Produced:
    """Show a table of what was produced, and a link to it."""
    await show_table(key, produced(made), link=Link("result", made.href, "Result"))
    return made
