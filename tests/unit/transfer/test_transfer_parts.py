import os
from datetime import timedelta
from pathlib import Path

import pytest

from eoflows.base.errors import InvalidInputError, StorageError
from eoflows.base.files.leftovers import claim_any, is_part, part_names, sweep_folder
from eoflows.stores.transfer import Download, S3Bucket, TransferSettings
from eoflows.stores.transfer.parts import Part


def test_part_names_fit_and_are_known_again(tmp_path: Path):
    for name in ("a", "x" * 255, "é" * 127, "S3A_AX___OSF_AX.SEN3.zip"):
        names = list(part_names(str(tmp_path / name)))
        assert len(set(names)) == 4
        for path in names:
            assert len(os.path.basename(path).encode()) <= 255
            assert is_part(os.path.basename(path))
            assert is_part(os.path.basename(path) + ".json")
    assert not any(map(is_part, ("a.part", "x.zip", ".hidden", ".part")))


def test_writers_get_names_of_their_own_until_there_are_too_many(tmp_path: Path):
    target = str(tmp_path / "f")
    claims = [claim_any(target) for _ in range(4)]
    assert len({path for path, _ in claims}) == 4
    with pytest.raises(StorageError, match="being written"):
        claim_any(target)
    os.close(claims[2][1])
    path, descriptor = claim_any(target)
    assert path == claims[2][0]
    for each in (claims[0][1], claims[1][1], claims[3][1], descriptor):
        os.close(each)


def test_sweeping_removes_the_dead_and_leaves_the_living_and_the_young(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    living, descriptor = claim_any(str(tmp_path / "deep" / "living"))
    dead = tmp_path / "deep" / ".dead.part"
    for path in (dead, Path(f"{dead}.json"), tmp_path / ".orphan.part1.json", tmp_path / "product.zip"):
        path.write_bytes(b"x")
    assert sweep_folder(tmp_path, timedelta(hours=1)) == 0
    assert sweep_folder(tmp_path, timedelta(0)) == 2
    os.close(descriptor)
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [os.path.basename(living), "product.zip"]
    assert sweep_folder(tmp_path / "absent", timedelta(0)) == 0


def test_a_part_of_an_unwritable_folder(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    part = Part(Download(("http://x/f",), tmp_path / "file" / "f"), TransferSettings())
    with pytest.raises(StorageError):
        part.open()
    part.close()


def test_closing_before_opening_opens_nothing(tmp_path: Path):
    part = Part(Download(("http://x/f",), tmp_path / "f"), TransferSettings())
    part.close()
    part.open()
    assert part.settle() is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Download((), Path("f")),
        lambda: Download(("http://x",), Path("f"), size=-1),
        lambda: TransferSettings(start_connections=40),
        lambda: TransferSettings(threads=0),
        lambda: S3Bucket("b", access_key="half"),
        lambda: S3Bucket("b", endpoint="ftp://x"),
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        wrong()
