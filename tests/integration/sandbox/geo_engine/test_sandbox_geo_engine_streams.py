import asyncio
import json

import numpy as np
import pytest
from geo_engine_caller import Caller, table
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage, InvalidStatus

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.geo_engine import GeoEngineSettings, RasterSource
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.geo_engine.sources import DATA_TYPES
from eoflows.sandbox.geo_engine.stream_faults import stream_fault

RASTER = {
    "width": 20,
    "height": 10,
    "dataType": "U8",
    "nullShare": 0.2,
    "origin": [0, 0],
    "pixelSize": [1, 1],
    "bands": 3,
    "time": {"count": 2},
    "tileSize": 8,
}
TILES = [(row, column) for row in (0, 8) for column in (0, 8, 16)]


def keys(messages):
    found = []
    for message in messages:
        about = {key.decode(): value.decode() for key, value in table(message).schema.metadata.items()}
        corner = json.loads(about["geoTransform"])["originCoordinate"]
        found.append((json.loads(about["time"])["start"], -corner["y"], corner["x"], int(about["band"])))
    return found


def last_stream(box):
    assert box.log.wait_for(lambda log: log.entries("*Stream")[-1].ended is not None)
    return box.log.entries("*Stream")[-1]


def test_every_tile_comes_whole_and_in_order(box, caller):
    messages, end = caller.pull(caller.register(**RASTER), attributes="2,0")
    day = 86_400_000
    start = 1_388_534_400_000
    assert keys(messages) == [
        (time, row, column, band) for time in (start, start + day) for row, column in TILES for band in (2, 0)
    ]
    assert (end.rcvd.code, end.rcvd.reason) == (1000, "")
    source = RasterSource.from_params(RASTER)
    for message, (time, row, column, band) in zip(messages, keys(messages), strict=True):
        pixels = table(message).column("data")
        rows, columns = np.arange(row, row + 8), np.arange(column, column + 8)
        values, valid = pixel_values(
            source, (time - start) // day, band, rows.astype(int), columns.astype(int)
        )
        assert len(pixels) == 64
        assert pixels.to_pylist() == [
            value if known else None
            for value, known in zip(values.ravel().tolist(), valid.ravel().tolist(), strict=True)
        ]
    entry = last_stream(box)
    assert (entry.status, entry.method, entry.aborted) == (101, "GET", False)
    assert entry.body == {"asked": 25, "dropped": 0, "sent": 24, "code": 1000}
    assert entry.bytes_sent == sum(map(len, messages))


def test_a_next_too_many_is_dropped(box, caller):
    """While a message is made one NEXT waits; those that come meanwhile are lost, and other texts as well."""
    workflow = caller.register(**RASTER)

    async def greedy():
        async with caller.connect(caller.address(workflow)) as socket:
            for _ in range(12):
                await socket.send("NEXT")
            received = [await socket.recv(), await socket.recv()]
            await socket.send("what?")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.8):
                    await socket.recv()
            await socket.send("NEXT")
            return [*received, await socket.recv()]

    with box.faults.active(stream_fault("slow", seconds=0.4)):
        received = asyncio.run(greedy())
    entry = last_stream(box)
    assert keys(received) == keys(caller.pull(workflow)[0])[:3]
    assert entry.body == {"asked": 13, "dropped": 10, "sent": 3, "code": None}
    assert entry.aborted


def test_two_requests_in_flight_lose_nothing(box, caller):
    workflow = caller.register(**RASTER)

    async def eager():
        received = 0
        async with caller.connect(caller.address(workflow)) as socket:
            await socket.send("NEXT")
            await socket.send("NEXT")
            while True:
                try:
                    await socket.recv()
                    received += 1
                    await socket.send("NEXT")
                except ConnectionClosed as end:
                    return received, end.rcvd.code

    assert asyncio.run(eager()) == (12, 1000)


@pytest.mark.parametrize("kind", DATA_TYPES)
def test_every_data_type(caller, kind):
    params = {**RASTER, "dataType": kind, "nullShare": 0, "nanShare": 0.3, "tileSize": 4, "bands": 1}
    (message, *_), _ = caller.pull(caller.register(**params))
    column = table(message).column("data")
    assert column.to_numpy().dtype == DATA_TYPES[kind]
    assert column.null_count == 0
    assert column.buffers()[0] is None
    assert bool(np.isnan(column.to_numpy()).any()) == kind.startswith("F")


def test_where_there_are_no_data_all_pixels_are_null(caller):
    workflow = caller.register(**RASTER)
    messages, end = caller.pull(workflow, spatialBounds="-8,-8,0,0")
    assert [table(one).column("data").null_count for one in messages] == [64, 64]
    late = "2014-01-04T00:00:00.000+00:00/2014-01-05T00:00:00.000+00:00"
    messages, end = caller.pull(workflow, timeInterval=late)
    assert {table(one).column("data").null_count for one in messages} == {64}
    assert len(messages) == 6
    assert end.rcvd.code == 1000


def test_irregular_time_may_give_no_tile(caller):
    workflow = caller.register(**{**RASTER, "time": {"intervals": [[0, 1000], [5000, 6000]]}})
    assert caller.pull(workflow)[0] == []
    early = "1970-01-01T00:00:00.999+00:00/1970-01-01T00:00:05.001+00:00"
    assert len(caller.pull(workflow, timeInterval=early)[0]) == 12
    assert len(caller.pull(workflow, timeInterval="1970-01-01T00:00:05.000+00:00")[0]) == 6


def test_messages_above_16_mib_come_in_fragments():
    settings = GeoEngineSettings(tile_size=2304)
    with Sandbox(SandboxSettings(days=0, geo_engine=settings)) as box:
        caller = Caller(f"{box.url}/geoengine/0.9")
        workflow = caller.register(width=2304, height=2304, dataType="F32", origin=[0, 0], pixelSize=[1, 1])

        async def fragments():
            address = caller.address(workflow, timeInterval="2014-01-01T00:00:00.000+00:00")
            async with caller.connect(address) as socket:
                await socket.send("NEXT")
                return [part async for part in socket.recv_streaming()]

        parts = asyncio.run(fragments())
        caller.http.close()
    assert [len(part) for part in parts[:-1]] == [16 * 1024 * 1024]
    assert table(b"".join(parts)).num_rows == 2304 * 2304


def test_streams_are_not_compressed(caller):
    workflow = caller.register(**RASTER)

    async def extensions():
        headers = {"Authorization": caller.http.headers["authorization"]}
        async with connect(caller.address(workflow), additional_headers=headers) as socket:
            return socket.response.headers.get("Sec-WebSocket-Extensions")

    assert asyncio.run(extensions()) is None


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"attributes": None}, 400, "UnableToParseQueryString"),
        ({"attributes": "0,0"}, 400, "BandSelection"),
        ({"attributes": "3"}, 400, "BandDoesNotExist"),
        ({"attributes": ""}, 400, "UnableToParseQueryString"),
        ({"resultType": "png"}, 400, "UnableToParseQueryString"),
        ({"spatialBounds": "0,0,1"}, 400, "UnableToParseQueryString"),
        ({"spatialBounds": "5,0,1,1"}, 400, "InvalidBoundingBox"),
        ({"timeInterval": "yesterday"}, 400, "UnableToParseQueryString"),
        ({"timeInterval": "1500-01-01T00:00:00+00:00/2500-01-01T00:00:00+00:00"}, 400, "TimeStepIterator"),
        ({"stream": "vectorStream"}, 400, "WorkflowMustBeOfTypeVector"),
    ],
)
def test_a_refused_upgrade_says_why_in_json(caller, change, status, error):
    workflow = caller.register(**RASTER)
    with pytest.raises(InvalidStatus) as caught:
        caller.pull(workflow, **change)
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["error"] == error


def test_a_stream_needs_a_session(box, caller):
    workflow = caller.register(**RASTER)
    box.geo_engine.sessions.expire_all()
    with pytest.raises(InvalidStatus) as caught:
        caller.pull(workflow)
    assert caught.value.response.status_code == 401
    assert json.loads(caught.value.response.body) == {
        "error": "Unauthorized",
        "message": "Authorization error: The session id is invalid.",
    }
    assert last_stream(box).status == 401


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("kind", "parameters", "code"),
    [
        ("close", {}, 1011),
        ("close", {"code": 1012, "reason": "restart"}, 1012),
        ("close", {"code": 1000, "reason": ""}, 1000),
        ("drop", {}, None),
        ("drop", {"reset": True}, None),
    ],
)
def test_a_stream_that_ends_too_early(box, caller, kind, parameters, code, at_once):
    workflow = caller.register(**RASTER)
    order = stream_fault(kind, message=5, times=1, at_once=at_once, **parameters)
    with box.faults.active(order):
        messages, end = caller.pull(workflow)
        assert len(messages) == 5 or parameters.get("reset")
        assert (end.rcvd.code if end.rcvd else None) == code
        assert last_stream(box).faults == ("behave",)
        assert len(caller.pull(workflow)[0]) == 12


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("missing", [0, 1, 3]),
        ("duplicate", [0, 1, 2, 2, 3]),
        ("swap", [0, 1, 3, 2]),
        ("slow", [0, 1, 2, 3]),
    ],
)
def test_messages_out_of_place(box, caller, kind, wanted):
    workflow = caller.register(**{**RASTER, "tileSize": 10, "time": {"count": 2}})
    whole = keys(caller.pull(workflow)[0])
    with box.faults.active(stream_fault(kind, message=2)):
        messages, end = caller.pull(workflow)
    assert keys(messages) == [whole[number] for number in wanted]
    assert end.rcvd.code == 1000


def test_a_cut_message_a_text_and_a_stall(box, caller):
    workflow = caller.register(**RASTER)
    with box.faults.active(stream_fault("truncate", message=1, keep=0.3)):
        messages, _ = caller.pull(workflow)
    assert len(messages) == 12
    assert len(messages[1]) == int(0.3 * len(messages[0]))
    with pytest.raises(ValueError, match="Arrow"):
        table(messages[1])
    with box.faults.active(stream_fault("text", message=1, text="out of memory")):
        messages, end = caller.pull(workflow)
    assert messages[1:] == ["out of memory"]
    with box.faults.active(stream_fault("stall", message=1, seconds=0.2)):
        messages, end = caller.pull(workflow)
    assert len(messages) == 1
    assert isinstance(end, ConnectionClosedError)


def test_the_end_itself_can_fail(box, caller):
    workflow = caller.register(**RASTER)
    with box.faults.active(stream_fault("close", message=12)):
        messages, end = caller.pull(workflow)
    assert (len(messages), end.rcvd.code) == (12, 1011)
    for kind in ("missing", "duplicate", "truncate", "swap"):
        with box.faults.active(stream_fault(kind, message=12)):
            assert len(caller.pull(workflow)[0]) == 12


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault("error_page", "*Stream", parameters={"format": "html", "status": 502}), 502),
        (Fault("unavailable", "*Stream"), 503),
        (Fault("throttle", "*Stream"), 429),
        (Fault("expired_token", "*Stream", parameters={"revoke": True}), 401),
    ],
)
def test_upgrades_are_refused_by_the_fault_book(box, caller, fault, status):
    workflow = caller.register(**RASTER)
    with box.faults.active(fault), pytest.raises(InvalidStatus) as caught:
        caller.pull(workflow)
    assert caught.value.response.status_code == status
    assert last_stream(box).status == status


def test_a_revoked_session_is_replaced_by_a_new_one(box, caller):
    workflow = caller.register(**RASTER)
    with box.faults.active(Fault("expired_token", "*Stream", parameters={"revoke": True})):
        for _ in range(2):
            with pytest.raises(InvalidStatus):
                caller.pull(workflow)
        caller.login()
        assert len(caller.pull(workflow)[0]) == 12


def test_faults_of_bodies_leave_streams_alone(box, caller):
    workflow = caller.register(**RASTER)
    with box.faults.active(Fault("truncate", "*Stream"), Fault("wrong_checksum", "*Stream")):
        assert len(caller.pull(workflow)[0]) == 12
    assert last_stream(box).faults == ()


def test_a_connection_can_be_reset_before_any_answer(box, caller):
    workflow = caller.register(**RASTER)
    with box.faults.active(Fault("reset", "*Stream")), pytest.raises((OSError, InvalidMessage)):
        caller.pull(workflow)
    assert last_stream(box).status is None


def test_features_come_in_chunks(box, caller):
    workflow = caller.register("Vector", count=30_000, columns={"n": "int", "t": "dateTime", "c": "category"})
    messages, end = caller.pull(workflow, stream="vectorStream", spatialBounds="-180,-90,180,90")
    batches = [table(one) for one in messages]
    assert sum(batch.num_rows for batch in batches) == 30_000
    assert len(batches) > 2
    assert {name: str(batches[0].schema.field(name).type) for name in batches[0].schema.names} == {
        "__geometry": "string",
        "__time": "fixed_size_list<item: int64>[2]",
        "n": "int64",
        "t": "date64[ms]",
        "c": "uint8",
    }
    assert batches[0].schema.metadata == {b"spatialReference": b"EPSG:4326"}
    assert all(500_000 < len(message) < 2_000_000 for message in messages[:-1])
    assert end.rcvd.code == 1000


def test_the_oldest_version_streams_at_the_resolution_asked(box, caller):
    workflow = caller.register(**{**RASTER, "tileSize": 5})
    old = Caller(f"{box.url}/geoengine/0.8")
    with pytest.raises(InvalidStatus):
        old.pull(workflow)
    messages, _ = old.pull(workflow, spatialResolution="2,2")
    source = RasterSource.from_params(RASTER)
    values, valid = pixel_values(source, 0, 0, np.arange(1, 11, 2), np.arange(1, 11, 2))
    first = table(messages[0]).column("data")
    assert first.to_pylist() == np.where(valid, values.astype(object), None).ravel().tolist()
    assert len(messages) == 4
    old.http.close()
