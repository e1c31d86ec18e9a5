import pytest

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.stores.stac.items import (
    checked_item,
    created,
    fault_of,
    product_type,
    read_item,
    validity,
)

GOOD = {"id": "x", "properties": {"datetime": "2025-08-07T00:00:00Z"}, "assets": {}}


def nested(depth):
    found = inner = {}
    for _ in range(depth):
        inner["a"] = {}
        inner = inner["a"]
    return found


@pytest.mark.parametrize(
    "item",
    [
        None,
        "x",
        [],
        {},
        GOOD | {"id": ""},
        GOOD | {"id": 5},
        GOOD | {"properties": None},
        GOOD | {"assets": []},
        GOOD | {"links": {"self": "x"}},
        {"id": "x", "properties": {}},
        GOOD | {"stac_extensions": 5},
        GOOD | {"collection": ["a"]},
        GOOD | {"x": nested(600)},
    ],
)
def test_a_document_that_is_no_item(item):
    with pytest.raises(ContractError, match=r"https://h/search"):
        checked_item(item, "https://h/search?token=1")
    assert fault_of(read_item(item, "https://h/search"))
    assert checked_item(GOOD, "https://h/") is GOOD


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"datetime": None},
        {"datetime": "soon"},
        {"end_datetime": None},
        {"created": 5, "datetime": "2025-01-01"},
    ],
)
def test_an_item_of_no_time_that_can_be_read(times):
    assert fault_of(read_item(GOOD | {"properties": times}, "https://h/"))
    assert not fault_of(read_item(GOOD | {"properties": {"start_datetime": "2025-01-01"}}, "https://h/"))


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"datetime": "2025-08-07"}, "2025-08-07T00:00:00.000Z/2025-08-07T00:00:00.000Z"),
        (
            {"datetime": "2025-08-01", "start_datetime": "2025-08-07", "end_datetime": "2025-08-08"},
            "2025-08-07T00:00:00.000Z/2025-08-08T00:00:00.000Z",
        ),
        ({"start_datetime": "2025-08-07", "end_datetime": None}, "2025-08-07T00:00:00.000Z/.."),
        ({"start_datetime": "2025-08-07"}, "2025-08-07T00:00:00.000Z/.."),
        (
            {"start_datetime": "2025-08-07", "end_datetime": "9999-12-31T23:59:59.999Z"},
            "2025-08-07T00:00:00.000Z/..",
        ),
        ({"end_datetime": "2025-08-07"}, "../2025-08-07T00:00:00.000Z"),
    ],
)
def test_validity(properties, text):
    assert str(validity({"properties": properties})) == text


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"datetime": None},
        {"datetime": "soon"},
        {"datetime": 20250807},
        {"start_datetime": "2025-08-08", "end_datetime": "2025-08-07"},
        {"start_datetime": ["2025-08-08"], "end_datetime": None},
    ],
)
def test_an_item_without_a_usable_time_is_not_valid_for_ever(properties):
    with pytest.raises(InvalidInputError):
        validity({"properties": properties})


def test_properties():
    assert product_type({"properties": {"product:type": "AUX_PP2"}}) == "AUX_PP2"
    assert product_type({"properties": {"product:type": 5}}) is None
    assert product_type({"properties": {}}) is None
    assert created({"properties": {"created": "2025-08-07"}}) == "2025-08-07"
    assert created({"properties": {"created": None}}) == ""
