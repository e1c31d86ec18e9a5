"""Whatever stands in the place of an item harms itself only."""

import json
import math
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stac_server import HOME, StacServer, item, page

from eoflows.base.errors import ContractError
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import fault_of, read_item
from eoflows.stores.stac.page import read_page

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3),
    max_leaves=6,
)
MEMBERS = ("type", "id", "collection", "geometry", "bbox", "properties", "links", "assets", "stac_extensions")
TIMES = st.sampled_from([None, "", "0000-01-01", "2025-02-30", "9999-12-31", 5, "2016-12-31T23:59:60Z"])


def whole(name: str) -> dict[str, Any]:
    links = [{"rel": "self", "href": HOME + f"items/{name}"}, {"rel": "derived_from", "href": "other"}]
    assets = {"f": {"href": "./f.EOF", "alternate": {"s3": {"href": "s3://b/f"}}}}
    return item(name) | {"links": links, "assets": assets, "stac_extensions": []}


@st.composite
def odd_items(draw: st.DrawFn) -> Any:
    """An item with any member, property, asset or link of another kind, missing or deep."""
    found = whole("odd")
    what = draw(st.sampled_from(["member", "missing", "time", "property", "asset", "link", "deep", "whole"]))
    if what == "member":
        found[draw(st.sampled_from(MEMBERS))] = draw(ANYTHING)
    elif what == "missing":
        del found[draw(st.sampled_from(sorted(found)))]
    elif what == "time":
        found["properties"][draw(st.sampled_from(["datetime", "start_datetime", "created"]))] = draw(TIMES)
    elif what == "property":
        found["properties"][draw(st.text(max_size=8))] = draw(ANYTHING)
    elif what == "asset":
        found["assets"]["f"] = draw(
            ANYTHING | st.fixed_dictionaries({"href": ANYTHING, "alternate": ANYTHING})
        )
    elif what == "link":
        href = draw(ANYTHING | st.sampled_from(["http://[x", "", "http://a:b", "//", "http://a b"]))
        found["links"].append(draw(ANYTHING | st.just({"rel": "self", "href": href})))
    elif what == "deep":
        for _ in range(draw(st.sampled_from([50, 150, 600, 3000]))):
            found["properties"] = {"datetime": "2025-01-01", "a": found["properties"]}
    else:
        return draw(ANYTHING)
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(odd_items(), min_size=1, max_size=3), st.integers(0, 3))
def test_odd_entries_of_a_page_leave_the_good_ones_alone(odd: list[Any], place: int) -> None:
    entries = [*odd[:place], whole("good"), *odd[place:]]
    read = read_page(written(page(entries)), HOME + "search")
    assert len(read.items) == len(entries)
    good = [one for one in read.items if one["id"] == "good" and not fault_of(one)]
    assert good[0]["assets"]["f"]["href"] == HOME + "items/f.EOF"
    for one in read.items:
        assert one["id"]
        assert isinstance(one["id"], str)
        json.dumps(one, allow_nan=False).encode()
        for key, form in (("properties", dict), ("assets", dict), ("links", list)):
            assert isinstance(one[key], form)


def written(document: Any) -> bytes:
    """JSON as some servers write it: with NaN, infinity and halves of characters; of any depth."""
    parts = []
    todo: list[Any] = [document]
    while todo:
        one = todo.pop()
        if isinstance(one, _Raw):
            parts.append(one)
        elif isinstance(one, dict):
            todo.append(_Raw("}"))
            for number, (key, value) in enumerate(reversed(one.items())):
                todo += [_Raw("," if number else ""), value, _Raw(json.dumps(key) + ":")]
            todo.append(_Raw("{"))
        elif isinstance(one, list):
            todo.append(_Raw("]"))
            for number, value in enumerate(reversed(one)):
                todo += [_Raw("," if number else ""), value]
            todo.append(_Raw("["))
        else:
            parts.append(json.dumps(one))
    return "".join(parts).encode()


class _Raw(str):
    """A piece of JSON as it is."""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"id": "bad", "properties": {"datetime": "2025-01-01", "x": "\\ud800"}, "assets": {}}', "JSON"),
        (b'{"id": "bad", "properties": {"datetime": "2025-01-01", "x": "\xff"}, "assets": {}}', "JSON"),
        (b'{"id": "bad", "properties": {"datetime": "2025-01-01", x: 5}, "assets": {}}', "JSON"),
        (b'{"id": "bad", "properties": ' + b"[" * 5000 + b"]" * 5000 + b', "assets": {}}', "JSON"),
        (b'"bad"', "no object"),
        (b"nonsense", "JSON"),
    ],
)
def test_what_is_no_json_is_one_entry(text: bytes, fault: str) -> None:
    good = json.dumps(whole("good")).encode()
    content = (
        b'{"a": [1, {"features": []}], "features": [' + good + b", " + text + b'], "links": [{"rel": "x"}]}'
    )
    read = read_page(content, HOME)
    assert read.items[0]["id"] == "good"
    assert fault in fault_of(read.items[1])
    assert read.document["links"] == [{"rel": "x"}]
    if b'"id"' in text:
        assert read.items[1]["id"] == "bad"


def test_numbers_that_no_json_has_are_nothing() -> None:
    content = b'{"features": [{"id": "a", "bbox": [NaN, -Infinity, 1e999, 2], "properties": {"datetime": '
    content += b'"2025-01-01", "n": 1' + b"0" * 5000 + b'}, "assets": {}}]}'
    (found,) = read_page(content, HOME).items
    assert (found["bbox"], found["properties"]["n"], fault_of(found)) == ([None, None, None, 2], None, "")
    assert math.isfinite(found["bbox"][3])


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"features": {}}', b'{"features": [1}', b"<html>", b'{"features": [', b"5"],
)
def test_an_answer_that_is_no_item_collection(content: bytes) -> None:
    with pytest.raises(ContractError, match="answer to a search"):
        read_page(content, HOME)


@pytest.mark.parametrize(
    ("href", "becomes"),
    [
        ("./B08.tif", HOME + "items/a/B08.tif"),
        ("B04.tif", HOME + "items/a/B04.tif"),
        ("../b/x.tif", HOME + "items/b/x.tif"),
        ("/x.tif", "https://station.example/x.tif"),
        ("//other.example/x.tif", "https://other.example/x.tif"),
        ("?x=1", HOME + "items/a/item.json?x=1"),
        ("a/b:c", HOME + "items/a/a/b:c"),
        ("s3://b/x", "s3://b/x"),
        ("https://h/x", "https://h/x"),
        ("", ""),
    ],
)
def test_relative_hrefs(href: str, becomes: str) -> None:
    links = [{"rel": "self", "href": "items/a/item.json"}]
    assets = {"f": {"href": href, "alternate": {"other": {"href": href}}}}
    read = read_item(item("a") | {"links": links, "assets": assets}, HOME + "search")
    assert read["assets"]["f"] == {"href": becomes, "alternate": {"other": {"href": becomes}}}
    alone = read_item(item("a") | {"assets": {"f": {"href": "./f"}}}, HOME + "search")
    assert alone["assets"]["f"]["href"] == "./f"


def test_a_fault_is_ours_to_say() -> None:
    assert not fault_of(read_item(whole("a") | {"eoflows:fault": "theirs"}, HOME))


def test_what_has_no_id_has_one_name_each_time() -> None:
    names = {read_item({"properties": {}, "n": 5}, HOME)["id"] for _ in range(2)}
    assert len(names | {read_item({"properties": {}, "n": 6}, HOME)["id"]}) == 2


@pytest.mark.anyio
async def test_a_search_gives_what_cannot_be_read_as_such() -> None:
    bad = [{"id": "b", "properties": None, "assets": {}}, 5, item("c") | {"assets": []}]
    server = StacServer(lambda *_: page([item("a"), *bad, item("d")]) | {"numberMatched": 5})
    found = [one async for page in server.client().pages(SearchRequest()) for one in page]
    assert [bool(fault_of(one)) for one in found] == [False, True, True, True, False]
    assert [one["id"] for one in found if not fault_of(one)] == ["a", "d"]


@pytest.mark.anyio
async def test_bytes_of_a_page_that_are_no_json_are_read_entry_by_entry() -> None:
    content = json.dumps(page([item("a"), item("b") | {"bbox": [math.nan] * 4}])).encode()
    server = StacServer(lambda *_: httpx.Response(200, content=content))
    found = [one["id"] async for page in server.client().pages(SearchRequest()) for one in page]
    assert found == ["a", "b"]
