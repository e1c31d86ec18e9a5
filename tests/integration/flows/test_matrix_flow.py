"""The morning matrix as people run it, with each of its states made on the sandbox."""

import dataclasses
import itertools
import re
import sqlite3
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flow_runs import run

from eoflows.flows.morning_matrix import morning_matrix
from eoflows.flows.stage_systematically import systematic_aux_staging
from eoflows.sandbox import Fault

pytestmark = pytest.mark.anyio
END = datetime(2025, 6, 6, tzinfo=UTC)
FIRST = END - timedelta(days=5)
_numbers = itertools.count(1)
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """What a browser would see, and whether each element is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.open, self.seen, self.ids, self.links = path, [], [], set(), []
        self.cells: dict[str, str] = {}
        self.day = ""
        self.feed(path.read_text())
        assert self.open == []

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        values = dict(given)
        self.seen.append(tag)
        self.ids |= {values["id"]} if values.get("id") else set()
        self.links += [values["href"]] if "href" in values else []
        assert "src" not in values
        if tag == "time":
            self.day = values["datetime"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[self.day] = data


class Offer:
    """Products of a type of their own, two on each of days 0 to 3; those of day 1 were late."""

    def __init__(self, place) -> None:
        self.place, self.kind = place, f"MATRIX{next(_numbers)}"
        self.line = {
            "catalog_collection_identifier": "s1-aux",
            "collections": ["s1-aux"],
            "product_types": [self.kind],
        }
        station = place.box.stations["auxip"]
        model = next(one for one in station.products if one.product_type == "AUX_POEORB")
        for day, number in itertools.product(range(4), (1, 2)):
            published = FIRST + timedelta(days=day, hours=12)
            made = published - timedelta(hours=30 if day == 1 else 1)
            times = {"published": published, "created": made}
            name = f"{self.item(day, number)}.EOF"
            station.add(
                dataclasses.replace(model, name=name, product_type=self.kind, size=300 + day, **times)
            )

    def item(self, day: int, number: int) -> str:
        return f"S1A_{self.kind}_{day}_{number}"

    async def stage(self) -> None:
        given = {"collections": ["s1-aux"], "product_types": [self.kind], "start": FIRST, "end": END}
        staged = await run(systematic_aux_staging, self.place.env, "s1-aux", **given)
        assert staged.state.name == "Completed"

    def forget(self, *items: str) -> None:
        with sqlite3.connect(self.place.state / "catalog.sqlite") as database:
            for item in items:
                assert database.execute("DELETE FROM items WHERE id = ?", (item,)).rowcount == 1
        database.close()

    async def matrix(self, *lines: dict, days: int = 5):
        return await run(morning_matrix, self.place.env, list(lines) or [self.line], days, END)


@pytest.fixture
def offer(place) -> Offer:
    return Offer(place)


async def test_each_state(place, offer) -> None:
    await offer.stage()
    place.files()[f"{offer.item(2, 1)}.EOF"].unlink()
    offer.forget(offer.item(3, 1), offer.item(3, 2))

    shown = await offer.matrix()
    assert shown.state.name == "Incomplete"
    assert shown.state.message == "To look at: 1 missing, 1 partial, 1 late, of 4 days of collections."
    assert shown.artifacts["morning-matrix-progress"]["data"] == 100
    table = shown.artifacts["morning-matrix"]["data"]
    rows = dict(re.findall(r"^\| (2025-\S+) \| (.*) \|$", table, flags=re.MULTILINE))
    assert rows == {
        "2025-06-05": "·",
        "2025-06-04": "○ missing all 2",
        "2025-06-03": "◐ partial 1 of 2",
        "2025-06-02": "◷ late 2 of 2",
        "2025-06-01": "● complete 2",
    }
    assert "prefect deployment run audit-storage/default" in table

    folder = place.state / "storage/demo/_mornings"
    assert (folder / "latest.html").read_bytes() == (folder / "2025-06-05.html").read_bytes()
    page = Page(folder / "latest.html")
    assert page.cells == rows | {"2025-06-05": "· nothing published"}
    assert {"title", "caption", "h1", "main"} <= set(page.seen)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.seen)
    inside = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inside <= page.ids
    places = [folder / link for link in page.links if not link.startswith("#")]
    # Of eight products, one lost its file and two have no record, and so no place.
    assert sorted(one.exists() for one in places) == [False, True, True, True, True, True]


async def test_nothing_is_left_to_look_at(offer) -> None:
    before = await offer.matrix()
    assert before.state.message == "To look at: 4 missing, of 4 days of collections."
    await offer.stage()
    shown = await offer.matrix()
    assert shown.state.name == "Complete"
    assert shown.state.message == "All 4 days of collections are complete, 1 late."
    patient = await offer.matrix(offer.line | {"late_after_hours": 48})
    assert patient.state.message == "All 4 days of collections are complete."


async def test_a_source_that_cannot_be_read_hides_no_other(place, offer) -> None:
    await offer.stage()
    other = offer.line | {"source": "prip", "collections": []}
    with place.box.faults.active(Fault("forbidden", "/prip/*")):
        shown = await offer.matrix(offer.line, other)
    assert (shown.state.type.value, shown.state.name) == ("FAILED", "PartlyKnown")
    row = next(line for line in shown.artifacts["morning-matrix"]["data"].splitlines() if "06-01 |" in line)
    assert row == "| 2025-06-01 | ● complete 2 | ? unknown |"
    assert "What could not be read" in (place.state / "storage/demo/_mornings/latest.html").read_text()


async def test_the_picture_is_whole(offer) -> None:
    shown = await offer.matrix(days=40)
    data = shown.artifacts["morning-matrix-picture"]["data"].partition("base64,")[2]
    tree = ElementTree.fromstring(b64decode(data))
    titles = [title.text for title in tree.iter("{http://www.w3.org/2000/svg}title")]
    assert f"{offer.kind}, 2025-06-02: missing all 2, 2 late" in titles
    assert len(titles) == 1 + 40
