"""Items, plans and a stand-in for the stager."""

from typing import Any

import anyio

from eoflows.products.staging import ItemPlan, ItemRecord, Outcome
from eoflows.products.staging.plan import AssetPlan

MD5 = "c5936e8aEA54c1e9C5BCEbe7e726a57f"
MULTIHASH = "d50110" + MD5.lower()


def asset(name: str = "f", **fields: Any) -> dict[str, Any]:
    return {"href": f"https://station.example/{name}", "file:size": 7, "file:checksum": MD5} | fields


def item(name: str = "i1", assets: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": None,
        "links": [{"rel": "self", "href": f"https://station.example/items/{name}"}],
        "properties": {"datetime": "2025-08-07T00:00:00Z", **properties},
        "assets": {f"{name}.EOF": asset(name)} if assets is None else assets,
    }


class FakeStager:
    """Stages in memory; `gate` holds it up."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.gate.set()
        self.batches: list[list[str]] = []
        self.at_once = self.most_at_once = 0
        self.known: set[str] = set()
        self.error: Exception | None = None

    async def plan(self, items, twins=None):
        await anyio.lowlevel.checkpoint()
        new = [one for one in items if one["id"] not in self.known]
        plans = [
            ItemPlan(one, (AssetPlan("a", "k", ("u",), 7, ()),), (), "not in the catalogue") for one in new
        ]
        settled = [ItemRecord(one["id"], Outcome.ALREADY) for one in items if one["id"] in self.known]
        return plans, settled

    async def stage(self, plans):
        self.batches.append([plan.item["id"] for plan in plans])
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        await anyio.lowlevel.checkpoint()
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return [ItemRecord(plan.item["id"], Outcome.STAGED, "", 7, 1) for plan in plans]
