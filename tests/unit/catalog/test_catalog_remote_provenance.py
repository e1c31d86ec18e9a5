"""What a record says of how its item got here."""

from pathlib import Path
from typing import Any

from catalog_items import aux

from eoflows.products.staging.provenance import Provenance
from eoflows.products.staging.publish import catalog_item
from eoflows.stores.catalog.remote_items import same
from eoflows.stores.transfer import Checksum, Receipt

RECEIPT = Receipt(Path("x"), 7, (Checksum("md5", bytes(16)),), "", 7, 0, 1, 0.1)


def record(item: dict[str, Any], provenance: Provenance | None) -> dict[str, Any]:
    return catalog_item(item, {"a.EOF": ("s3://b/a", RECEIPT)}, {}, "https://station.example", provenance)


def test_what_is_known_is_written() -> None:
    made = record(
        aux("a", "2020-01-01T00:00:00Z", eoflows__run="of the source", unpublished="x"),
        Provenance("ValCover", "covers the scene", "run-1"),
    )
    assert {name: value for name, value in made["properties"].items() if name.startswith("eoflows:")} == {
        "eoflows:policy": "ValCover",
        "eoflows:reason": "covers the scene",
        "eoflows:run": "run-1",
    }
    assert "unpublished" not in made["properties"]
    assert {link["rel"]: link["href"] for link in made["links"]} == {
        "via": "https://station.example/items/x",
    }
    assert made["assets"]["a.EOF"]["file:checksum"] == "d50110" + "00" * 16
    assert made["assets"]["a.EOF"]["file:size"] == 7


def test_what_is_unknown_is_not() -> None:
    made = record(aux("a", "2020-01-01T00:00:00Z", eoflows__run="of the source"), None)
    assert not any(name.startswith("eoflows:") for name in made["properties"])
    assert Provenance().properties == {}


def test_two_runs_that_stage_one_product_agree() -> None:
    item = aux("a", "2020-01-01T00:00:00Z")
    first, second = (record(item, Provenance(run=run)) for run in ("one", "two"))
    assert first != second
    assert same(first, second)
    assert not same(first, {**second, "assets": {}})
