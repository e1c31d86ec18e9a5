"""The record of what a process made, against the processing extension of STAC."""

from datetime import UTC, datetime

import pystac

from eoflows.products.derivation import Execution, Origin, derived_item
from eoflows.products.selection.scene import Scene

SCENE = Scene.from_name("S1A_IW_RAW__0SDV_20250805T100000_20250805T100030_043829_053B7F_203C")
EXECUTION = Execution(
    "focus", "https://p.example/api/", "job-7", datetime(2025, 8, 6, tzinfo=UTC), {"focus": "1.2"}
)
ORIGINS = [Origin("orbit", "poeorb", "https://c.example/collections/a/items/poeorb")]
IMAGE = {"href": "s3://eo/image.tif", "size": 7, "checksum": "md5:" + "0" * 32, "media_type": "image/tiff"}
LOG = {"href": "s3://eo/log.txt", "size": 1, "checksum": "crc32c:00000000", "media_type": ""}
OUTPUTS = {"image.tif": IMAGE, "log.txt": LOG}


def test_it_says_what_it_is_and_where_it_comes_from():
    like = {"geometry": {"type": "Point", "coordinates": [1.0, 2.0]}, "bbox": [1.0, 2.0, 1.0, 2.0]}
    record = derived_item("made", SCENE, ORIGINS, EXECUTION, OUTPUTS, like=like, run="r1")
    item = pystac.Item.from_dict(record)
    assert item.to_dict(include_self_link=False)["assets"] == record["assets"]
    assert (item.bbox, item.properties["platform"]) == (like["bbox"], "sentinel-1a")
    assert record["assets"]["image.tif"]["file:checksum"] == "d50110" + "0" * 32
    assert record["assets"]["log.txt"] == {"href": "s3://eo/log.txt", "roles": ["data"], "file:size": 1}
    properties = record["properties"]
    assert properties["processing:lineage"] == (
        "Process focus at https://p.example/api/, job job-7, of orbit: poeorb."
    )
    assert properties["processing:software"] == {"focus": "1.2"}
    assert properties["processing:datetime"] == "2025-08-06T00:00:00.000Z"
    links = {link["rel"]: link["href"] for link in record["links"]}
    job = "https://p.example/api/jobs/job-7"
    assert links == {"derived_from": ORIGINS[0].href, "processing-execution": job, "via": job}


def test_a_scene_that_only_has_a_name_has_no_footprint():
    record = derived_item("made", SCENE, [], EXECUTION, OUTPUTS)
    assert (record["geometry"], "bbox" in record) == (None, False)
