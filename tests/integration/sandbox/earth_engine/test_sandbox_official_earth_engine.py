"""The official earthengine-api works against the sandbox, and sees what it would see of the real service."""

import numpy as np
import pytest
from official_google import drive

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings
from eoflows.sandbox.earth_engine.pixels import Window, mosaic_pixels
from eoflows.sandbox.earth_engine.settings import MEMORY, EarthEngineSettings, Rule

COLLECTION = "LANDSAT/LC08/C02/T1_L2"
TRANSFORM = (30.0, 0.0, -1_665_585.0, 0.0, -30.0, 2_264_805.0)
EXPORTS = "*/image:export"


@pytest.fixture(scope="module")
def found(google_box):
    return drive("ee_scenarios.py", google_box.url, "queries")


@pytest.fixture
def scenes(box, found):
    return [box.earth_engine.catalogue.find(f"{COLLECTION}/{name}") for name in found["names"]]


def test_queries_agree_with_each_other_and_with_the_catalogue(found, scenes):
    days = [scene.day for scene in scenes]
    properties = [scene.properties for scene in scenes]
    assert found["size"] == len(scenes) == 8
    assert found["array"] == found["names"]
    assert found["columns"] == [[one["system:index"], one["CLOUD_COVER"]] for one in properties]
    assert found["iterated"] == days == sorted(days)
    assert found["listed"] == [one["LANDSAT_PRODUCT_ID"] for one in properties]
    assert found["table"] == [
        {"WRS_ROW": one["WRS_ROW"], "day": day, "system:index": one["system:index"]}
        for one, day in zip(properties, days, strict=True)
    ]
    assert found["filtered"] == [
        one["system:index"] for one in properties if one["WRS_ROW"] == 25 and one["CLOUD_COVER"] <= 50
    ]
    assert found["last"] in [scene.name for scene in scenes if scene.time == scenes[-1].time]
    assert found["bands"] == [*(f"SR_B{number}" for number in range(1, 8)), "QA_PIXEL"]
    assert found["image"] == {"type": "PixelType", "precision": "int", "min": 0, "max": 65_535}
    assert found["empty"] == 0
    assert found["months"] == sum(scene.time.month == 2 for scene in scenes)


def test_wrong_queries(earth_engine):
    told = earth_engine("wrong")
    assert {name: status for name, (status, _) in told.items()} == {
        "collection": 400,
        "band": 400,
        "null": 400,
        "property": 400,
        "many": 400,
        "operation": 404,
    }
    assert "not found" in told["collection"][1]
    assert told["band"][1] == "Image.select: Pattern 'B99' did not match any bands."
    assert told["null"][1] == "Dictionary.set: Parameter 'value' is required and may not be null."
    assert told["many"][1] == "Collection query aborted after accumulating over 5000 elements."


@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_an_export_leaves_shards_with_the_truth(box, earth_engine, scenes, cloud_optimized):
    memory_file = pytest.importorskip("rasterio.io").MemoryFile
    told = earth_engine("export", cloudOptimized=cloud_optimized)
    assert told["before"] == "UNSUBMITTED"
    assert told["states"] == ["RUNNING", "COMPLETED", "COMPLETED"]
    assert told["uris"] == ["https://console.developers.google.com/storage/browser/eo-bucket/PREARD/"]
    assert told["listed"] == [[told["id"], "COMPLETED"]]
    store = box.cloud_storage.store
    names = [f"PREARD/tile-0000000000-0000000{column:03d}.tif" for column in (0, 256)]
    assert store.names("eo-bucket") == names == box.earth_engine.operations.get(told["id"]).files
    window, bands = Window.of(TRANSFORM, 300, 200), ("SR_B2", "QA_PIXEL")
    for name, column, width in zip(names, (0, 256), (256, 44), strict=True):
        with memory_file(store.get("eo-bucket", name).data) as memory, memory.open() as image:
            assert (image.width, image.height, image.nodata) == (width, 200, 0)
            assert tuple(image.transform)[:6] == (30, 0, TRANSFORM[2] + 30 * column, 0, -30, TRANSFORM[5])
            assert image.crs.to_dict()["proj"] == "aea"
            assert image.descriptions == tuple(
                f"{k}_{band}" for k in range(len(told["days"])) for band in bands
            )
            assert set(image.dtypes) == {"uint16"}
            values = image.read()
        part = window.part(column, 0, width, 200)
        for number, day in enumerate(told["days"]):
            of_day = [scene for scene in scenes if scene.day == day]
            for offset, band in enumerate(bands):
                truth, valid = mosaic_pixels(of_day, band, part)
                assert (values[2 * number + offset] == np.where(valid, truth, 0)).all()


def test_exports_that_cannot_be_made_fail_in_the_end(earth_engine):
    told = earth_engine("mixed_types")
    assert [one["state"] for one in told] == ["FAILED"] * 3
    assert [one["error_message"] for one in told] == [
        "Exported bands must have compatible data types; found inconsistent types: UInt16 and Byte.",
        "Export too large: specified 60000 pixels (max: 100). Specify higher maxPixels value if you intend"
        " to export a large area.",
        "Cloud Storage bucket 'none' does not exist.",
    ]


def test_tasks(box, earth_engine):
    told = earth_engine("tasks")
    assert len(set(told["again"])) == 1
    assert told["other"][0] == 400
    assert told["cancelled"] == ["CANCELLED", "Cancelled."]
    assert told["unknown"] == ["UNKNOWN"]
    assert told["operations"] == ["third", "second", "first"]
    assert box.log.count("*/operations/*:cancel", method="POST", status=200) == 1


def test_the_list_has_pages(box, earth_engine):
    earth_engine("many", count=1)
    operations = box.earth_engine.operations
    order = operations.all[0].order
    for number in range(1, 1205):
        another = {**order, "description": f"export-{number}", "requestId": f"id-{number}"}
        operations.create("demo-project", "anonymous", another, b"", box.earth_engine.settings)
    assert earth_engine("many", count=0) == [f"export-{number}" for number in reversed(range(1205))]
    pages = box.log.entries("/v1/projects/demo-project/operations", method="GET")[-3:]
    assert [("pageToken" in one.parameters, one.parameters["pageSize"]) for one in pages] == [
        (False, ["500"]),
        (True, ["500"]),
        (True, ["500"]),
    ]


@pytest.mark.parametrize(
    ("fault", "retries", "told", "operations"),
    [
        (Fault("lost_answer", EXPORTS, times=1), 2, None, 1),
        (Fault("unavailable", EXPORTS, times=1, parameters={"takes_effect": True}), 2, None, 1),
        (Fault("throttle", EXPORTS), 0, 429, 0),
        (Fault("behave", EXPORTS, parameters={"settings": {"most_pending": 0}}), 0, 429, 0),
        (
            Fault("behave", EXPORTS, parameters={"settings": {"refuses": [403, "PERMISSION_DENIED", "No."]}}),
            *(0, 403, 0),
        ),
    ],
)
def test_orders_that_go_wrong(box, earth_engine, fault, retries, told, operations):
    with box.faults.active(fault):
        answer = earth_engine("submit", retries=retries)
    assert (answer and answer[0]) == told
    assert len(box.earth_engine.operations.all) == operations


def test_rules(box, earth_engine):
    box.earth_engine.operations.set_rules(Rule(description="export-1*", error=MEMORY, times=1))
    earth_engine("many", count=12)
    ends = {one.description: one for one in box.earth_engine.operations.all}
    for one in ends.values():
        box.earth_engine.operations.finish(one.id)
    assert {name for name, one in ends.items() if one.state == "FAILED"} == {"export-1"}
    assert ends["export-1"].error == MEMORY


def test_projects_do_not_see_each_other(earth_engine):
    mine, theirs, listed, listed_of_mine = earth_engine("another_project")
    assert (mine.split("/")[1], theirs.split("/")[1]) == ("demo-project", "other-project")
    assert (listed, listed_of_mine) == (1, 1)


def test_a_service_account():
    settings = SandboxSettings(
        days=0,
        earth_engine=EarthEngineSettings(auth="bearer", projects=("demo-project",)),
        cloud_storage=CloudStorageSettings(auth="bearer"),
    )
    with Sandbox(settings) as box:
        key_file = box.cloud_storage.accounts.key_file("robot")
        assert drive("ee_scenarios.py", box.url, "value", key_file=key_file) == 2
        assert drive("storage_scenarios.py", box.url, "names", key_file=key_file) == []
        assert box.log.count("/google/token", status=200) > 1
        # Told 401, the client wants to renew what cannot be renewed.
        with pytest.raises(AssertionError, match="Anonymous credentials cannot be refreshed"):
            drive("ee_scenarios.py", box.url, "value")
        with pytest.raises(AssertionError, match="required permission to use project elsewhere"):
            drive("ee_scenarios.py", box.url, "value", key_file=key_file, project="elsewhere")
        with pytest.raises(AssertionError, match="Anonymous credentials cannot be refreshed"):
            drive("storage_scenarios.py", box.url, "names")
