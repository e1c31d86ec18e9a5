"""What goes into a process: checked before anything is staged, and made of catalogued items."""

from typing import Any

import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.products.derivation import Feed, Given, check_chain, feed_inputs, fill_inputs
from eoflows.products.selection.scene import Scene
from eoflows.services.ogc_processes import InvalidInputsError, ProcessDescription

SCENE = Scene.from_name("S1A_IW_RAW__0SDV_20250805T100000_20250805T100030_043829_053B7F_203C")
TEXT = {"schema": {"type": "string"}}
PROCESS = ProcessDescription.model_validate({
    "id": "focus",
    "inputs": {
        "orbit": TEXT,
        "others": {"minOccurs": 0, "maxOccurs": "unbounded", "schema": {"type": "object"}},
        "mode": {"minOccurs": 0, "schema": {"enum": ["fast", "best"]}},
    },
    "outputs": {"image": TEXT},
})  # fmt: skip
ORBIT = Feed(product="orbit", input="orbit")


def item(name: str, **properties: Any) -> dict[str, Any]:
    assets = {key: {"href": f"s3://eo/{name}/{key}", "type": "text/xml"} for key in ("main", "extra")}
    return {
        "id": name,
        "collection": "ada:aux",
        "properties": {"product:type": "AUX_POEORB", **properties},
        "links": [{"rel": "via", "href": "https://station.example/1"}],
        "assets": assets,
    }


def fed(*feeds: Feed, items: list[dict[str, Any]]) -> dict[str, Any]:
    given = [Given("orbit", "AUX_POEORB", items)]
    return feed_inputs(PROCESS, {}, feeds, given, lambda one: f"https://catalogue.example/{one['id']}")


def test_files_items_and_links():
    one = Feed(product="AUX_POEORB", input="orbit", asset="main")
    file = {"href": "s3://eo/a/main", "type": "text/xml"}
    assert fed(one, items=[item("a")]) == {"orbit": file}
    link = Feed(product="orbit", input="others", give="link")
    address = {"href": "https://catalogue.example/a", "type": "application/geo+json"}
    assert fed(one, link, items=[item("a")]) == {"orbit": file, "others": [address]}


def test_an_item_is_the_same_value_whenever_and_by_whomever_it_was_staged():
    feeds = (
        Feed(product="orbit", input="others", give="item"),
        Feed(product="orbit", input="orbit", asset="main"),
    )
    first = fed(*feeds, items=[item("a", updated="2025-01-01T00:00:00Z", **{"eoflows:run": "1"})])
    again = fed(*feeds, items=[item("a", updated="2026-01-01T00:00:00Z", **{"eoflows:run": "2"})])
    assert first == again
    assert first["others"][0]["value"]["properties"] == {"product:type": "AUX_POEORB"}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "orbit: is missing"),
        ([item("a"), item("b")], "orbit: "),
        ([{**item("a"), "assets": {}}], "item 'a' has no asset main; it has none"),
    ],
)
def test_what_was_staged_may_not_fit(items, words):
    with pytest.raises(InvalidInputError, match=words):
        fed(Feed(product="orbit", input="orbit", asset="main"), items=items)


@pytest.mark.parametrize(
    ("inputs", "feeds", "outputs", "words"),
    [
        ({}, [], [], "orbit: is missing"),
        ({}, [ORBIT, Feed(product="orbit", input="orbits")], [], "orbits: the process has no such input"),
        ({}, [Feed(product="obrit", input="orbit")], [], "orbit: nothing is called 'obrit'; there are orbit"),
        ({"orbit": "x"}, [ORBIT], [], "orbit: is given twice"),
        ({"mode": "slow"}, [ORBIT], [], "mode: 'slow' is not one of"),
        ({}, [ORBIT], ["picture"], "picture: the process has no such output; it has image"),
    ],
)
def test_faults_are_known_beforehand(inputs, feeds, outputs, words):
    with pytest.raises(InvalidInputsError) as caught:
        check_chain(PROCESS, inputs, feeds, products=["orbit"], outputs=outputs)
    assert words in str(caught.value)


def test_what_fits_has_no_fault():
    check_chain(PROCESS, {"mode": "best"}, [ORBIT], products=["orbit"], outputs=["image"])


def test_texts_name_the_scene():
    inputs = {"a": "{scene.platform} {scene.start}", "b": {"c": ["{scene.name}", 7, "{x} {{y}}"]}}
    assert fill_inputs(inputs, SCENE) == {
        "a": "sentinel-1a 2025-08-05T10:00:00.000Z",
        "b": {"c": [SCENE.name, 7, "{x} {{y}}"]},
    }
    with pytest.raises(InvalidInputError, match=r"\{scene.orbit\} is nothing .* it has name, mission"):
        fill_inputs({"a": "{scene.orbit}"}, SCENE)
