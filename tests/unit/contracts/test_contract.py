"""What a contract says of a document."""

import httpx
import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.services.contracts import Contract, Verdict, breaches, fly, news

LANDING = Contract(
    "GET",
    "/",
    {
        "links": "array",
        "links[].rel": "string",
        "links[].href": "string",
        "updated?": "time|null",
        "assets?.*.href": "string",
        "context?.matched": "integer",
    },
)
GOOD = {"links": [{"rel": "self", "href": "http://x"}, {"rel": "search", "href": "http://x/search"}]}


def told(document: object) -> list[str]:
    return [str(one) for one in breaches(document, LANDING)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"more": 1, "updated": None}, []),
        ({"updated": "2026-01-01T00:00:00Z", "assets": {}, "context": {"matched": 3}}, []),
        ({"links": None}, ["links: is null, a list was expected"]),
        ({"links": [{"rel": "self"}, {"rel": "next"}]}, ["links[].href: is gone"]),
        ({"links": [{"rel": "self", "href": 7}]}, ["links[].href: is an integer, a string was expected"]),
        ({"links": ["self"]}, ["links[]: is a string, an object was expected"]),
        ({"updated": "hush"}, ["updated: is a string that is no time, a time or null was expected"]),
        ({"assets": {"a": {"href": "u"}, "b": {}}}, ["assets.*.href: is gone"]),
        ({"assets": []}, ["assets: is a list, an object was expected"]),
        ({"context": {}}, ["context.matched: is gone"]),
        ({"context": {"matched": True}}, ["context.matched: is true or false, an integer was expected"]),
        ({"context": {"matched": 1.5}}, ["context.matched: is a number, an integer was expected"]),
    ],
)
def test_a_change_is_named_once_and_without_its_value(changed: dict, expected: list[str]) -> None:
    assert told({**GOOD, **changed}) == expected


def test_what_is_gone_or_no_object_is_told() -> None:
    assert told({}) == ["links: is gone"]
    assert told([]) == ["the document: is a list, an object was expected"]


def test_new_fields_are_named_beside_known_ones() -> None:
    document = {"links": [{"rel": "self", "href": "u", "title": "x"}], "assets": {"a": {"href": "u", "z": 1}}}
    assert news({**document, "extra": {"deep": 1}}, LANDING) == ["links[].title", "assets.*.z", "extra"]


def client(answer: httpx.Response) -> HttpClient:
    transport = httpx.MockTransport(lambda request: answer)
    return HttpClient(transport=transport, retry=RetryPolicy(attempts=1))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "verdict", "found"),
    [
        (httpx.Response(200, json=GOOD), Verdict.FINE, []),
        (httpx.Response(200, json={}), Verdict.CHANGED, ["links: is gone"]),
        (httpx.Response(200, text="<html>"), Verdict.CHANGED, ["the document: is no JSON"]),
        (httpx.Response(404), Verdict.CHANGED, ["answered 404 (http://x/)"]),
        (httpx.Response(503), Verdict.UNREACHABLE, ["answered 503 (http://x/)"]),
    ],
)
async def test_an_answer_is_judged(answer: httpx.Response, verdict: Verdict, found: list[str]) -> None:
    async with client(answer) as http:
        (flight,) = await fly("x", [LANDING], lambda: http.json("GET", "http://x/?key=hush"))
    assert (flight.verdict, list(flight.found), flight.call) == (verdict, found, "GET /")


@pytest.mark.anyio
async def test_settings_that_cannot_be_used_are_no_change_of_the_service() -> None:
    async def ask() -> None:
        raise InvalidInputError("no such block\nmore")

    (flight,) = await fly("x", [LANDING], ask)
    assert (flight.verdict, list(flight.found), flight.call) == (Verdict.REFUSED, ["no such block"], "-")
