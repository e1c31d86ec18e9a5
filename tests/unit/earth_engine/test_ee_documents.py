import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.models import Phase
from eoflows.services.earth_engine import Tile, TileGrid, Tracker, is_complete, is_ended, outcomes, progress
from eoflows.services.earth_engine.documents import ENDED, check_tracking, order_id, plan_hash, status_of
from eoflows.services.earth_engine.manifests import images_of, listed_by_prefix, order_path
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.stores.transfer import Checksum

RECORDS = Path(__file__).parents[3].parent / "shared" / "data" / "earth_engine"
TABLE = Path(__file__).parents[3] / "docs" / "reference.md"
needs_records = pytest.mark.skipif(not RECORDS.exists(), reason="the shared records are not here")


def record(name):
    return json.loads((RECORDS / name).read_text())


@needs_records
def test_the_original_document_is_read():
    document = record("cedar_tracking_example.json")
    assert outcomes(document) == {"COMPLETED": 1}
    assert progress(document) == 1.0
    assert is_complete(document)
    grid = TileGrid.from_dict(document["submission"]["tile_grid"])
    assert grid[53, 71].bounds == tuple(document["tracking"]["tiles"][0]["bounds"])
    assert Tile.from_dict(document["tracking"]["tiles"][0]).to_dict() == document["tracking"]["tiles"][0]
    (order,) = document["orders"]
    assert order_id(order) == "6XKXWIQNWYF6MKYXA2NA77O7"
    assert order_path(order) == "CEDAR_PREARD/LANDSAT_LE07_C01_T1_SR_h069v052_1997-01-01_2002-01-01"


@needs_records
def test_a_document_with_every_state():
    document = record("tracking_all_states.json")
    assert outcomes(document) == {
        **dict.fromkeys(("CANCELLED", "COMPLETED", "EMPTY", "FAILED", "READY", "RUNNING"), 1),
    }
    assert progress(document) == pytest.approx(4 / 6)
    assert not is_ended(document)
    ended = {**document, "orders": [one for one in document["orders"] if one["status"]["state"] in ENDED]}
    assert progress(ended) == 1.0
    assert is_ended(ended)
    assert not is_complete(ended)
    assert order_id(document["orders"][-1]) == document["orders"][-1]["name"]


@needs_records
def test_tiles_of_the_original_metadata_are_read():
    assert Tile.from_dict(record("cedar_image_metadata_example.json")["tile"]).name == "h071v052"


def test_every_phase_has_a_state():
    states = {phase: status_of(None, phase)["state"] for phase in Phase}
    assert states[Phase.SUCCEEDED] == "COMPLETED"
    assert {states[phase] for phase in (Phase.LOST, Phase.OVERDUE, Phase.ABANDONED)} == {"LOST"}
    assert states[Phase.REJECTED] == "FAILED"


@pytest.mark.parametrize(
    "wrong", [{}, {"orders": []}, {"orders": [3], "tracking": {}}, {"orders": [{}], "tracking": {}}]
)
def test_what_is_no_tracking_document(wrong):
    with pytest.raises(InvalidInputError, match="no tracking document"):
        check_tracking(wrong)


def test_a_plan_is_named_by_what_is_asked_for():
    asked = {"collections": ["a"], "period_start": "2022"}
    assert plan_hash({**asked, "submitted": "now"}) == plan_hash({**asked, "submitted": "later"})
    assert plan_hash(asked) != plan_hash({**asked, "collections": ["b"]})


def test_a_manifest_goes_before_what_is_listed():
    order = {"name": "x", "prefix": "P", "status": {"state": "COMPLETED"}}
    one = StoredObject(name="P/x.tif", size=1, checksum=Checksum("crc32c", b"1234"), generation=3)
    assert images_of([one], order) == [one]
    assert images_of([], {**order, "manifest": [one.to_dict()]}) == [one]
    assert images_of([one], {**order, "status": {"state": "RUNNING"}}) == []


@pytest.mark.anyio
async def test_folders_are_listed_once_for_many_orders():
    asked = []

    class Store:
        async def list(self, prefix):
            asked.append(prefix)
            return []

    orders = [{"name": f"LC09_{number}", "prefix": "P"} for number in range(3000)]
    await listed_by_prefix(Store(), [*orders, {"name": "x", "prefix": ""}])
    assert asked == ["x", "P/LC09_"]


DOCUMENTED = {
    "TileGrid.__init__": {
        "ul": inspect.Parameter.empty,
        "crs": inspect.Parameter.empty,
        "res": inspect.Parameter.empty,
        "size": inspect.Parameter.empty,
        "limits": None,
        "name": "Grid",
    },
    "Tracker.__init__": {
        "tile_grid": inspect.Parameter.empty,
        "store": inspect.Parameter.empty,
        "name_template": "{collection}_h{tile.horizontal:03d}v{tile.vertical:03d}_{date_start}_{date_end}",
        "prefix_template": "CEDAR_PREARD",
        "tracking_template": "TRACKING_PERIOD{date_start}-{date_end}_TASK{today}",
        "tracking_prefix": "CEDAR_TRACKING",
        "filters": None,
        "export_image_kwds": None,
    },
    "Tracker.submit": {
        "collections": inspect.Parameter.empty,
        "tile_indices": inspect.Parameter.empty,
        "period_start": inspect.Parameter.empty,
        "period_end": inspect.Parameter.empty,
        "period_freq": None,
        "save_empty_metadata": True,
        "error_if_empty": False,
    },
    "Tracker.download": {
        "tracking_info": inspect.Parameter.empty,
        "dest": inspect.Parameter.empty,
        "overwrite": True,
        "callback": None,
    },
    "Tracker.clean": {"tracking_info": inspect.Parameter.empty, "tracking_name": None, "callback": None},
    "download_tracked": {
        "tracking_info": inspect.Parameter.empty,
        "store": inspect.Parameter.empty,
        "dest": inspect.Parameter.empty,
        "overwrite": False,
    },
    "clean_tracked": {"tracking_info": inspect.Parameter.empty, "store": inspect.Parameter.empty},
}


NAMED = {"EmptyCollectionError", "GCSStore", "Store"}


def rows():
    return dict(re.findall(r"^\| (\w+) \| ([\w.]+) \| cedar_tracker \|$", TABLE.read_text(), re.MULTILINE))


def test_every_documented_name_has_a_row():
    assert rows().keys() == {name.partition(".")[0] for name in DOCUMENTED} | NAMED


def imported(name):
    head, _, method = name.partition(".")
    module, _, attribute = rows()[head].rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    assert head in importlib.import_module(module).__all__
    return getattr(found, method) if method else found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_parameters_defaults_and_order_are_those_of_the_document(name):
    call, documented = imported(name), DOCUMENTED[name]
    parameters = [one for one in inspect.signature(call).parameters.values() if one.name != "self"]
    theirs, ours = parameters[: len(documented)], parameters[len(documented) :]
    assert [(one.name, one.default) for one in theirs] == list(documented.items())
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in theirs)
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in ours)
    assert all(one.default is not inspect.Parameter.empty for one in ours)
    assert inspect.getdoc(call) or name.endswith("__init__")


def test_the_tracker_can_list_read_and_update():
    assert {"list", "read", "update"} <= set(vars(Tracker))
