"""A source that changes while its pages are read, and a shelf that remembers what was put on it."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.base.times import format_utc, parse_utc
from eoflows.products.staging import ItemPlan, ItemRecord, Outcome, Place
from eoflows.stores.catalog import KnownItem
from eoflows.stores.stac import SearchRequest

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class World:
    """Time, which passes with each request, and what happens then."""

    seed: int
    overlap: timedelta
    now: datetime = BEGIN
    listed: dict[str, datetime] = field(default_factory=dict)
    """What a search finds: publication by id."""
    late: list[tuple[datetime, str, datetime]] = field(default_factory=list)
    """Published, but not listed before its first time."""
    busy: float = 0.5
    tick: timedelta = timedelta(seconds=20)
    clock: timedelta | None = timedelta(0)
    """By how much the source's clock is ahead; None if it does not tell what time it is."""
    knows: bool = True
    """Whether a search by publication finds anything."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._made = 0

    @property
    def told(self) -> datetime | None:
        """What the source's clock shows; None if it does not tell."""
        return None if self.clock is None else self.now + self.clock

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        for entry in [entry for entry in self.late if entry[0] <= self.now]:
            self.late.remove(entry)
            self.listed[entry[1]] = entry[2]

    def happen(self) -> None:
        """Between two pages: something is published, in time or late, withdrawn, or published again."""
        self.pass_time(self.tick)
        if self.chance.random() < self.busy:
            self.publish(self.chance.randint(1, 4))
        if self.listed and self.chance.random() < self.busy / 2:
            name = self.chance.choice(sorted(self.listed))
            del self.listed[name]
            if self.chance.random() < 0.5:
                self._list(name)

    def publish(self, number: int) -> None:
        for _ in range(number):
            self._made += 1
            self._list(f"P{self._made:05}")

    def _list(self, name: str) -> None:
        # Whole seconds, so that many products share one.
        moment = self.now.replace(microsecond=0)
        if self.chance.random() < 0.3:
            lag = self.overlap * self.chance.random() * 0.9
            self.late.append((moment + lag, name, moment))
        else:
            self.listed[name] = moment

    def pages(self, request: SearchRequest, *, timeout: float | None = None) -> AsyncIterator[list[dict]]:
        return self._pages(request)

    async def _pages(self, request: SearchRequest) -> AsyncIterator[list[dict]]:
        start, end = BEGIN, datetime.max.replace(tzinfo=UTC)
        if request.filter is not None:
            assert request.sortby == ({"field": "published", "direction": "asc"},)
            start, end = map(parse_utc, request.filter["args"][1]["interval"])
            if not self.knows:
                return
        size, offset = min(request.limit or 7, 7), 0
        left = request.limit
        while left is None or left > 0:
            self.happen()
            found = sorted((when, name) for name, when in self.listed.items() if start <= when <= end)
            page = found[offset : offset + size]
            if page:
                yield [item(name, when) for when, name in page]
            offset += size
            left = None if left is None else left - len(page)
            if offset >= len(found):
                return


def item(name: str, when: datetime) -> dict[str, Any]:
    return {"id": name, "properties": {"published": format_utc(when)}, "assets": {}, "links": []}


@dataclass
class Shelf:
    """Catalogue and stager in one, which fail as they are told."""

    chance: random.Random
    flaky: float = 0.0
    hopeless: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    place: Place = field(default_factory=lambda: Place("demo", "aux"))
    staged: Counter[str] = field(default_factory=Counter)
    expired: set[str] = field(default_factory=set)

    async def known(self, collection: str, ids: Sequence[str]) -> dict[str, KnownItem]:
        return {name: KnownItem({}, name in self.expired) for name in ids if name in self.staged}

    async def plan(self, items: Sequence[dict], twins: Any = None) -> tuple[list[ItemPlan], list[ItemRecord]]:
        lacking = [one for one in items if one["id"] not in self.staged and one["id"] not in self.refused]
        settled = [
            ItemRecord(one["id"], Outcome.ALREADY if one["id"] in self.staged else Outcome.FAILED, "bad name")
            for one in items
            if one not in lacking
        ]
        return [ItemPlan(one, (), (), "") for one in lacking], settled

    async def stage(self, batch: Sequence[ItemPlan]) -> list[ItemRecord]:
        return [ItemRecord(plan.item["id"], self._try(plan.item["id"])) for plan in batch]

    def _try(self, name: str) -> Outcome:
        if name in self.hopeless or self.chance.random() < self.flaky:
            return Outcome.FAILED
        self.staged[name] += 1
        return Outcome.STAGED


@dataclass
class MemoryStore:
    """Watermarks in memory; `between` happens between reading and writing."""

    marks: dict[str, Any] = field(default_factory=dict)
    swaps: int = 0
    positions: list[datetime] = field(default_factory=list)

    async def read(self, key: str) -> Any:
        return self.marks.get(key)

    async def swap(self, key: str, version: str | None, watermark: Any) -> bool:
        from eoflows.products.systematic import Recorded

        there = self.marks.get(key)
        if (there.version if there else None) != version:
            return False
        self.swaps += 1
        if watermark is None:
            del self.marks[key]
        else:
            self.marks[key] = Recorded(watermark, str(self.swaps))
            self.positions.append(watermark.position)
        return True
