"""The stand-in's documents have the shape of the recorded ones, and it understands the recorded requests."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eoflows.sandbox.cloud_storage.accounts import GoogleAccounts
from eoflows.sandbox.cloud_storage.service import CloudStorage
from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings
from eoflows.sandbox.earth_engine.collections import COLLECTIONS
from eoflows.sandbox.earth_engine.orders import check_order
from eoflows.sandbox.earth_engine.service import EarthEngine
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings, Rule
from eoflows.sandbox.origins import Origins

RECORDS = Path(__file__).parents[5] / "shared" / "data" / "earth_engine"

pytestmark = pytest.mark.skipif(not RECORDS.exists(), reason="the shared data are not here")


def record(name):
    return json.loads((RECORDS / f"{name}.json").read_text())


@pytest.fixture
def service():
    ticks = itertools.count()

    def clock():
        return datetime(2026, 11, 21, 1, 22, 3, 456_789, UTC) + timedelta(seconds=next(ticks))

    accounts = GoogleAccounts(clock, Origins("127.0.0.1", 1, 2), 60)
    storage = CloudStorage(CloudStorageSettings(), accounts, clock)
    return EarthEngine(EarthEngineSettings(), clock, 0, storage)


@pytest.fixture
def ended(service):
    """Run an export with the recorded order, in which only what is named differs."""

    def run(*rules, **more):
        service.operations.set_rules(*rules)
        order = {**record("rest_export_request")["body"], **more}
        check_order(order)
        made = service.operations.create("demo-project", "me", order, b"", service.settings)
        return service.operations.finish(made.id).document(service.settings)

    return run


def shape(document):
    """Names and types; identifiers and times by their form."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, list):
        return [shape(value) for value in document]
    if isinstance(document, str):
        return re.sub(
            r"[0-9A-F]{24}", "ID", re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME", document)
        )
    return "number" if isinstance(document, int | float) and not isinstance(document, bool) else document


def test_a_failed_operation(ended):
    recorded = record("rest_operation_failed")
    failure = (recorded["error"]["code"], recorded["error"]["message"])
    rule = Rule(path=("RUNNING", "FAILED"), error=failure)
    assert shape(ended(rule, description="FAIL_bands")) == shape(recorded)


def test_a_succeeded_operation(service, ended):
    assert shape(ended(Rule(path=("RUNNING", "SUCCEEDED")), expression=SMALL)) == shape(
        record("rest_operation_succeeded")
    )
    assert service.storage.store.names("eo-bucket") == ["PREARD/LC09_h003v004_2022.tif"]


def test_a_grid_of_the_request_stands_for_a_clip(service, ended):
    corner = {"scaleX": 30, "translateX": -2565585, "scaleY": -30, "translateY": 3314805}
    grid = {"crsCode": "EPSG:5070", "affineTransform": corner, "dimensions": {"width": 50, "height": 40}}
    clipped = ended(expression=SMALL)
    data = service.storage.store.get("eo-bucket", "PREARD/LC09_h003v004_2022.tif").data
    gridded = ended(expression={"result": "0", "values": {"0": _PROJECTED}}, grid=grid)
    assert service.storage.store.get("eo-bucket", "PREARD/LC09_h003v004_2022.tif").data == data
    assert clipped["metadata"]["state"] == gridded["metadata"]["state"] == "SUCCEEDED"


def test_the_recorded_query_is_understood(service):
    body = record("rest_compute_request")["body"]
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2023))
    here = {"functionName": "Filter.intersects", "arguments": {"leftField": {"constantValue": ".all"}}}
    box = [{"constantValue": edge} for edge in (-117.0, 46.0, -115.5, 47.5)]
    names = ("west", "south", "east", "north")
    place = {"functionName": "GeometryConstructors.BBox", "arguments": dict(zip(names, box, strict=True))}
    here["arguments"]["rightValue"] = {"functionInvocationValue": place}
    arguments = body["expression"]["values"]["0"]["functionInvocationValue"]["arguments"]
    arguments["collection"] = {
        "functionInvocationValue": {
            "functionName": "Collection.filter",
            "arguments": {"collection": arguments["collection"], "filter": {"functionInvocationValue": here}},
        }
    }
    told = service.engine.value(body["expression"], service.settings)
    scenes = service.catalogue.scenes("LANDSAT/LC09/C02/T1_L2", (-117.0, 46.0, -115.5, 47.5), start, end)
    assert told == [scene.day for scene in scenes]
    assert len(told) > 20


def test_the_recorded_graph_fails_for_the_recorded_reason(ended):
    graph = record("rest_export_request")["body"]["expression"]
    told = ended(expression={**graph, "values": {**graph["values"], "2": BAD_SELECTION}})
    assert told["metadata"]["state"] == "FAILED"
    assert "Pattern 'B99' did not match any bands." in told["error"]["message"]


def test_bands_are_those_of_the_table():
    table = record("collection_bands_today")
    for name, about in table.items():
        if name in COLLECTIONS and isinstance(about, dict):
            known = {band.name: band.dtype for band in COLLECTIONS[name].bands}
            assert set(about["select"]) <= set(known)
            if "dtype" in about:
                assert {known[band] for band in about["select"]} <= {about["dtype"], "uint8"}


BAD_SELECTION = {
    "functionInvocationValue": {
        "functionName": "Image.select",
        "arguments": {
            "input": {"argumentReference": "_MAPPING_VAR_0_0"},
            "bandSelectors": {"constantValue": ["B99"]},
        },
    }
}


def call(name, **arguments):
    plain = (str, int, float, list)
    return {
        "functionInvocationValue": {
            "functionName": name,
            "arguments": {
                key: {"constantValue": value} if isinstance(value, plain) else value
                for key, value in arguments.items()
            },
        }
    }


_PROJECTED = call(
    "Image.reproject",
    image=call("Image.toInt16", value=call("Image.constant", value=7)),
    crs=call("Projection", crs="EPSG:5070"),
    crsTransform=[30, 0, -2565585, 0, -30, 3314805],
)
SMALL = {
    "result": "0",
    "values": {
        "0": call(
            "Image.clipToBoundsAndScale",
            input=_PROJECTED,
            geometry=call(
                "GeometryConstructors.Rectangle",
                coordinates=[0, 0, 50, 40],
                crs=call("Image.projection", image=_PROJECTED),
            ),
        )
    },
}
