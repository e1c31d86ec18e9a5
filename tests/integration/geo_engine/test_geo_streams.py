"""Complete streams from the sandbox, through every fault."""

import asyncio
import json
import random

import anyio
import numpy as np
import pytest
import xarray as xr
from conftest import DAY, START, Raster, opened

from eoflows.base.errors import CredentialsError, InvalidInputError, RefusedError, UnreachableError
from eoflows.sandbox.faults import Fault
from eoflows.sandbox.geo_engine.stream_faults import stream_fault
from eoflows.services.geo_engine import (
    FillValueWarning,
    IncompleteStreamError,
    QueryRectangle,
    RasterQueryRectangle,
    TimeInterval,
    submit_workflow,
)
from eoflows.services.geo_engine.times import MAX_MS, MIN_MS

pytestmark = pytest.mark.anyio
BOX = (-17, -30, 34, 12.5)
DAYS = TimeInterval(START, START + 3 * DAY)


@pytest.mark.parametrize("kind", ["U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64", "F32", "F64"])
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
async def test_every_type_keeps_its_values(client, kind, clip):
    raster = Raster(dataType=kind, nullShare=0.3, bands=2)
    workflow = await raster.workflow(client)
    found = await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS), clip)
    assert found.dims == ("time", "band", "y", "x")
    assert found.dtype == np.dtype(f"{kind[0].lower()}{int(kind[1:]) // 8}")
    assert found.shape[2:] == ((43, 51) if clip else (48, 80))
    raster.check(found, [0, 1, 2], [0, 1])


async def test_what_surrounds_the_values(client):
    bands = [
        {"name": "temp", "measurement": {"type": "continuous", "measurement": "t", "unit": "K"}},
        {
            "name": "class",
            "measurement": {"type": "classification", "measurement": "c", "classes": {"1": "a"}},
        },
    ]
    workflow = await Raster(bands=bands).workflow(client)
    query = RasterQueryRectangle(BOX, DAYS, [1, 0])
    found = await workflow.raster_stream_into_xarray(query, True, attrs={"title": "one"})
    assert found.band.values.tolist() == [1, 0]
    assert found.band_name.values.tolist() == ["class", "temp"]
    assert found.time.values.tolist() == [np.datetime64(START + n * DAY, "ms").item() for n in range(3)]
    assert (found.time_end.values - found.time.values == np.timedelta64(1, "D")).all()
    assert found.x.values.tolist() == [column - 19.5 for column in range(3, 54)]
    assert found.y.values.tolist() == [14.5 - row for row in range(2, 45)]
    assert found.x.attrs["units"] == "degrees_east"
    assert "WGS 84" in found.spatial_ref.attrs["crs_wkt"]
    bands = json.loads(found.attrs["bands"])
    assert bands[0]["classes"] == {"1": "a"}
    assert bands[1]["unit"] == "K"
    assert found.attrs["title"] == "one"


async def test_a_mask_and_a_value_of_choice(client):
    raster = Raster(dataType="U8", nullShare=0.3)
    workflow = await raster.workflow(client)
    query = RasterQueryRectangle(BOX, START, 0)
    with pytest.warns(FillValueWarning, match="255"):
        await workflow.raster_stream_into_xarray(query)
    masked = await workflow.raster_stream_into_xarray(query, nulls="mask", fill_value=0)
    values, valid = raster.pixels(0, 0, masked.x.values, masked.y.values)
    np.testing.assert_array_equal(masked.mask.values[0, 0], ~valid)
    np.testing.assert_array_equal(masked.values[0, 0][valid], values[valid])
    assert not masked.values[0, 0][~valid].any()
    with pytest.raises(InvalidInputError, match="256"):
        await workflow.raster_stream_into_xarray(query, fill_value=256)


@pytest.mark.parametrize("options", [{"nullShare": 1.0}, {"nanShare": 0.2}])
async def test_all_null_and_nan(client, options):
    raster = Raster(**options)
    found = await (await raster.workflow(client)).raster_stream_into_xarray(QueryRectangle(BOX, DAYS))
    raster.check(found, [0, 1, 2], [0])


IRREGULAR = [[START, START + DAY], [START + 2 * DAY, START + 3 * DAY], [START + 5 * DAY, START + 6 * DAY]]


async def test_irregular_time_and_none_at_all(client):
    raster = Raster(time={"intervals": IRREGULAR}, dataType="I64")
    workflow = await raster.workflow(client)
    assert workflow.plan(QueryRectangle(BOX, DAYS)).least_tiles is None
    found = await workflow.raster_stream_into_xarray(QueryRectangle(BOX, (START, START + 9 * DAY)))
    raster.check(found, [0, 1, 2], [0])
    assert found.time.values.astype(np.int64).tolist() == [start for start, _ in IRREGULAR]
    gap = QueryRectangle(BOX, (START + 3 * DAY, START + 4 * DAY))
    nothing = await workflow.raster_stream_into_xarray(gap, True)
    assert (nothing.shape, nothing.dtype) == ((0, 1, 43, 51), np.int64)
    assert [tile async for tile in workflow.raster_stream(gap)] == []


async def test_an_unbounded_time(client):
    raster = Raster(time={"intervals": [[MIN_MS, MAX_MS]]})
    found = await (await raster.workflow(client)).raster_stream_into_xarray(
        RasterQueryRectangle(BOX, START, 0)
    )
    assert found.time.values[0] == np.datetime64(MIN_MS, "ms")
    assert found.time_end.values[0] == np.datetime64(MAX_MS, "ms")


@pytest.mark.parametrize("profile", ["0.8", "0.9", "0.10"])
async def test_every_version(engine, profile):
    raster = Raster()
    async with opened(engine, profile) as client:
        workflow = await raster.workflow(client)
        resolution = 1 if profile == "0.8" else None
        query = RasterQueryRectangle(BOX, DAYS, 0, resolution=resolution)
        raster.check(await workflow.raster_stream_into_xarray(query), [0, 1, 2], [0])


FAULTS = {
    "dropped": {"kind": "drop"},
    "dropped at once": {"kind": "drop", "at_once": True},
    "reset": {"kind": "drop", "reset": True},
    "failed": {"kind": "close"},
    "failed at once": {"kind": "close", "at_once": True},
    "closed by a proxy": {"kind": "close", "code": 1001, "at_once": True},
    "closed as if complete": {"kind": "close", "code": 1000, "at_once": True},
    "cut message": {"kind": "truncate"},
    "twice": {"kind": "duplicate"},
    "left out": {"kind": "missing"},
    "swapped": {"kind": "swap"},
    "said as text": {"kind": "text"},
    "slow": {"kind": "slow", "seconds": 0.01},
}
NEVER = ["dropped", "failed", "cut message", "said as text", "closed as if complete"]
TILES = 3 * 5 * 2
"""Tile rows, tile columns and bands of one time step."""


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("message", [0, 1, TILES, TILES + 7, 3 * TILES])
@pytest.mark.parametrize("name", FAULTS)
async def test_whatever_happens_all_tiles_come_once(engine, client, name, message, regular):
    time = (
        {}
        if regular
        else {"time": {"intervals": [[START + n * DAY, START + (n + 1) * DAY] for n in range(3)]}}
    )
    raster = Raster(bands=2, nullShare=0.1, **time)
    workflow = await raster.workflow(client)
    engine.faults.add(stream_fault(times=1, message=message, **FAULTS[name]))
    seen = []
    query = QueryRectangle(BOX, DAYS)
    found = await workflow.raster_stream_into_xarray(query, progress=seen.append)
    raster.check(found, [0, 1, 2], [0, 1])
    assert seen[-1].tiles == 3 * TILES


@pytest.mark.parametrize("message", [0, 20])
async def test_a_stall_is_not_waited_for(engine, client, message):
    raster = Raster()
    workflow = await raster.workflow(client)
    engine.faults.add(stream_fault("stall", times=1, message=message, seconds=30))
    with anyio.fail_after(20):
        found = await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS), stall_timeout=0.5)
    raster.check(found, [0, 1, 2], [0])


@pytest.mark.parametrize("name", NEVER)
async def test_what_never_comes_is_named(engine, client, name):
    workflow = await Raster(bands=2).workflow(client)
    engine.faults.add(stream_fault(message=TILES + 3, times=1, **FAULTS[name]))
    engine.faults.add(stream_fault(message=0, **FAULTS[name]))
    with pytest.raises(IncompleteStreamError) as found:
        await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS))
    assert [(one.time_ms, one.count) for one in found.value.missing] == [
        (START + DAY, TILES - 3),
        (START + 2 * DAY, TILES),
    ]
    assert found.value.missing[0].first == (0, 1, 1)
    assert f"after {TILES + 3} tiles" in str(found.value)
    assert "2014-01-02" in str(found.value)


async def test_fifty_random_cuts(engine, client):
    """Every one ends complete and equal."""
    raster, chance = Raster(bands=2, dataType="I32", nullShare=0.2), random.Random(20140101)
    workflow = await raster.workflow(client)
    whole = await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS), fill_value=-1)
    for _ in range(50):
        engine.faults.clear()
        for _ in range(chance.randint(1, 3)):
            kind = chance.choice(["drop", "close"])
            code = {"code": chance.choice([1000, 1001, 1006 - 2, 1011, 1012])} if kind == "close" else {}
            cut = {"message": chance.randint(0, 3 * TILES), "at_once": chance.random() < 0.5}
            engine.faults.add(stream_fault(kind, times=1, **cut, **code))
        found = await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS), fill_value=-1)
        xr.testing.assert_identical(found, whole)


async def test_only_what_is_missing_is_asked_again(engine, client):
    workflow = await Raster(bands=2).workflow(client)
    engine.log.clear()
    engine.faults.add(stream_fault("drop", message=TILES + 25, times=1))
    await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS))
    asked = [entry for entry in engine.log.entries() if str(workflow) in entry.path]
    streams = [entry.parameters for entry in asked if entry.path.endswith("rasterStream")]
    # The whole, then what is left of the second day from the row that was cut, then the third day.
    assert [one["timeInterval"][0][:10] for one in streams] == ["2014-01-01", "2014-01-02", "2014-01-03"]
    edges = [[float(edge) for edge in one["spatialBounds"][0].split(",")] for one in streams]
    assert edges[1] == [-17.0, -29.75, 34.0, -16.25]
    assert edges[0] == edges[2] == [*BOX]


async def test_an_expired_session_is_renewed_within_a_stream(engine, client):
    raster = Raster()
    workflow = await raster.workflow(client)
    engine.faults.add(stream_fault("drop", message=20, times=1))
    seen = []

    def progress(now):
        seen.append(now)
        if now.tiles == 10:
            engine.geo_engine.sessions.expire_all()

    found = await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS), progress=progress)
    raster.check(found, [0, 1, 2], [0])
    assert seen[-1].connections >= 2
    assert seen[-1].remaining_seconds == 0


async def test_refused_upgrades_say_what_the_server_says(engine, client):
    workflow = await Raster().workflow(client)
    query = QueryRectangle(BOX, DAYS)
    engine.faults.add(Fault("forbidden", path="*Stream"))
    with pytest.raises(CredentialsError):
        await workflow.raster_stream_into_xarray(query)
    engine.faults.clear()
    engine.faults.add(Fault("error_page", path="*Stream"))
    with pytest.raises((IncompleteStreamError, UnreachableError, RefusedError)):
        await workflow.raster_stream_into_xarray(query)
    engine.faults.clear()
    engine.faults.add(Fault("unavailable", path="*Stream", times=1))
    await workflow.raster_stream_into_xarray(query)


async def test_a_busy_consumer_keeps_the_connection(client):
    workflow = await Raster().workflow(client)
    tiles = []
    async for tile in workflow.raster_stream(QueryRectangle(BOX, DAYS)):
        await anyio.sleep(0.002)
        tiles.append((tile.time, tile.geo_transform, tile.band))
    assert len(tiles) == len(set(tiles)) == 45


async def test_whoever_stops_early_closes_the_connection(engine, client):
    workflow = await Raster().workflow(client)
    stream = workflow.raster_stream(QueryRectangle(BOX, DAYS))
    assert (await anext(stream)).shape == (16, 16)
    before = engine.connections
    await stream.aclose()
    for _ in range(200):
        if engine.connections < before:
            break
        await asyncio.sleep(0.01)
    assert engine.connections < before


async def test_what_would_not_fit_is_refused(client):
    workflow = await Raster().workflow(client)
    with pytest.raises(InvalidInputError, match="limit_bytes"):
        await workflow.raster_stream_into_xarray(QueryRectangle(BOX, DAYS), limit_bytes=1000)
    irregular = await Raster(time={"intervals": IRREGULAR}).workflow(client)
    query = QueryRectangle(BOX, (START, START + 9 * DAY))
    with pytest.raises(InvalidInputError, match="first 2 time steps"):
        await irregular.raster_stream_into_xarray(query, limit_bytes=20_000)
    forever = QueryRectangle(BOX, (0, MAX_MS))
    with pytest.raises(InvalidInputError, match="would take"):
        await workflow.raster_stream_into_xarray(forever)


async def test_two_servers_in_one_process(engine):
    async with opened(engine) as one, opened(engine, "0.10") as other:
        operator = {"type": "SandboxRaster", "params": Raster().params}
        first, second = [
            await submit_workflow(client, {"type": "Raster", "operator": operator}) for client in (one, other)
        ]
        query = QueryRectangle(BOX, DAYS)
        both = await asyncio.gather(
            first.raster_stream_into_xarray(query), second.raster_stream_into_xarray(query)
        )
        xr.testing.assert_identical(*both)
