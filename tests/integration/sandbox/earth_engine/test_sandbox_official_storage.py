"""The official google-cloud-storage works against the sandbox, and shows what real clients see."""

import random

import pytest

from eoflows.sandbox import Fault

MIB = 2**20
DATA = random.Random(1).randbytes(12 * MIB + 17)
CONTENT = "/download/storage/v1/b/eo-bucket/o/whole.bin"


@pytest.fixture
def whole(box):
    return box.cloud_storage.store.put("eo-bucket", "whole.bin", DATA)


def test_uploads(storage):
    assert storage("uploads") == {
        "sizes": {
            "empty": 0,
            "md5.bin": 100,
            "pieces.bin": len(DATA),
            "text é #?.txt": 6,
            "whole.bin": len(DATA),
            "written.txt": 1000,
        },
        "types": ["text/plain", "application/octet-stream"],
        "same": [True, True],
        "crc32c": [True, 8],
        "text": "héllo",
        "part": True,
        "read": "xxx",
    }


def test_preconditions_are_enforced(storage):
    assert storage("conditions") == {
        "made": None,
        "twice": 412,
        "swapped": None,
        "stale": 412,
        "resumable": 412,
        "old": 404,
        "stale read": 412,
        "unchanged": 304,
        "stale delete": 412,
        "content": "3",
        "deleted": None,
        "again": 404,
        "bucket": 404,
    }


def test_lists(storage):
    assert storage("lists") == {
        "all": ["a/1.tif", "a/2.tif", "a/b/3.tif", "c.txt"],
        "folder": [["a/1.tif", "a/2.tif"], ["a/b/"]],
        "glob": ["a/1.tif", "a/2.tif", "a/b/3.tif"],
        "offsets": ["a/2.tif", "a/b/3.tif"],
        "fields": [["a/1.tif", 7, None], ["a/2.tif", 7, None], ["a/b/3.tif", 9, None], ["c.txt", 5, None]],
        "there": [True, False, True],
    }


def test_changes(box, storage):
    assert storage("changes") == {
        "names": ["joined"],
        "joined": ["first,first,", None, {"made": "here"}, 2],
        "buckets": [["another", "eo-bucket"], ["eo-bucket"]],
    }
    assert box.log.count("/batch/storage/v1", status=200) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (None, {way: [None, "good"] for way in ("plain", "pieces", "parallel", "one_by_one", "many")}),
        (Fault("throttle", CONTENT, times=1), {"plain": [None, "good"]}),
        (Fault("truncate", CONTENT, times=1, parameters={"after_bytes": 5 * MIB}), {"plain": [None, "good"]}),
        (
            Fault("wrong_checksum", CONTENT, parameters={"offset": 1000}),
            {
                "plain": ["DataCorruption", "absent"],
                "pieces": [None, "bad"],
                "parallel": ["DataCorruption", "bad"],
                "many": ["DataCorruption", "absent"],
            },
        ),
        (
            Fault("behave", CONTENT, parameters={"settings": {"hash_header": "wrong"}}),
            {"plain": ["DataCorruption", "absent"]},
        ),
    ],
    ids=["no fault", "throttled", "cut", "corrupted", "wrong hash"],
)
def test_downloads(box, storage, whole, fault, told):
    with box.faults.active(*filter(None, [fault])):
        assert storage("downloads", ways=list(told)) == told


def test_an_object_that_changes_between_two_pieces(box, storage, whole):
    """The client asks for the generation that it has seen first: the rest of it is gone."""
    with box.faults.active(
        Fault("behave", CONTENT, times=1, parameters={"settings": {"overwrite": "after"}})
    ):
        told = storage("downloads", ways=["one_by_one"])
    assert told["one_by_one"][0] == 404
    assert box.cloud_storage.store.get("eo-bucket", "whole.bin").generation > whole.generation
