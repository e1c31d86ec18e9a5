"""A real week out of the 6,239 precise orbits that ESA published, staged and compared with an oracle.

The oracle reads the names in the list with a regular expression of its own; it shares nothing with
eoflows, and nothing with the sandbox but the body's checksum.
"""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from staging_workshop import PLACE

from eoflows.base.times import Interval
from eoflows.products.selection import Boundary, Wanted
from eoflows.products.staging import Outcome
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.stac import SearchRequest

LIST = Path(__file__).parents[3].parent / "shared/data/aux_orbits/poeorb.jsonl.gz"
SCALE = 0.01
KIND = "AUX_POEORB"
NAME = re.compile(
    r"S1[ABC]_OPER_AUX_POEORB_OPOD_\d{8}T\d{6}_V(?P<start>\d{8}T\d{6})_(?P<end>\d{8}T\d{6})\.EOF"
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not LIST.exists(), reason=f"the list of real products is not at {LIST}"),
]


@dataclass(frozen=True)
class Orbit:
    """What a name in the list says."""

    name: str
    start: datetime
    end: datetime
    size: int


def read(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def listed() -> list[Orbit]:
    records = [json.loads(line) for line in gzip.decompress(LIST.read_bytes()).splitlines()]
    found = [(NAME.fullmatch(record["name"]), record) for record in records]
    return [
        Orbit(name[0], read(name["start"]), read(name["end"]), max(1, round(record["size"] * SCALE)))
        for name, record in found
        if name is not None
    ]


@pytest.fixture(scope="module")
def real_box():
    with Sandbox(SandboxSettings(days=0, load=(LIST,), scale=SCALE)) as box:
        yield box


@pytest.fixture(scope="module")
def orbits() -> list[Orbit]:
    return listed()


@pytest.fixture
def compare(real_box, orbits, workshop):
    """Stages, and compares names, sizes, checksums and catalogue with what the oracle expects."""

    async def check(search, expected: set[str]) -> None:
        bodies = {one.name: one.content.md5 for one in real_box.stations["auxip"].products}
        sizes = {orbit.name: orbit.size for orbit in orbits}
        async with workshop(real_box) as shop:
            report = await shop.run(search)
            items = await shop.catalog.get_many(PLACE.catalog_collection, report.present)
        files = shop.files()
        assert set(files) == expected
        assert {name for item in items for name in item["assets"]} == expected
        assert {item["id"] + ".EOF" for item in items} == expected
        assert report.count(Outcome.STAGED) == report.found == len(expected)
        for item in items:
            ((name, asset),) = item["assets"].items()
            content = files[name].read_bytes()
            assert len(content) == sizes[name] == asset["file:size"]
            assert hashlib.md5(content).hexdigest() == bodies[name]
            assert asset["file:checksum"] == "d50110" + bodies[name]

    return check


def covering(orbits: list[Orbit], start: datetime, end: datetime, strict: bool = False) -> set[str]:
    if strict:
        return {orbit.name for orbit in orbits if orbit.start < start and orbit.end > end}
    return {orbit.name for orbit in orbits if orbit.start <= start and orbit.end >= end}


def test_the_list_is_the_real_one(orbits, real_box):
    assert len(orbits) == len(real_box.stations["auxip"].products) == 6239
    assert len({orbit.name for orbit in orbits}) == 6239


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


INTERVALS = [
    (utc(2021, 2, 3, 11, 51, 12, 509_000), utc(2021, 2, 3, 12, 0)),
    (utc(2021, 2, 3, 22, 59, 42), utc(2021, 2, 5, 0, 59, 42)),
    (utc(2021, 2, 3, 22, 59, 42), utc(2021, 2, 3, 23, 0)),
    (utc(2021, 2, 4, 23, 30), utc(2021, 2, 5, 0, 30)),
    (utc(2021, 2, 5, 0, 59, 42), utc(2021, 2, 5, 0, 59, 42)),
    (utc(2021, 2, 5), utc(2021, 2, 5)),
    (utc(2021, 2, 1), utc(2021, 2, 8)),
]


@pytest.mark.parametrize(("start", "end"), INTERVALS)
@pytest.mark.parametrize("boundary", list(Boundary))
async def test_valid_cover(orbits, compare, start, end, boundary):
    expected = covering(orbits, start, end, boundary == "strict")
    await compare(Wanted(KIND, Interval(start, end), boundary), expected)


def test_the_intervals_are_worth_asking(orbits):
    """They find different numbers of products, and the bounds matter for some."""
    counts = {len(covering(orbits, *one)) for one in INTERVALS}
    assert {0, 2} < counts
    assert sum(covering(orbits, *one) != covering(orbits, *one, strict=True) for one in INTERVALS) >= 3


async def test_a_whole_week(orbits, compare):
    start, end = utc(2021, 2, 1), utc(2021, 2, 1) + timedelta(days=7)
    expected = {orbit.name for orbit in orbits if orbit.start <= end and orbit.end >= start}
    assert 14 <= len(expected) <= 40
    week = ["2021-02-01T00:00:00.000Z", "2021-02-08T00:00:00.000Z"]
    validity = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
    expression = {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "product:type"}, KIND]},
            {"op": "t_intersects", "args": [validity, {"interval": week}]},
        ],
    }
    await compare(SearchRequest.from_envelope({"filter": expression, "sortby": "-created"}), expected)
