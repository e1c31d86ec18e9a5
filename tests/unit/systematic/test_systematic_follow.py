"""Nothing that stays published is lost, whatever happens between two pages."""

import random
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from moving_source import BEGIN, MemoryStore, Shelf, World

from eoflows.base.errors import ContractError
from eoflows.base.times import format_utc
from eoflows.products.staging import Outcome
from eoflows.products.systematic import Pace, Publications, Settler, Step, Stream, StreamProgress, follow
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import read_item

pytestmark = pytest.mark.anyio
KEY = "stream"


async def run(
    world: World,
    shelf: Shelf,
    store: MemoryStore,
    *,
    pace: Pace,
    end: datetime | None = None,
    key: str = KEY,
    **settings: Any,
) -> list[Step]:
    settler = Settler(shelf, shelf, shelf.stage, batch=3, **settings)
    steps = follow(
        Publications(world, Stream(), page=5),
        StreamProgress(store, key, writable=not settings.get("plan_only")),
        settler,
        start=BEGIN,
        end=min(end or world.now, world.now),
        pace=pace,
        clock=lambda: world.now,
    )
    return [step async for step in steps]


@pytest.mark.parametrize("seed", range(25))
async def test_all_that_stays_published_is_staged_once(seed: int) -> None:
    chance = random.Random(seed)
    overlap = timedelta(minutes=chance.choice([10, 30, 120]))
    world = World(seed, overlap, busy=0.2)
    shelf = Shelf(chance, flaky=chance.choice([0.0, 0.2]), refused=frozenset({"P00003"}))
    shelf.hopeless = frozenset({"P00010", "P00017"})
    store = MemoryStore()
    pace = Pace(
        overlap, timedelta(hours=chance.choice([1, 24])), chance.choice([None, 30]), timedelta(days=90)
    )
    for _ in range(10):
        world.pass_time(timedelta(minutes=chance.choice([1, 15, 60])))
        if chance.random() < 0.1:
            world.pass_time(timedelta(days=3))
        world.publish(chance.choice([0, 3, 25]))
        await run(world, shelf, store, pace=pace)
    world.busy, shelf.flaky = 0.0, 0.0
    world.pass_time(overlap)
    for _ in range(100):
        steps = await run(world, shelf, store, pace=pace)
        if not (steps and steps[-1].full):
            break

    assert set(world.listed) - shelf.refused - shelf.hopeless <= set(shelf.staged)
    assert set(shelf.staged.values()) <= {1}
    assert store.positions == sorted(store.positions)


async def test_three_missed_days_are_caught_up_in_bounded_slices() -> None:
    world, shelf, store = World(1, timedelta(hours=6), busy=0.0), Shelf(random.Random(1)), MemoryStore()
    pace = Pace(limit=40, span=timedelta(hours=12))
    await run(world, shelf, store, pace=pace)
    for _ in range(72):
        world.pass_time(timedelta(hours=1))
        world.publish(2)
    world.pass_time(timedelta(hours=12))
    counts = []
    while len(counts) < 9 and (not counts or counts[-1][1]):
        steps = await run(world, shelf, store, pace=pace)
        staged = sum(record.outcome is Outcome.STAGED for step in steps for record in step.records)
        assert all(step.span.duration <= pace.span for step in steps)
        assert all(len(step.records) <= 5 for step in steps)
        counts.append((staged, steps[-1].full))
    assert [count for count, _ in counts] == [40, 40, 40, 24]
    assert len(shelf.staged) == 144


async def test_a_failure_is_tried_again_until_patience_ends() -> None:
    world, shelf, store = World(2, timedelta(hours=1), busy=0.0), Shelf(random.Random(2)), MemoryStore()
    pace = Pace(timedelta(0), timedelta(days=1), None, timedelta(days=2))
    world.listed = {f"P{n}": BEGIN + timedelta(minutes=n) for n in range(1, 9)}
    shelf.hopeless = frozenset({"P4"})
    world.pass_time(timedelta(hours=1))
    await run(world, shelf, store, pace=pace)
    assert store.marks[KEY].watermark.begin(pace.overlap) == BEGIN + timedelta(minutes=4)
    assert set(store.marks[KEY].watermark.failing) == {"P4"}
    assert len(shelf.staged) == 7

    world.pass_time(timedelta(days=1))
    await run(world, shelf, store, pace=pace)
    assert store.marks[KEY].watermark.begin(pace.overlap) == BEGIN + timedelta(minutes=4)

    world.pass_time(timedelta(days=1, hours=1))
    steps = await run(world, shelf, store, pace=pace)
    given_up = [record for step in steps for record in step.records if record.item == "P4"]
    assert "given up" in given_up[0].reason
    assert steps[-1].watermark.position > BEGIN + timedelta(days=2)
    assert not steps[-1].watermark.failing


async def test_outage_of_ours_gives_nothing_up() -> None:
    world, shelf, store = World(3, timedelta(hours=1), busy=0.0), Shelf(random.Random(3)), MemoryStore()
    pace = Pace(patience=timedelta(days=3))
    await run(world, shelf, store, pace=pace)
    world.listed = {"OLD": BEGIN + timedelta(minutes=1)}
    world.pass_time(timedelta(days=10))
    shelf.hopeless = frozenset({"OLD"})
    await run(world, shelf, store, pace=pace)
    shelf.hopeless = frozenset()
    await run(world, shelf, store, pace=pace)
    assert shelf.staged == {"OLD": 1}


class KilledError(BaseException):
    """Stands for kill -9."""


async def test_kill_between_staging_and_advancing_repeats_nothing() -> None:
    world, shelf = World(4, timedelta(hours=1), busy=0.0), Shelf(random.Random(4))
    world.listed = {f"P{n:03}": BEGIN + timedelta(minutes=n) for n in range(40)}
    world.pass_time(timedelta(hours=2))

    class Dying(MemoryStore):
        left = 3

        async def swap(self, key: str, version: str | None, watermark: Any) -> bool:
            self.left -= 1
            if not self.left:
                raise KilledError
            return await super().swap(key, version, watermark)

    store = Dying()
    for _ in range(12):
        store.left = 3
        try:
            await run(world, shelf, store, pace=Pace(timedelta(minutes=1), limit=None))
        except KilledError:
            continue
        break
    assert len(shelf.staged) == 40
    assert set(shelf.staged.values()) == {1}
    assert store.marks[KEY].watermark.position > BEGIN + timedelta(hours=2)


@pytest.mark.parametrize("seed", range(10))
async def test_two_runs_at_once_neither_skip_nor_go_back(seed: int) -> None:
    world = World(seed, timedelta(minutes=30), busy=0.2)
    shelf = Shelf(random.Random(seed), flaky=0.3)

    class Yielding(MemoryStore):
        async def swap(self, key: str, version: str | None, watermark: Any) -> bool:
            await anyio.lowlevel.checkpoint()
            return await super().swap(key, version, watermark)

        async def read(self, key: str) -> Any:
            found = await super().read(key)
            await anyio.lowlevel.checkpoint()
            return found

    store = Yielding()
    pace = Pace(world.overlap, timedelta(hours=1), 30, timedelta(days=1))
    for _ in range(6):
        world.pass_time(timedelta(minutes=40))
        world.publish(20)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(lambda: run(world, shelf, store, pace=pace))
    shelf.flaky, world.busy = 0.0, 0.0
    world.pass_time(world.overlap)
    for _ in range(30):
        await run(world, shelf, store, pace=pace)
    assert set(world.listed) <= set(shelf.staged)
    assert store.positions == sorted(store.positions)


async def test_a_range_is_gone_through_once_and_resumed() -> None:
    world, shelf, store = World(6, timedelta(0), busy=0.0), Shelf(random.Random(6)), MemoryStore()
    world.listed = {f"P{n:03}": BEGIN + timedelta(hours=n) for n in range(72)}
    world.pass_time(timedelta(days=10))
    end = BEGIN + timedelta(days=2)
    pace = Pace(timedelta(0), timedelta(hours=12), 20)
    runs = 0
    while runs < 9:
        runs += 1
        await run(world, shelf, store, pace=pace, end=end, key="range")
        if await StreamProgress(store, "range").finish(end):
            break
    assert runs == 3
    assert set(shelf.staged) == {f"P{n:03}" for n in range(48)}
    assert not store.marks


async def test_plan_moves_nothing_and_expired_products_stay_expired() -> None:
    world, shelf, store = World(7, timedelta(0), busy=0.0), Shelf(random.Random(7)), MemoryStore()
    world.listed = {f"P{n}": BEGIN + timedelta(minutes=n) for n in range(4)}
    world.pass_time(timedelta(hours=1))
    planned = await run(world, shelf, store, pace=Pace(), plan_only=True)
    assert [record.outcome for step in planned for record in step.records] == [Outcome.PLANNED] * 4
    assert not store.marks
    assert not shelf.staged

    shelf.staged["P2"], shelf.expired = 1, {"P2"}
    steps = await run(world, shelf, store, pace=Pace())
    outcomes = {record.item: record.outcome for step in steps for record in step.records}
    assert outcomes["P2"] is Outcome.PASSED_OVER
    assert shelf.staged["P2"] == 1


async def test_more_products_of_one_moment_than_a_page() -> None:
    world, shelf, store = World(8, timedelta(0), busy=0.0), Shelf(random.Random(8)), MemoryStore()
    world.listed = {f"P{n:03}": BEGIN + timedelta(minutes=n // 23) for n in range(60)}
    world.pass_time(timedelta(hours=1))
    await run(world, shelf, store, pace=Pace())
    assert len(shelf.staged) == 60


async def test_more_failures_than_are_remembered_hold_the_position() -> None:
    world, shelf, store = World(9, timedelta(0), busy=0.0), Shelf(random.Random(9)), MemoryStore()
    world.listed = {f"P{n:03}": BEGIN + timedelta(minutes=n) for n in range(300)}
    shelf.hopeless = frozenset(world.listed)
    world.pass_time(timedelta(hours=6))
    pace = Pace(timedelta(0), limit=None)
    await run(world, shelf, store, pace=pace)
    mark = store.marks[KEY].watermark
    assert (len(mark.failing), mark.position) == (200, BEGIN + timedelta(minutes=200))
    shelf.hopeless = frozenset()
    await run(world, shelf, store, pace=pace)
    assert len(shelf.staged) == 300
    assert not store.marks[KEY].watermark.failing


def hourly(world: World, hours: int) -> None:
    """List a product at half past each hour up to now."""
    world.listed = {f"P{n:03}": BEGIN + timedelta(hours=n, minutes=30) for n in range(hours)}


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        *((timedelta(hours=told), timedelta(days=wrong)) for told in (0, -2) for wrong in (1, -1, 400)),
        *((None, timedelta(days=wrong)) for wrong in (1, -1, 400)),
        *((timedelta(days=told), timedelta(0)) for told in (1, -1)),
    ],
)
async def test_a_clock_that_is_wrong_for_one_run_loses_nothing(
    told: timedelta | None, wrong: timedelta
) -> None:
    world, shelf, store = (
        World(10, timedelta(0), busy=0.0, tick=timedelta(0), clock=told),
        Shelf(random.Random(10)),
        MemoryStore(),
    )
    for hour in range(60):
        world.now = BEGIN + timedelta(hours=hour)
        hourly(world, hour)
        now = world.now + (wrong if hour == 10 else timedelta(0))
        steps = follow(
            Publications(world, Stream()),
            StreamProgress(store, KEY),
            Settler(shelf, shelf, shelf.stage),
            start=BEGIN,
            end=min(now, world.now + timedelta(days=2)),
            pace=Pace(),
            clock=lambda now=now: now,
        )
        assert [step async for step in steps] or hour == 0 or wrong < timedelta(0)
        assert (store.marks[KEY].watermark.position) <= world.now
    assert set(shelf.staged) == set(world.listed)
    assert set(shelf.staged.values()) == {1}


@pytest.mark.parametrize("named", [True, False])
async def test_a_source_that_does_not_know_publication_is_found_out_before_the_watermark_moves(
    named: bool,
) -> None:
    world, shelf, store = (
        World(11, timedelta(0), busy=0.0, tick=timedelta(0), knows=False),
        Shelf(random.Random(1)),
        MemoryStore(),
    )
    hourly(world, 5)
    world.pass_time(timedelta(hours=6))
    if not named:
        world.pages = nameless(world)  # type: ignore[method-assign]
    with pytest.raises(ContractError, match="does not find it by published" if named else "no time of"):
        await run(world, shelf, store, pace=Pace())
    assert store.marks[KEY].watermark.position == BEGIN
    world.knows = True
    if named:
        await run(world, shelf, store, pace=Pace())
        assert set(shelf.staged) == set(world.listed)


def nameless(world: World) -> Any:
    """Pages of products that do not say when they were published."""
    pages = world._pages

    async def stripped(request: SearchRequest, *, timeout: float | None = None) -> Any:
        async for page in pages(request):
            yield [one | {"properties": {"datetime": "2026-03-01T00:00:00Z"}} for one in page]

    return stripped


async def test_an_empty_source_and_a_quiet_one_are_no_unknown_ones() -> None:
    world, shelf, store = (
        World(12, timedelta(0), busy=0.0, tick=timedelta(0)),
        Shelf(random.Random(1)),
        MemoryStore(),
    )
    for days in (1, 5, 1):
        world.pass_time(timedelta(days=days))
        await run(world, shelf, store, pace=Pace())
        assert store.marks[KEY].watermark.position == world.now
        hourly(world, 1)


@pytest.mark.parametrize("published", [BEGIN + timedelta(minutes=90), None])
async def test_what_cannot_be_read_is_its_own_row_and_is_given_up(published: datetime | None) -> None:
    world, shelf, store = (
        World(13, timedelta(0), busy=0.0, tick=timedelta(0)),
        Shelf(random.Random(1)),
        MemoryStore(),
    )
    hourly(world, 5)
    pages = world._pages

    async def spoiled(request: SearchRequest, *, timeout: float | None = None) -> Any:
        async for page in pages(request):
            bad = {"id": "BAD", "assets": [], "properties": {"datetime": "2026-03-01"}}
            if published:
                bad["properties"] |= {"published": format_utc(published)}
            at = [one["id"] for one in page].index("P002") if any(one["id"] == "P002" for one in page) else 0
            yield [*page[:at], *([read_item(bad, "")] if at else []), *page[at:]]

    world.pages = spoiled  # type: ignore[method-assign]
    world.pass_time(timedelta(hours=6))
    pace = Pace(timedelta(0), patience=timedelta(days=2))
    reasons = []
    for _ in range(4):
        steps = await run(world, shelf, store, pace=pace)
        assert set(shelf.staged) == set(world.listed)
        assert store.marks[KEY].watermark.position == world.now
        reasons += [record.reason for step in steps for record in step.records if record.item == "BAD"]
        world.pass_time(timedelta(days=1))
    assert len(reasons) == 3
    assert all("no assets object" in reason for reason in reasons)
    assert "given up" in reasons[-1]
    assert not store.marks[KEY].watermark.failing
