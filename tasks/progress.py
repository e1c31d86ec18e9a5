"""What people watch of a run: one line that moves, one table, one link, however many steps are inside it.

A step that is opened inside another one adds its line to the other's and leaves the table to it. Steps beside
each other, like several stagings of one flow, share line, table and link.
"""

import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import anyio
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from eoflows.base.concurrency import one_error
from eoflows.tasks.artifacts import (
    acreate_link_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_artifact,
    aupdate_progress_artifact,
    aupdate_table_artifact,
)
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import Outcome, escaped, together

__all__ = ["Link", "show", "shown_progress"]

Reading = Callable[[], tuple[float, str]]
"""Gives the percentage and a line of text."""

_LINES = 5
_RUNS = 50
_TURN = 0.05


@dataclass(frozen=True)
class Link:
    """Where a person finds what a run made.

    Attributes:
        ending: How the artifact's key ends, after that of the table.
        href: The address.
        text: What is there.
    """

    ending: str
    href: str
    text: str


@dataclass
class _Step:
    key: str
    run: "_Run"
    reading: Reading
    inner: bool
    over: bool = False


@dataclass
class _Table:
    artifact: UUID
    parts: dict[object, Outcome[Any]]


@dataclass
class _Run:
    """What a flow run shows; its tasks may be in several threads."""

    steps: list[_Step] = field(default_factory=list)
    progress: UUID | None = None
    last: tuple[float, str] = (0.0, "")
    tables: dict[str, _Table] = field(default_factory=dict)
    links: dict[str, tuple[UUID, list[str]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Be the only one that writes; loops of several threads take turns."""
        # No event reaches from the loop of one thread into that of another.
        while not self.lock.acquire(blocking=False):  # noqa: ASYNC110
            await anyio.sleep(_TURN)
        try:
            yield
        finally:
            self.lock.release()

    def reading(self) -> tuple[float, str]:
        """Put the readings of all steps together: inner ones add their words, others count alike."""
        outer = [one for one in self.steps if not one.inner]
        read = {id(one): one.reading() for one in self.steps}
        percent = sum(min(100.0, read[id(one)][0]) for one in outer) / max(1, len(outer))
        words = [read[id(one)][1] for one in self.steps if not (one.inner and one.over)]
        return percent, "; ".join(words[-_LINES:])

    async def update(self) -> None:
        async with self.turn():
            now = self.reading()
            if self.progress is not None and now != self.last:
                self.last = now
                await aupdate_progress_artifact(self.progress, now[0], description=escaped(now[1]))


_runs: OrderedDict[str, _Run] = OrderedDict()
_around: ContextVar[tuple[str, _Step] | None] = ContextVar("eoflows_step", default=None)


def _attempt() -> str:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return str(flow_run.id or "")
    return f"{context.flow_run.id} {context.flow_run.run_count}"


def _here() -> tuple[_Run, _Step | None]:
    """Give what this attempt of a run shows, and the step around; outside of runs each has its own."""
    name = _attempt()
    around = _around.get()
    if around is not None and around[0] == name:
        return around[1].run, around[1]
    if not name:
        return _Run(), None
    run = _runs.setdefault(name, _Run())
    _runs.move_to_end(name)
    while len(_runs) > _RUNS:
        _runs.popitem(last=False)
    return run, None


@asynccontextmanager
async def shown_progress(key: str, reading: Reading, *, every: float = 3.0) -> AsyncIterator[None]:
    """Show how far a step is while the body runs.

    Args:
        key: Artifact key, `<table>-progress`; where the run has one already, that one moves on.
        reading: Asked for the current state.
        every: Seconds between updates; each costs the server 60 ms.
    """
    run, outer = _here()
    step = _Step(key, run, reading, inner=outer is not None)
    run.steps.append(step)
    async with run.turn():
        if run.progress is None:
            words = escaped(run.reading()[1])
            run.progress = await acreate_progress_artifact(0.0, key=key, description=words)

    async def follow() -> None:
        while True:
            await anyio.sleep(every)
            await run.update()

    token = _around.set((_attempt(), step))
    try:
        async with one_error(), anyio.create_task_group() as group:
            if outer is None:
                group.start_soon(follow)
            try:
                yield
            finally:
                group.cancel_scope.cancel()
                step.over = True
                with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                    await run.update()
    finally:
        _around.reset(token)


async def show(key: str, outcome: Outcome[Any], *, link: Link | None = None, part: object = None) -> None:
    """Show a table and say its sentence in the log; a step inside another one only says it.

    Args:
        key: Artifact key; where the run has shown one of it, the rows are added to that.
        outcome: What to show.
        link: Where what was made is.
        part: Names what is shown; shown again, it takes the place of the first. None is always new.
    """
    run_logger().log(30 if outcome.error else 20, "%s", outcome.sentence)
    run, outer = _here()
    if outer is not None and (outer.inner or outer.key != f"{key}-progress"):
        return
    async with run.turn():
        await _show_table(run, key, outcome, object() if part is None else part)
        if link is not None:
            await _show_link(run, f"{key}-{link.ending}", link, outcome.sentence)


async def _show_table(run: _Run, key: str, outcome: Outcome[Any], part: object) -> None:
    table = run.tables.get(key)
    if table is None:
        artifact = await acreate_table_artifact(outcome.table, key=key, description=outcome.description)
        run.tables[key] = _Table(artifact, {part: outcome})
        return
    table.parts[part] = outcome
    whole = together([*table.parts.values()])
    await aupdate_table_artifact(table.artifact, whole.table, whole.description)


async def _show_link(run: _Run, key: str, link: Link, sentence: str) -> None:
    known = run.links.get(key)
    if known is None:
        artifact = await acreate_link_artifact(
            link.href, link_text=link.text, key=key, description=escaped(sentence)
        )
        run.links[key] = (artifact, [link.href])
        return
    artifact, hrefs = known
    if link.href not in hrefs:
        hrefs.append(link.href)
        await aupdate_artifact(artifact, "\n\n".join(f"[{link.text}]({href})" for href in hrefs))
