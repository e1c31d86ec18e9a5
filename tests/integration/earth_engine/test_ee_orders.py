"""Orders from their submission to a dataset, against a real server of both protocols."""

import json

import numpy as np
import pytest

from eoflows.base.errors import (
    AbsentError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    StorageError,
    UnreachableError,
)
from eoflows.sandbox.earth_engine.settings import INTERNAL, MEMORY, USER_ERROR, Rule
from eoflows.sandbox.faults import Fault
from eoflows.services.earth_engine import (
    EmptyCollectionError,
    clean_tracked,
    download_tracked,
    is_complete,
    open_ard,
    outcomes,
    preard_to_zarr,
    progress,
)

OLI, HLS = "LANDSAT/LC09/C02/T1_L2", "NASA/HLS/HLSS30/v002"
SPAN = ("2022-01-01", "2022-02-01")


def follow(tracker, name, rounds=6):
    for _ in range(rounds):
        document = tracker.update(name)
        if progress(document) == 1.0:
            break
    return document


def operations(box):
    return box.earth_engine.operations.all


def stored(box):
    return box.cloud_storage.store.names("eo-bucket")


def test_from_order_to_dataset(box, tracker, dest, tmp_path):
    tiles, span = [(4, 3), (4, 4), (5, 3), (5, 4)], ("2022-01-01", "2022-03-15")
    name, where = tracker.submit([OLI, HLS], tiles, *span, "MS")
    assert where == f"CEDAR_TRACKING/{name}.json"
    assert tracker.list() == [name]
    assert len(operations(box)) == 24
    assert len({one.request_id for one in operations(box)}) == 24
    asked = box.log.count("/v1/projects/demo-project/value:compute")
    document = follow(tracker, name)
    assert box.log.count("/v1/projects/demo-project/value:compute") == asked
    assert outcomes(document) == {"COMPLETED": 24}
    assert is_complete(document)
    steps = []
    got = dict(tracker.download(document, dest, callback=lambda item, n_steps: steps.append((item, n_steps))))
    assert list(got) == [order["status"]["id"] for order in document["orders"]]
    assert all(len(paths) == 5 for paths in got.values())
    assert sum(n_steps for _, n_steps in steps) == pytest.approx(24)
    assert [n_steps for _, n_steps in steps[:5]] == [0, 0.25, 0.25, 0.25, 0.25]

    metadata = sorted(dest.glob("LANDSAT*h003v004*.json"))
    dataset = open_ard(preard_to_zarr(metadata, tmp_path / "x.zarr"))
    assert dataset.qa.dtype == "uint16"
    assert 54596 in dataset.qa.values, "a cirrus flag, bit 15, does not survive in int16"
    assert np.nanmax(dataset.blue.values) > 0.7, "bright pixels are not clamped"
    assert dataset.sizes["time"] == sum(
        len(json.loads(path.read_text())["image"]["layers"]) for path in metadata
    )
    reflectance = open_ard(preard_to_zarr(sorted(dest.glob("NASA*h003v004*.json")), tmp_path / "y.zarr"))
    assert 0 < np.nanmedian(reflectance.blue.values) < 1

    assert all(len(names) == 5 for names in tracker.clean(document, plan=True).values())
    assert len(stored(box)) == 24 * 5 + 1
    removed = tracker.clean(document, name)
    assert sum(map(len, removed.values())) == 24 * 5
    assert stored(box) == []


def test_the_same_order_is_sent_once(box, tracker, make_tracker):
    name, _ = tracker.submit(OLI, (4, 3), *SPAN)
    assert tracker.submit(OLI, (4, 3), *SPAN)[0] == name
    assert len(operations(box)) == 1
    with pytest.raises(ConflictError, match="belong to other orders"):
        tracker.submit(OLI, (4, 3), *SPAN, run_key="again")
    other = make_tracker(prefix_template="AGAIN")
    assert other.submit(OLI, (4, 3), *SPAN, run_key="again")[0] == f"{name}_2"
    assert len(operations(box)) == 2


def test_two_submissions_of_a_day_have_two_documents(tracker):
    first, _ = tracker.submit(OLI, (4, 3), *SPAN)
    second, _ = tracker.submit(OLI, (4, 4), *SPAN)
    assert second == f"{first}_2"
    assert tracker.list() == [first, second]
    assert tracker.list("TRACK*_2") == [second]
    assert tracker.list("none") == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("lost_answer", path="*image:export", times=1),
        Fault("unavailable", path="*image:export", times=1, parameters={"takes_effect": True}),
        Fault("reset", path="*image:export", times=1),
        Fault("lost_answer", path="/upload/storage/*", times=1),
        Fault("bad_json", path="*image:export", times=1),
    ],
    ids=["answer lost", "503 after effect", "reset", "upload's answer lost", "cut answer"],
)
def test_a_lost_answer_makes_no_second_export(box, tracker, fault):
    with box.faults.active(fault):
        name, _ = tracker.submit(OLI, [(4, 3), (4, 4)], *SPAN)
    document = follow(tracker, name)
    assert outcomes(document) == {"COMPLETED": 2}
    assert len(operations(box)) == 2


@pytest.mark.parametrize("status", [429, 400])
def test_a_full_queue_waits(box, tracker, status):
    full = Fault(
        "behave", path="*image:export", parameters={"settings": {"most_pending": 1, "queue_full": status}}
    )
    box.earth_engine.operations.set_rules(Rule(path=(*["PENDING"] * 4, "RUNNING", "SUCCEEDED")))
    with box.faults.active(full):
        name, _ = tracker.submit(OLI, [(4, 3), (4, 4), (5, 3)], *SPAN)
        assert outcomes(tracker.read(name)) == {"READY": 1, "UNSUBMITTED": 2}
    assert outcomes(follow(tracker, name, 15)) == {"COMPLETED": 3}
    assert len(operations(box)) == 3


def test_failures_are_outcomes_and_only_transient_ones_are_ordered_again(box, tracker):
    box.earth_engine.operations.set_rules(
        Rule(description="*h003v004*", error=USER_ERROR),
        Rule(description="*h004v004*", error=MEMORY),
        Rule(description="*h003v005*", error=INTERNAL, times=1),
        Rule(description="*h004v005*", error=INTERNAL),
    )
    name, _ = tracker.submit(OLI, [(4, 3), (4, 4), (5, 3), (5, 4)], *SPAN)
    document = follow(tracker, name, 12)
    user, memory, once, always = document["orders"]
    assert outcomes(document) == {"COMPLETED": 1, "FAILED": 3}
    assert (user["attempts"], user["error"]["kind"]) == (1, "user")
    assert (memory["attempts"], memory["error"]["kind"]) == (1, "memory")
    assert "shorter periods" in memory["error"]["advice"]
    assert (once["attempts"], once["status"]["state"]) == (2, "COMPLETED")
    assert once["failed"][0]["error"]["kind"] == "transient"
    assert (always["attempts"], always["error"]["kind"], len(always["failed"])) == (3, "transient", 2)
    assert len(operations(box)) == 1 + 1 + 2 + 3


def test_what_the_service_has_forgotten_is_looked_for_in_the_bucket(box, tracker):
    name, _ = tracker.submit(OLI, [(4, 3), (4, 4)], *SPAN)
    for one in operations(box):
        if "h003v004" in one.description:
            box.earth_engine.operations.finish(one.id)
        box.earth_engine.operations.forget(one.id)
    document = follow(tracker, name)
    here, lost = document["orders"]
    assert (here["status"]["state"], here["status"]["phase"], len(here["manifest"])) == (
        "COMPLETED",
        "lost",
        4,
    )
    assert lost["status"]["state"] == "LOST"
    assert "4 of 4 files are not there" in lost["manifest_error"]
    assert outcomes(tracker.update(name)) == {"COMPLETED": 1, "LOST": 1}


def test_files_of_others_are_not_overwritten(box, tracker):
    (order,) = tracker.plan(OLI, (4, 3), *SPAN)
    box.cloud_storage.store.put("eo-bucket", f"{order.path}-0000000000-0000000000.tif", b"theirs", {})
    with pytest.raises(ConflictError, match="belong to other orders"):
        tracker.submit(OLI, (4, 3), *SPAN)
    assert operations(box) == []


def test_nothing_found_is_an_outcome(box, tracker):
    gap = ("2003-06-05", "2003-06-25")
    with pytest.raises(EmptyCollectionError):
        tracker.submit("LANDSAT/LE07/C02/T1_L2", (4, 3), *gap, error_if_empty=True)
    assert stored(box) == []
    name, _ = tracker.submit("LANDSAT/LE07/C02/T1_L2", (4, 3), *gap)
    document = tracker.update(name)
    assert (outcomes(document), progress(document)) == ({"EMPTY": 1}, 1.0)
    assert operations(box) == []
    assert len(stored(box)) == 2
    assert tracker.clean(document, name) == {document["orders"][0]["name"]: [document["metadata"][0]]}
    tracker.submit("LANDSAT/LE07/C02/T1_L2", (4, 3), *gap, save_empty_metadata=False)
    assert len(stored(box)) == 1


def test_filters_choose_images(tracker, make_tracker):
    filters = {OLI: [{"function": "lte", "name": "CLOUD_COVER", "value": 40}]}
    every = tracker.plan(OLI, (4, 3), *SPAN)[0].scenes
    chosen = make_tracker(filters=filters).plan(OLI, (4, 3), *SPAN)[0].scenes
    assert chosen == [one for one in every if one.properties["CLOUD_COVER"] <= 40]
    assert 0 < len(chosen) < len(every)


@pytest.fixture
def done(box, tracker):
    name, _ = tracker.submit(OLI, (4, 3), *SPAN)
    return name, follow(tracker, name)


def test_damaged_bytes_are_fetched_again(box, tracker, done, dest):
    with box.faults.active(Fault("wrong_checksum", path="*.tif", times=1)):
        ((_, paths),) = tracker.download(done[1], dest)
    assert len(paths) == 5
    for one in done[1]["orders"][0]["manifest"]:
        there = box.cloud_storage.store.get("eo-bucket", one["name"])
        assert (dest / one["name"].rpartition("/")[2]).read_bytes() == there.data


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("wrong_checksum", path="*0000000000-0000000032.tif"), IntegrityError),
        (Fault("wrong_size", path="*0000000000-0000000032.tif"), (IntegrityError, UnreachableError)),
        (Fault("truncate", path="*0000000000-0000000032.tif"), (IntegrityError, UnreachableError)),
        (Fault("behave", path="*0000000000-0000000032.tif", times=1,
               parameters={"settings": {"overwrite": "before"}}), AbsentError),
    ],
    ids=["damaged", "shorter", "cut", "replaced"],
)  # fmt: skip
def test_what_is_not_as_listed_is_never_accepted(box, tracker, done, dest, fault, error):
    with box.faults.active(fault), pytest.raises(error):
        list(tracker.download(done[1], dest))
    assert not list(dest.glob("*0000000000-0000000032.tif"))
    with pytest.raises(InvalidInputError, match="no verified download"):
        tracker.clean(done[1])


def test_a_cut_download_is_taken_up_again(box, tracker, done, dest):
    with box.faults.active(Fault("truncate", path="*.tif", times=2, parameters={"after_bytes": 5000})):
        ((_, paths),) = tracker.download(done[1], dest)
    assert len(paths) == 5


def test_files_that_are_there_are_kept_or_refused(box, tracker, done, dest):
    list(tracker.download(done[1], dest))
    before = box.log.count("re:.*[.]tif")
    list(tracker.download(done[1], dest, overwrite=False))
    assert box.log.count("re:.*[.]tif") == before
    spoiled = next(dest.glob("*.tif"))
    spoiled.write_bytes(b"x" * spoiled.stat().st_size)
    with pytest.raises(StorageError, match="other content"):
        list(tracker.download(done[1], dest, overwrite=False))
    list(tracker.download(done[1], dest))
    assert spoiled.read_bytes()[:1] != b"x"


def test_nothing_is_cleaned_that_is_not_at_home(box, tracker, done, dest):
    name, document = done
    with pytest.raises(InvalidInputError, match="no verified download"):
        tracker.clean(document, name)
    assert len(stored(box)) == 6
    list(tracker.download(document, dest))
    image = document["orders"][0]["manifest"][0]["name"]
    box.cloud_storage.store.put("eo-bucket", image, b"another", {})
    box.cloud_storage.store.put("eo-bucket", image.replace("2022-02-01", "2022-02-01B"), b"a neighbour", {})
    with pytest.raises(ConflictError):
        tracker.clean(document, name)
    assert image in stored(box)
    assert image.replace("2022-02-01", "2022-02-01B") in stored(box)
    assert f"CEDAR_TRACKING/{name}.json" in stored(box)


def test_what_nobody_wants_can_go_unseen(box, tracker, done):
    name, document = done
    assert sum(map(len, tracker.clean(document, name, unverified=True).values())) == 5
    assert stored(box) == []


def test_orders_that_go_on_are_not_cleaned(box, tracker):
    name, _ = tracker.submit(OLI, (4, 3), *SPAN)
    with pytest.raises(InvalidInputError, match="have not ended"):
        tracker.clean(tracker.read(name), name, unverified=True)


def test_the_plain_functions_are_lazy(box, store, done, dest):
    document = done[1]
    before = box.log.last
    ((task, count, metadata, images),) = download_tracked(document, store, dest)
    assert (task, count) == (document["orders"][0]["status"]["id"], 4)
    assert box.log.last == before
    assert not dest.exists()
    assert [path.suffix for path in metadata] == [".json"]
    assert len(list(images)) == 4
    ((task, names),) = clean_tracked(document, store)
    assert len(stored(box)) == 6
    assert len(list(names)) == 5
    assert len(stored(box)) == 1


def test_a_document_of_the_original_is_followed_and_fetched(box, tracker, store, dest, done):
    """The original writes no keys, no manifest and no size: its orders are found by id and by name."""
    order = done[1]["orders"][0]
    plain = {key: order[key] for key in ("name", "prefix")}
    plain["status"] = {"id": order["status"]["id"], "state": "RUNNING", "output_url": []}
    document = {"tracking": {"name": "OLD", "prefix": "CEDAR_TRACKING"}, "orders": [plain], "metadata": []}
    box.cloud_storage.store.put("eo-bucket", "CEDAR_TRACKING/OLD.json", json.dumps(document).encode(), {})
    updated = tracker.update("OLD.json")
    assert outcomes(updated) == {"COMPLETED": 1}
    assert len(updated["orders"][0]["manifest"]) == 4
    assert len(dict(tracker.download(updated, dest))[order["status"]["id"]]) == 5


def test_what_is_not_there(tracker):
    with pytest.raises(AbsentError, match="no tracking document"):
        tracker.read("none")
    with pytest.raises(AbsentError):
        tracker.update("none")
