"""Upkeep: audits, their repair, and expiry."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import orjson
from prefect.runtime import deployment, flow_run
from pydantic_core import to_jsonable_python

from eoflows.base.errors import public_url
from eoflows.base.files import scratch
from eoflows.base.times import format_utc
from eoflows.completeness.audit import (
    AuditVerdict,
    Day,
    Finding,
    Inventory,
    Kind,
    Repairer,
    Scope,
    Unregistered,
    take_census,
)
from eoflows.completeness.audit.census import stale_parts
from eoflows.products.environment import FlowEnv, FlowEnvArgs
from eoflows.products.expiry import Expirer, Expiry, Rules, plan_expiry
from eoflows.products.staging import ItemRecord, Place
from eoflows.products.staging import Outcome as ItemOutcome
from eoflows.products.staging.twins import Twins
from eoflows.products.systematic import Publications, Settler
from eoflows.tasks.earlier import table_key
from eoflows.tasks.environment import opened
from eoflows.tasks.outcome import MOST_ROWS, Outcome
from eoflows.tasks.progress import show, shown_progress
from eoflows.tasks.publish import human_bytes
from eoflows.tasks.stage import make_stager, stage_batch_task
from eoflows.tasks.systematic import SystematicOrder, publications

__all__ = ["AuditOrder", "audit", "audited", "expire", "repair_parameters"]

_PAGE = 500
_BATCH = 100
_PARTS = {
    "source": 10.0,
    "catalogue": 40.0,
    "storage": 55.0,
    "checksums": 70.0,
    "repair": 85.0,
    "done": 100.0,
}


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def _lines(flow_env: FlowEnv, folder: str) -> AsyncIterator[tuple["_Lines", str]]:
    """Keep lines of JSON in the storage, beside the products."""
    key = table_key(flow_env.owner_id, folder)
    with scratch(flow_env.storage.spool(key)) as room:
        path = room / "lines"
        with path.open("wb") as file:
            yield _Lines(file), flow_env.storage.href(key)
        await flow_env.storage.put(path, key, path.stat().st_size, None)


class _Lines:
    """Writes a line of JSON per entry."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def add(self, entries: Sequence[Any]) -> None:
        rows = [asdict(entry) for entry in entries]
        self._file.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))

    def end(self, summary: Mapping[str, Any]) -> None:
        self._file.write(orjson.dumps({"summary": summary}, option=orjson.OPT_APPEND_NEWLINE))


@dataclass(frozen=True)
class AuditOrder:
    """What to audit, as one value.

    Attributes:
        what: Collection, source, streams and range.
        scope: The same for the census, with the sample.
        grace: Objects that changed so recently may be on their way into the catalogue.
        stale: Parts that were touched so recently may be in use.
        repair: Whether to repair what is found.
        unregistered: What to do then with objects that neither catalogue nor source know.
        deployment: What the printed repair runs, `flow/deployment`.
        parameters: With which parameters.
    """

    what: SystematicOrder
    scope: Scope
    grace: timedelta
    stale: timedelta
    repair: bool
    unregistered: Unregistered
    deployment: str
    parameters: Mapping[str, Any]


async def audit(env: FlowEnvArgs, order: AuditOrder) -> AuditVerdict:
    """Compare source, catalogue and storage, and repair what differs if that is asked for.

    Raises:
        ServiceError: The source cannot be read.
        CatalogError: The catalogue cannot be used.
        StorageError: The storage cannot be used.
    """
    async with opened(env, writable=order.repair) as flow_env:
        line = ["begins"]
        with TemporaryDirectory(prefix="eoflows-audit-") as folder:
            inventory = await anyio.to_thread.run_sync(Inventory, Path(folder) / "inventory.sqlite")
            with inventory:
                async with shown_progress("audit-storage-progress", lambda: (_percent(line[0]), line[0])):
                    return await _Audit(env, flow_env, order, inventory).carry_out(line)


def _percent(line: str) -> float:
    """How far an audit is, roughly; how long each part takes is not known beforehand."""
    return _PARTS.get(line.partition(":")[0].partition(" ")[0], 0.0)


class _Audit:
    """One audit with its inventory."""

    def __init__(self, env: FlowEnvArgs, flow_env: FlowEnv, order: AuditOrder, inventory: Inventory) -> None:
        self._env, self._flow_env, self._order, self._inventory = env, flow_env, order, inventory
        self._twins = Twins()
        self._before = (_now() - order.grace).timestamp()

    async def carry_out(self, line: list[str]) -> AuditVerdict:
        flow_env, order = self._flow_env, self._order

        def told(text: str) -> None:
            line[0] = text

        sources = self._sources()
        await take_census(
            self._inventory, order.scope, sources, flow_env.catalog, flow_env.storage, told=told
        )
        days = await anyio.to_thread.run_sync(self._inventory.days, self._before)
        parts = await stale_parts(flow_env.storage, order.scope, order.stale, _now().timestamp())
        repaired, failures = (await self._repair(sources, told)) if order.repair else ({}, [])
        verdict = AuditVerdict(days, parts, order.deployment, order.parameters, repaired, failures)
        await self._publish(verdict)
        told("done")
        return verdict

    def _sources(self) -> list[Publications]:
        what = self._order.what
        return [publications(self._flow_env, what, stream) for stream in what.streams]

    async def _repair(self, sources: Sequence[Publications], told: Any) -> tuple[dict[str, int], list[str]]:
        flow_env, order = self._flow_env, self._order
        repairer = Repairer(flow_env.catalog, flow_env.storage, order.scope)
        done = {"taken out": 0, "removed": 0}
        told("repair of the catalogue")
        async for page in self._pages():
            done["taken out"] += await repairer.own_up(page)
        told("repair of the storage")
        records = [
            record
            async for some in repairer.restage(self._inventory, sources, self._settler)
            for record in some
            if record.outcome in (ItemOutcome.STAGED, ItemOutcome.FAILED)
        ]
        failed = [record for record in records if record.outcome is ItemOutcome.FAILED]
        if order.unregistered is Unregistered.REMOVE:
            async for page in self._pages():
                done["removed"] += await repairer.remove_unregistered(page)
        parts = await flow_env.storage.sweep(order.stale)
        counts = {"staged": len(records) - len(failed), "failed": len(failed), "parts removed": parts}
        return done | counts, [f"{record.item}: {record.reason}" for record in failed[:20]]

    async def _pages(self) -> AsyncIterator[list[Finding]]:
        findings = self._inventory.findings(self._before)
        while page := await anyio.to_thread.run_sync(lambda: list(islice(findings, _PAGE))):
            yield page

    def _settler(self, only: frozenset[str]) -> Settler:
        order, flow_env = self._order.what.stage_order, self._flow_env

        async def stage(batch: list[Any]) -> Sequence[ItemRecord]:
            return await stage_batch_task(self._env, order, batch)

        stager = make_stager(flow_env, order)
        return Settler(stager, flow_env.catalog, stage, restage_expired=True, twins=self._twins, only=only)

    async def _publish(self, verdict: AuditVerdict) -> None:
        async with _lines(self._flow_env, "_audits") as (lines, href):
            async for page in self._pages():
                lines.add(page)
            lines.end(verdict.to_dict())
        command = f"\n\nRepair:\n```\n{verdict.command}\n```" if verdict.command else ""
        outcome = replace(
            audited(verdict),
            rows=[_row(day) for day in verdict.days[-MOST_ROWS:]],
            total=len(verdict.days),
            nothing={"day": "nothing to compare"},
            below=f"\n\nAll findings: `{public_url(href)}`.{command}",
        )
        await show("audit-storage", outcome)


def _row(day: Day) -> dict[str, Any]:
    counts = {str(kind): day.found.get(kind, 0) for kind in Kind}
    whole = {"offered": day.offered, "catalogued": day.recorded, "expired": day.expired}
    return {"day": day.day, "state": day.state, **whole, **counts}


def repair_parameters(end: datetime) -> tuple[str, dict[str, Any]]:
    """Give the deployment and the parameters that repair what this run finds.

    Args:
        end: Where the audited range ends, aware UTC; a repair looks at the same range.
    """
    given = {name: value for name, value in flow_run.parameters.items() if value is not None}
    exact = {"end": format_utc(end), "repair": True}
    name = f"{flow_run.flow_name or 'audit-storage'}/{deployment.name or 'default'}"
    return name, to_jsonable_python({**given, **exact})


def audited(verdict: AuditVerdict) -> Outcome[dict[str, Any]]:
    """Give the outcome of an audit, named after what it found."""
    return Outcome(name=verdict.name, sentence=verdict.sentence, result=verdict.to_dict())


async def expire(
    env: FlowEnvArgs, collection: str, rules: Rules, *, limit: int | None, plan_only: bool
) -> Outcome[dict[str, Any]]:
    """Expire items of a collection, and show which.

    Raises:
        CatalogError: The catalogue cannot be used.
        StorageError: Objects cannot be removed; the next run goes on.
    """
    async with opened(env, writable=not plan_only) as flow_env:
        place = Place(flow_env.owner_id, collection)
        expirer = Expirer(flow_env.catalog, flow_env.storage, place)
        found, removed, size = await expirer.unfinished(), 0, 0
        async for page in plan_expiry(flow_env.catalog, place.catalog_collection, rules, _now()):
            found += page
        found = found if limit is None else found[:limit]
        size = sum(one.bytes for one in found)
        if not plan_only:
            for first in range(0, len(found), _BATCH):
                removed += await expirer.expire([one.item for one in found[first : first + _BATCH]])
        return await _expired(flow_env, found, size, removed, plan_only)


async def _expired(
    flow_env: FlowEnv, found: Sequence[Expiry], size: int, removed: int, plan_only: bool
) -> Outcome[dict[str, Any]]:
    done = "would expire" if plan_only else f"expired, {removed} objects removed"
    sentence = f"{len(found)} items {done} ({human_bytes(size)})."
    whole, rows = "", [asdict(one) for one in found[:MOST_ROWS]]
    if not plan_only:
        async with _lines(flow_env, "_expiry") as (lines, href):
            lines.add(found)
            lines.end({"expired": len(found), "objects": removed, "bytes": size})
        whole = f"\n\nWhole table: `{public_url(href)}`."
    data = {"expired": [row["item"] for row in rows], "count": len(found), "bytes": size}
    outcome = Outcome(
        name=("Planned" if plan_only else "Expired") if found else "NothingExpires",
        sentence=sentence,
        result=data | {"objects_removed": removed},
        rows=rows,
        total=len(found),
        nothing={"item": "nothing expires", "reason": "", "detail": "", "bytes": 0},
        below=whole,
    )
    await show("expire-staged", outcome)
    return outcome
