import pytest
from pydantic import ValidationError

from eoflows.base.errors import InvalidInputError
from eoflows.stores.stac import SearchRequest

EXPRESSION = {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}


def test_every_key_of_the_envelope():
    request = SearchRequest.from_envelope(
        {
            "filter": EXPRESSION,
            "limit": 20,
            "collections": ["s1-aux", "s2-aux"],
            "sortby": "-created",
            "timestamp": "2025-08-01/2025-08-02T00:00:00.5Z",
        }
    )
    assert request.body(1000) == {
        "limit": 20,
        "filter": EXPRESSION,
        "filter-lang": "cql2-json",
        "collections": ["s1-aux", "s2-aux"],
        "sortby": [{"field": "created", "direction": "desc"}],
        "datetime": "2025-08-01T00:00:00.000Z/2025-08-02T00:00:00.500Z",
    }


def test_every_key_may_be_absent_or_null():
    assert SearchRequest.from_envelope({}).body(500) == {"limit": 500}
    empty = dict.fromkeys(("filter", "limit", "collections", "sortby", "timestamp", "datetime"))
    assert SearchRequest.from_envelope(empty) == SearchRequest()


def test_a_bare_expression():
    assert SearchRequest.from_envelope(EXPRESSION) == SearchRequest(filter=EXPRESSION)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2025-08-07T11:51:12.509000Z", "2025-08-07T11:51:12.509Z"),
        ("2025-08-07T13:51:12+02:00", "2025-08-07T11:51:12.000Z"),
        ("2025-08-07/..", "2025-08-07T00:00:00.000Z/.."),
        ("../2025-08-07", "../2025-08-07T23:59:59.999Z"),
        ("2025-08-07", "2025-08-07T00:00:00.000Z/2025-08-07T23:59:59.999Z"),
        ("2024-02", "2024-02-01T00:00:00.000Z/2024-02-29T23:59:59.999Z"),
        ("2025-12", "2025-12-01T00:00:00.000Z/2025-12-31T23:59:59.999Z"),
        ("2025", "2025-01-01T00:00:00.000Z/2025-12-31T23:59:59.999Z"),
        ("2025-01/2025-02-03", "2025-01-01T00:00:00.000Z/2025-02-03T23:59:59.999Z"),
        ("2025-01-01/2025-01-31", "2025-01-01T00:00:00.000Z/2025-01-31T23:59:59.999Z"),
        ("2025-01-01T00:00:00Z/2025-01-31", "2025-01-01T00:00:00.000Z/2025-01-31T23:59:59.999Z"),
        ("2025-08-07/9999-12-31T23:59:59Z", "2025-08-07T00:00:00.000Z/.."),
    ],
)
@pytest.mark.parametrize("name", ["timestamp", "datetime"])
def test_both_names_of_the_time(name, written, sent):
    assert SearchRequest.from_envelope({name: written}).body(1)["datetime"] == sent


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("-created", [("created", "desc")]),
        ("+created", [("created", "asc")]),
        ("created", [("created", "asc")]),
        (["-created", "id"], [("created", "desc"), ("id", "asc")]),
        ("-created,+id, platform", [("created", "desc"), ("id", "asc"), ("platform", "asc")]),
        ({"field": "created", "direction": "DESC"}, [("created", "desc")]),
        ([{"field": "properties.created"}], [("properties.created", "asc")]),
    ],
)
def test_forms_of_sortby(written, sent):
    body = SearchRequest.from_envelope({"sortby": written}).body(1)
    assert [(term["field"], term["direction"]) for term in body["sortby"]] == sent


def test_one_collection_as_text():
    assert SearchRequest.from_envelope({"collections": "s1-aux"}).collections == ("s1-aux",)
    assert SearchRequest.from_envelope({"collections": "s1-aux, s3-aux"}).collections == ("s1-aux", "s3-aux")


@pytest.mark.parametrize(("limit", "page", "asked"), [(None, 1000, 1000), (20, 1000, 20), (5000, 1000, 1000)])
def test_the_limit_is_of_items_and_not_of_a_page(limit, page, asked):
    assert SearchRequest(limit=limit).body(page)["limit"] == asked


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        (
            {"filter": EXPRESSION, "max_items": 5},
            r"'max_items'; it may have filter, limit, collections, sortby",
        ),
        ({"filter-lang": "cql2-json", "stac_filter": 1}, "'filter-lang', 'stac_filter'"),
        ({"timestamp": "2025-08-01", "datetime": "2025-08-01"}, "both `timestamp` and `datetime`"),
        ({"limit": 0}, "limit is '0'"),
        ({"limit": -1}, "limit is '-1'"),
        ({"limit": "many"}, "limit is 'many'"),
        ({"filter": "id = 'x'"}, "filter is"),
        ({"filter": {"op": "="}}, 'needs "op" and "args"'),
        ({"filter": {"args": []}}, 'needs "op" and "args"'),
        ({"op": "="}, 'needs "op" and "args"'),
        ({"op": 5, "args": []}, 'needs "op" and "args"'),
        ({"sortby": 5}, "sortby is '5'"),
        ({"sortby": [5]}, "sortby is"),
        ({"sortby": [{"field": "created", "direction": "down"}]}, "asc or desc"),
        ({"sortby": [{"direction": "asc"}]}, "field and direction"),
        ({"collections": 5}, "collections is '5'"),
        ({"collections": [5]}, "collections"),
        ({"timestamp": 5}, "timestamp is '5'"),
        ({"timestamp": "soon"}, "'soon' is not a time"),
        ({"timestamp": "2025-08-02/2025-08-01"}, "swap them"),
        ({"timestamp": "2025-08-01/2025-08-02/2025-08-03"}, "is not a time"),
        ("id = 'x'", "give a JSON object"),
        (None, "give a JSON object"),
        ([EXPRESSION], "give a JSON object"),
    ],
)
def test_what_cannot_be_understood(envelope, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        SearchRequest.from_envelope(envelope)
    assert not isinstance(caught.value, ValidationError)
    assert len(str(caught.value)) < 500


def test_a_request_is_a_value():
    request = SearchRequest(limit=5)
    with pytest.raises(ValidationError):
        request.limit = 6
    assert request.model_copy(update={"limit": 6}).limit == 6
