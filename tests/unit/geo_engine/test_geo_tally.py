import pytest
from examples import examples
from geo_records import raster_document
from hypothesis import given, settings
from hypothesis import strategies as st

from eoflows.base.errors import ContractError
from eoflows.services.geo_engine import RasterQueryRectangle, TimeInterval, plan_raster, read_descriptor
from eoflows.services.geo_engine.steps import RegularSteps
from eoflows.services.geo_engine.tally import Tally

DAY = 86_400_000
TILE = 4


def a_plan(*, days=3, bands=2, regular=True):
    step = {"granularity": "days", "step": 1} if regular else None
    descriptor = read_descriptor(raster_document(bands=bands, step=step))
    query = RasterQueryRectangle((-9, -9, 9, 9), TimeInterval(0, days * DAY), range(bands))
    return plan_raster(descriptor, query, tile_shape=(TILE, TILE))


def served(plan, asked, days):
    """The tiles that a server sends for a query: by time, row, column and band."""
    window = plan.grid.window(asked.spatial_bounds)
    top, left = plan.anchor
    rows = range((window.top - top) // TILE, -((top - window.bottom) // TILE))
    columns = range((window.left - left) // TILE, -((left - window.right) // TILE))
    times = [day for day in days if day * DAY < max(asked.time.end_ms, asked.time.start_ms + 1)
             and asked.time.start_ms < (day + 1) * DAY]  # fmt: skip
    for day in times:
        for row in rows:
            for column in columns:
                for band in asked.raster_bands:
                    interval = TimeInterval(day * DAY, (day + 1) * DAY)
                    yield interval, top + row * TILE, left + column * TILE, band


def all_tiles(plan, days):
    return list(served(plan, plan.query, days))


def test_the_whole_query_is_asked_first():
    tally = Tally(a_plan())
    assert next(tally.remaining()) == tally.plan.query
    assert tally.expected == 3 * 25 * 2 or tally.expected == 3 * tally.plan.tiles_per_step


def test_a_tile_counts_once_and_surplus_ones_do_not():
    tally = Tally(a_plan())
    tile = all_tiles(tally.plan, [0])[3]
    place = tally.accept(*tile)
    assert (place.step, place.band, place.row, place.column) == (0, 1, 0, 1)
    assert tally.accept(*tile) is None
    time, top, left, _ = tile
    assert tally.accept(time, top - 100 * TILE, left, 0) is None
    assert tally.accept(time, top, left, 7) is None
    assert tally.received == 1


@settings(max_examples=examples(150))
@given(
    cuts=st.lists(st.floats(0, 1), max_size=12),
    lost=st.lists(st.integers(0, 200), max_size=8),
    regular=st.booleans(),
    days=st.integers(0, 4),
)
def test_whatever_cuts_the_stream_it_ends_complete(cuts, lost, regular, days):
    plan = a_plan(days=4, regular=regular)
    days = 4 if regular else days
    tally, asks = Tally(plan), 0
    while (asked := next(tally.remaining(), None)) is not None:
        sent = list(served(plan, asked, range(days)))
        end = int(cuts[asks] * len(sent)) if asks < len(cuts) else len(sent)
        hole = lost[asks] if asks < len(lost) else -1
        asks += 1
        for number, tile in enumerate(sent[:end]):
            # The first tile of a step is not lost: without any of its tiles nobody knows of the step.
            if number != hole or number % plan.tiles_per_step == 0:
                tally.accept(*tile)
        if asks > len(cuts):
            tally.ended(asked)
        assert asks < 60
    assert tally.received == days * plan.tiles_per_step
    assert [step.time.start_ms for step in tally.steps] == [day * DAY for day in range(days)]
    assert not list(tally.missing())


@settings(max_examples=examples(100))
@given(held=st.sets(st.integers(0, 71)))
def test_what_is_asked_again_has_all_that_is_missing(held):
    plan = a_plan(days=1, bands=2)
    tiles = all_tiles(plan, [0])
    tally = Tally(plan)
    for number in held & set(range(len(tiles))):
        tally.accept(*tiles[number])
    asked = [tile for query in tally.remaining() for tile in served(plan, query, [0])]
    assert {*tiles} - {tiles[n] for n in held if n < len(tiles)} <= {*asked}
    assert sum(one.count for one in tally.missing()) == len(tiles) - len(held & set(range(len(tiles))))


def test_a_clean_end_after_tiles_proves_nothing():
    """A proxy that goes away closes cleanly, too: the rest is asked for before the result is complete."""
    plan = a_plan(days=3, regular=False)
    tally = Tally(plan)
    for tile in all_tiles(plan, [0]):
        tally.accept(*tile)
    tally.ended(plan.query)
    asked = next(tally.remaining())
    assert asked.time == TimeInterval(DAY, 3 * DAY)
    tally.ended(asked)
    assert next(tally.remaining(), None) is None


def test_nothing_at_all():
    tally = Tally(a_plan(regular=False))
    tally.ended(next(tally.remaining()))
    tally.ended(next(tally.remaining()))
    assert next(tally.remaining(), None) is None
    assert not list(tally.missing())


def test_regular_steps_that_do_not_come_are_missing():
    plan = a_plan(days=3)
    tally = Tally(plan)
    for _ in range(2):
        tally.ended(next(tally.remaining()))
    assert [one.time_ms for one in tally.missing()] == [0, DAY, 2 * DAY]
    assert next(tally.remaining()).time == TimeInterval(0, DAY)


def test_a_regular_step_cannot_be_skipped():
    plan = a_plan(days=3)
    tally = Tally(plan)
    with pytest.raises(ContractError, match="came before"):
        tally.accept(*all_tiles(plan, [1])[0])
    assert tally.accept(*all_tiles(plan, [0])[0]) is not None


def test_an_instant_is_one_step():
    plan = a_plan()
    query = plan.query.narrowed(plan.query.spatial_bounds, TimeInterval(DAY + 5))
    plan = plan_raster(
        read_descriptor(raster_document(bands=2, step={"granularity": "days", "step": 1})),
        query,
        tile_shape=(TILE, TILE),
    )
    assert isinstance(plan.steps, RegularSteps)
    assert list(plan.certain) == [1]
    tally = Tally(plan)
    for tile in all_tiles(plan, [1]):
        assert next(tally.remaining(), None) is not None
        tally.accept(*tile)
    assert next(tally.remaining(), None) is None
