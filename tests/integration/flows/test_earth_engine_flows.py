"""The flows of pre-ARD, against stand-ins of Earth Engine and Cloud Storage."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import anyio
import pytest
from flow_runs import Run, run

from eoflows.flows.clean_pre_ard import clean_pre_ard
from eoflows.flows.collect_jobs import collect_jobs
from eoflows.flows.convert_pre_ard import convert_pre_ard
from eoflows.flows.download_pre_ard import download_pre_ard
from eoflows.flows.order_pre_ard import order_pre_ard
from eoflows.flows.track_jobs import track_jobs
from eoflows.flows.track_pre_ard import track_pre_ard
from eoflows.jobs.ledger import JobFilter, Ledger
from eoflows.sandbox.earth_engine.settings import INTERNAL, MEMORY, USER_ERROR, Rule
from eoflows.sandbox.faults import Fault
from eoflows.services.earth_engine import open_ard

pytestmark = pytest.mark.anyio
OLI, ETM = "LANDSAT/LC09/C02/T1_L2", "LANDSAT/LE07/C02/T1_L2"
NAME = "ORDER_2022-01-01_2022-03-01"
BLOCKS = {"project": "sandbox", "store": "sandbox", "ledger": "sandbox"}


@dataclass
class Desk:
    """The stand-ins, and the folder for what comes from them."""

    place: Any

    @property
    def exports(self) -> list[Any]:
        return list(self.place.box.earth_engine.operations.all)

    @property
    def objects(self) -> list[str]:
        return list(self.place.box.cloud_storage.store.names("eo-bucket"))

    @property
    def home(self) -> Path:
        return Path(self.place.state / "pre-ard")

    def document(self, name: str = NAME) -> dict[str, Any]:
        found = self.place.box.cloud_storage.store.get("eo-bucket", f"CEDAR_TRACKING/{name}.json")
        return dict(json.loads(found.data))

    def rules(self, *rules: Rule) -> None:
        self.place.box.earth_engine.operations.set_rules(*rules)


@pytest.fixture
def desk(place):
    box = place.box
    box.earth_engine.operations.clear()
    box.earth_engine.operations.set_rules()
    box.cloud_storage.store.clear()
    yield Desk(place)
    box.earth_engine.operations.set_rules()


async def order(**changes: Any) -> Run:
    options = {
        "collections": [OLI],
        "period_start": "2022-01-01T00:00:00Z",
        "period_end": "2022-03-01T00:00:00Z",
        "period_freq": "MS",
        "tile_indices": [(4, 3), (4, 4)],
        "grid": "sandbox",
        "export_image_kwds": {"shardSize": 16, "fileDimensions": 32},
        "tracking_template": "ORDER_{date_start}_{date_end}",
        **BLOCKS,
    }
    return await run(order_pre_ard, **{**options, **changes})


async def track(**changes: Any) -> Run:
    return await run(track_pre_ard, **{**BLOCKS, **changes})


async def tracked_to_the_end(**changes: Any) -> Run:
    with anyio.fail_after(150):
        while (found := await track(tracking_names=[NAME], **changes)).state.name == "StillRunning":
            pass
    return found


async def fetch(flow: Any, **changes: Any) -> Run:
    return await run(flow, NAME, store="sandbox", **changes)


def picture(found: Run) -> ElementTree.Element:
    kind, _, data = str(found.artifacts["pre-ard-grid-order-2022-01-01-2022-03-01"]["data"]).partition(",")
    assert kind == "data:image/svg+xml;base64"
    return ElementTree.fromstring(base64.b64decode(data))


async def test_from_the_plan_to_a_zarr_and_an_empty_bucket(desk):
    planned = await order(plan_only=True)
    assert (planned.state.name, planned.state.message) == ("Planned", "4 orders: 4 to be sent.")
    rows = planned.artifacts["pre-ard-plan"]["data"]
    assert {row["files"] for row in rows} == {4}
    assert all(row["images"] > 0 for row in rows)
    assert (desk.exports, desk.objects) == ([], [])

    ordered = await order()
    assert ordered.state.name == "StillRunning"
    assert len(desk.exports) == 4
    assert (await ordered.result())["tracking"] == [NAME]
    assert "pre-ard-progress" in ordered.artifacts
    again = await order()
    assert again.artifacts["pre-ard-plan"]["text"].startswith("**4 orders: 4 known.**")
    assert len(desk.exports) == 4

    ended = await tracked_to_the_end()
    assert ended.state.message == f"{NAME}: 4 COMPLETED"
    rows = ended.artifacts["pre-ard-order-2022-01-01-2022-03-01"]["data"]
    assert rows == [
        {
            "collection": OLI,
            "tile": tile,
            "2022-01-01 to 2022-02-01": "COMPLETED",
            "2022-02-01 to 2022-03-01": "COMPLETED",
            "problem": "",
        }
        for tile in ("h003v004", "h004v004")
    ]
    assert "4 COMPLETED" in "".join(picture(ended).itertext())

    fetched = await fetch(download_pre_ard)
    assert fetched.state.message.startswith("4 orders downloaded: 20 files")
    before = desk.place.box.log.count("re:.*[.]tif")
    again = await fetch(download_pre_ard)
    assert again.state.message.startswith("4 orders downloaded: 20 files")
    assert desk.place.box.log.count("re:.*[.]tif") == before

    made = await fetch(convert_pre_ard)
    assert made.state.message.startswith("2 tiles converted to zarr")
    (path,) = (await made.result())["files"]["LANDSAT_LC09_C02_T1_L2_h003v004"]
    dataset = open_ard(path)
    assert (dataset.sizes["y"], dataset.sizes["x"]) == (40, 50)
    assert dataset.sizes["time"] > 2
    assert dataset.qa.dtype == "uint16"
    pictures = await fetch(convert_pre_ard, kind="cog", dask="local:2")
    assert pictures.state.message.startswith("2 tiles converted to cog")

    shown = await fetch(clean_pre_ard)
    assert shown.state.message.startswith("4 orders would be cleaned: 20 files")
    assert len(desk.objects) == 21
    cleaned = await fetch(clean_pre_ard, plan_only=False, remove_tracking=True)
    assert cleaned.state.message.startswith("4 orders cleaned: 20 files")
    assert desk.objects == []


async def test_the_ledger_says_where_results_are_and_nothing_is_fetched_twice(desk):
    await order()
    await tracked_to_the_end()
    downloads = desk.place.box.log.count("re:.*[.]tif")
    await run(track_jobs, "sandbox")
    done = await run(collect_jobs, "sandbox")
    assert done.state.message == "0 fetched: 0 files, 0 B."
    assert desk.place.box.log.count("re:.*[.]tif") == downloads
    async with Ledger(str(desk.place.state / "ledger.sqlite"), create=True) as ledger:
        records = await ledger.jobs(JobFilter())
    assert len(records) == 4
    for record in records:
        assert record.server == "earth-engine-project/sandbox"
        assert len(record.outputs) == 4
        assert all(one["href"].startswith("gs://eo-bucket/CEDAR_PREARD/") for one in record.outputs.values())


async def test_general_flows_follow_it_too_and_leave_the_files_in_their_bucket(desk):
    await order()
    for _ in range(3):
        for one in desk.exports:
            desk.place.box.earth_engine.operations.finish(one.id)
    await track()
    await run(track_jobs, "sandbox")
    done = await run(collect_jobs, "sandbox")
    assert done.state.is_completed()
    assert not (desk.place.state / "storage" / "jobs").exists()


async def test_a_region_chooses_tiles_and_filters_choose_images(desk):
    everything = await order(plan_only=True)
    tile = desk_grid()[4, 3].geojson()["geometry"]
    few = await order(
        plan_only=True,
        tile_indices=None,
        region=tile,
        filters={OLI: [{"function": "lte", "name": "CLOUD_COVER", "value": 40}]},
    )
    rows, fewer = (one.artifacts["pre-ard-plan"]["data"] for one in (everything, few))
    assert "h003v004" in {row["tile"] for row in fewer}
    images = {(row["tile"], row["period"]): row["images"] for row in rows}
    assert all(
        row["images"] < images[row["tile"], row["period"]] for row in fewer if row["tile"] == "h003v004"
    )


def desk_grid():
    from eoflows.services.earth_engine import TileGrid, known_grids

    known = known_grids()["LANDSAT_ARD_CU"]
    return TileGrid(known.ul, known.crs, (3000, 3000), (50, 40))


async def test_failures_are_told_with_advice_and_only_transient_ones_are_sent_again(desk):
    desk.rules(
        Rule(description="*h003v004_2022-01-01*", error=USER_ERROR),
        Rule(description="*h003v004_2022-02-01*", error=MEMORY),
        Rule(description="*h004v004_2022-01-01*", error=INTERNAL, times=1),
    )
    await order()
    ended = await tracked_to_the_end()
    assert (ended.state.type, ended.state.name) == ("FAILED", "Partial")
    rows = ended.artifacts["pre-ard-order-2022-01-01-2022-03-01"]["data"]
    assert [row["tile"] for row in rows] == ["h003v004", "h004v004"]
    assert "the same one is not sent again" in rows[0]["problem"]
    assert len(desk.exports) == 5
    fetched = await fetch(download_pre_ard)
    assert (fetched.state.type, fetched.state.name) == ("FAILED", "Partial")
    assert "2 orders have no files" in fetched.state.message
    assert len(list(desk.home.rglob("*.tif"))) == 8
    nothing = await track()
    assert nothing.state.name == "NothingOpen"


async def test_a_full_queue_waits(desk):
    full = Fault("behave", path="*image:export", parameters={"settings": {"most_pending": 1}})
    desk.rules(Rule(path=(*["PENDING"] * 4, "RUNNING", "SUCCEEDED")))
    with desk.place.box.faults.active(full):
        ordered = await order()
        assert len(desk.exports) == 1
    assert ordered.state.name == "StillRunning"
    assert "3 UNSUBMITTED" in ordered.state.message
    ended = await tracked_to_the_end()
    assert ended.state.message == f"{NAME}: 4 COMPLETED"
    assert len(desk.exports) == 4


async def test_no_images_is_an_outcome(desk):
    gap = {
        "collections": [ETM],
        "period_start": "2003-06-05T00:00:00Z",
        "period_end": "2003-06-25T00:00:00Z",
        "period_freq": None,
    }
    refused = await order(**gap, error_if_empty=True)
    assert refused.state.is_failed()
    assert "no image of LANDSAT/LE07" in refused.state.message
    assert desk.objects == []
    empty = await order(**gap)
    assert (empty.state.type, empty.state.name) == ("COMPLETED", "NoImages")
    assert desk.exports == []


@pytest.mark.parametrize("kind", ["wrong_checksum", "truncate"])
async def test_what_is_damaged_is_told_and_the_rest_comes(desk, kind):
    await order()
    await tracked_to_the_end()
    bad = Fault(kind, path="*h003v004_2022-01-01*0000000000-0000000032.tif")
    with desk.place.box.faults.active(bad):
        fetched = await fetch(download_pre_ard)
    assert (fetched.state.type, fetched.state.name) == ("FAILED", "Partial")
    assert "3 orders downloaded" in fetched.state.message
    assert not list(desk.home.rglob("*h003v004_2022-01-01*-0000000000-0000000032.tif"))
    refused = await fetch(clean_pre_ard, plan_only=False)
    assert refused.state.is_failed()
    assert "no verified download is known of 1 orders" in refused.state.message
    assert len(desk.objects) == 21
    assert (await fetch(download_pre_ard)).state.is_completed()
    assert (await fetch(clean_pre_ard, plan_only=False)).state.is_completed()
    assert desk.objects == [f"CEDAR_TRACKING/{NAME}.json"]


async def test_what_is_missing_is_said(desk):
    assert "there is no Tile Grid block named 'none'" in (await order(grid="none")).state.message
    for flow in (download_pre_ard, convert_pre_ard, clean_pre_ard):
        found = await fetch(flow)
        assert f"no tracking document '{NAME}'" in found.state.message
    await order()
    await tracked_to_the_end()
    assert "was downloaded; run download-pre-ard first" in (await fetch(convert_pre_ard)).state.message
    relative = await fetch(download_pre_ard, dest="somewhere")
    assert "is relative" in relative.state.message


async def test_an_unreachable_service_is_no_success_and_costs_nothing(desk):
    desk.rules(Rule(path=(*["RUNNING"] * 6, "SUCCEEDED")))
    await order()
    before = [one["status"]["state"] for one in desk.document()["orders"]]
    with desk.place.box.faults.active(Fault("forbidden", path="*/operations*")):
        found = await track()
    assert (found.state.type, found.state.name) == ("FAILED", "NotReached")
    assert [one["status"]["state"] for one in desk.document()["orders"]] == before
    assert (await tracked_to_the_end()).state.message == f"{NAME}: 4 COMPLETED"
