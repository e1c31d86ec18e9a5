from datetime import UTC, datetime

import pystac
import pytest

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.sandbox.up42.processes import PROCESSES
from eoflows.services.up42.templates import NAMED, GreyWeight, TemplateRow, inputs_of, row_of

HREF = "https://api.up42.com/v2/assets/stac/collections/c/items/i"


def item(href=HREF):
    made = pystac.Item("i", None, None, datetime(2025, 1, 1, tzinfo=UTC), {})
    if href:
        made.set_self_href(href)
    return made


@pytest.mark.parametrize(
    ("name", "given", "inputs"),
    [
        ("DetectionTreesSpacept", {"item": item()}, {"item": HREF}),
        ("DetectionTreesSpacept", {"item": HREF}, {"item": HREF}),
        (
            "CoregistrationSimularity",
            {"source_item": item(), "reference_item": item(f"{HREF}2")},
            {"sourceItem": HREF, "referenceItem": f"{HREF}2"},
        ),
        (
            "DetectionChangeSimularity",
            {"source_item": HREF, "reference_item": HREF},
            {"sourceItem": HREF, "referenceItem": HREF, "sensitivity": 2},
        ),
        (
            "DetectionChangeSimularity",
            {"source_item": HREF, "reference_item": HREF, "sensitivity": 5},
            {"sourceItem": HREF, "referenceItem": HREF, "sensitivity": 5},
        ),
        ("Pansharpening", {"item": HREF}, {"item": HREF}),
        (
            "Pansharpening",
            {"item": HREF, "grey_weights": [GreyWeight("red", 0.5), {"band": "nir", "weight": 1}]},
            {"item": HREF, "greyWeights": [{"band": "red", "weight": 0.5}, {"band": "nir", "weight": 1}]},
        ),
    ],
)
def test_attributes_become_inputs(name, given, inputs):
    assert inputs_of(NAMED[name], {"title": "A title", **given}) == {"title": "A title", **inputs}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"item": HREF}, "Pansharpening needs title"),
        ({"title": "a"}, "Pansharpening needs item"),
        ({"title": "a", "item": item(None)}, "item 'i' has no self href"),
        ({"title": "a", "item": ""}, "no self href"),
        ({"title": "a", "items": []}, "takes title, item, grey_weights, not items"),
    ],
)
def test_what_must_be_changed_before_anything_is_sent(given, message):
    with pytest.raises(InvalidInputError, match=message):
        inputs_of(NAMED["Pansharpening"], given)


def test_every_named_template_is_that_of_its_description():
    described = {process.id: row_of(process.document(1)) for process in PROCESSES}
    assert {row.process_id for row in NAMED.values()} == described.keys() - {"mosaicking-sandbox"}
    for row in NAMED.values():
        found = described[row.process_id]
        assert found.name == row.process_id
        assert [(one.attribute, one.name, one.kind, one.required) for one in found.inputs] == [
            (one.attribute, one.name, one.kind, one.required) for one in row.inputs
        ]


def test_a_process_of_many_items_needs_no_code():
    mosaic = row_of(next(process for process in PROCESSES if "items" in process.inputs).document(1))
    assert inputs_of(mosaic, {"title": "a", "items": [item(), f"{HREF}2"]}) == {
        "title": "a",
        "items": [HREF, f"{HREF}2"],
    }
    with pytest.raises(InvalidInputError, match="put it in a list"):
        inputs_of(mosaic, {"title": "a", "items": HREF})


def test_optional_inputs_come_last_and_may_have_defaults():
    inputs = {
        "cloudCover": {"minOccurs": 0, "schema": {"type": "integer", "default": 20}},
        "title": {"schema": {"type": "string"}},
        "sourceItem": {"minOccurs": 1, "schema": {"type": "string", "format": "uri"}},
    }
    row = row_of({"id": "new", "inputs": inputs})
    assert [one.attribute for one in row.inputs] == ["title", "source_item", "cloud_cover"]
    assert inputs_of(row, {"title": "a", "source_item": HREF}) == {
        "title": "a",
        "sourceItem": HREF,
        "cloudCover": 20,
    }


@pytest.mark.parametrize("description", [{}, {"id": "x"}, {"id": None, "inputs": {}}])
def test_no_description(description):
    with pytest.raises(ContractError, match="without id or inputs"):
        row_of(description)


def test_rows_are_plain_data():
    assert len(NAMED) == 16
    assert all(isinstance(row, TemplateRow) and row.inputs[0].name == "title" for row in NAMED.values())
