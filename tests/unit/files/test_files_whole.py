"""Files and folders are whole under their names or not there, whoever is killed and however many write."""

import errno
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from deadly import die_at_every_step, run_together
from whole_actions import NEW, OLD

from eoflows.base.errors import StorageError
from eoflows.base.files import put_tree, scratch, whole_file, whole_folder, write_whole
from eoflows.base.files.leftovers import is_part, sweep_folder

HERE = Path(__file__)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077])
def umask(request: pytest.FixtureRequest):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_modes_are_those_of_the_umask(tmp_path: Path, umask: int):
    write_whole(tmp_path / "deep" / "a", b"a")
    with whole_folder(tmp_path / "b") as part:
        (part / "c").write_bytes(b"c")
    assert mode(tmp_path / "deep" / "a") == mode(tmp_path / "b" / "c") == 0o666 & ~umask
    assert mode(tmp_path / "b") == 0o777 & ~umask


def test_nothing_is_there_before_it_is_whole(tmp_path: Path):
    path = tmp_path / "a"
    with whole_file(path) as part:
        part.write_bytes(b"new")
        assert not path.exists()
        assert part.parent == tmp_path
        assert is_part(part.name)
        assert sweep_folder(tmp_path, timedelta(0)) == 0
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "a.tif"])
def test_any_name_has_a_temporary_one(tmp_path: Path, name: str):
    write_whole(tmp_path / name, b"a")
    with whole_folder(tmp_path / "b" / name):
        pass
    assert (tmp_path / name).is_file()
    assert (tmp_path / "b" / name).is_dir()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("whole", [whole_file, whole_folder, scratch])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException], whole):
    with pytest.raises(error), whole(tmp_path / "a"):  # noqa: PT012
        assert os.listdir(tmp_path)
        raise error
    assert os.listdir(tmp_path) == []


def test_what_is_there_stays_unless_it_may_go(tmp_path: Path):
    file, folder = tmp_path / "a", tmp_path / "b"
    for _ in range(2):
        write_whole(file, OLD)
    with whole_folder(folder):
        pass
    with pytest.raises(StorageError, match="a: it is there already"), whole_file(file, replace=False):
        pass
    with pytest.raises(StorageError, match="b is there already"), whole_folder(folder):
        pass
    with whole_folder(folder, replace=True) as part:
        (part / "c").write_bytes(b"c")
    assert os.listdir(folder) == ["c"]
    with whole_folder(file, replace=True):
        pass
    assert file.is_dir()
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_tree_takes_any_place(tmp_path: Path, kind: str):
    target = tmp_path / "target"
    with scratch(target) as room:
        for source in (room / "file", room / "folder"):
            {"file": target.touch, "folder": target.mkdir, "link": lambda: target.symlink_to("none")}[kind]()
            if kind == "folder":
                (target / "old").touch()
            source.touch() if source.name == "file" else source.mkdir()
            put_tree(source, target, room)
            assert target.is_file() == (source.name == "file")
            assert not target.is_symlink()
            target.unlink() if target.is_file() else target.rmdir()
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with whole_file(tmp_path / "a", replace=False) as part:
        part.write_bytes(b"a")
    with pytest.raises(StorageError, match="there already"), whole_file(tmp_path / "a", replace=False):
        pass
    assert (tmp_path / "a").read_bytes() == b"a"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").touch()
    for whole in (whole_file, whole_folder, scratch):
        with pytest.raises(StorageError, match="file"), whole(tmp_path / "file" / "a"):
            pass


def test_living_folders_are_not_swept_and_nothing_in_them(tmp_path: Path):
    with scratch(tmp_path / "a") as room:
        (room / "whole").touch()
        (room / ".b.part").touch()
        assert sweep_folder(tmp_path, timedelta(0), parts_only=False) == 0
        assert sorted(os.listdir(room)) == [".b.part", "lock", "whole"]
    dead = tmp_path / "deep" / ".c.0a.part" / "content"
    dead.mkdir(parents=True)
    (dead / "d").touch()
    os.symlink(dead, tmp_path / ".link.part")
    assert sweep_folder(tmp_path, timedelta(hours=1)) == 0
    assert sweep_folder(tmp_path, timedelta(0)) == 1
    assert os.listdir(tmp_path / "deep") == []


@pytest.mark.parametrize("action", ["write_file", "write_file_first", "fill_folder"])
def test_kill_9_at_every_step(tmp_path: Path, action: str):
    names = [f"step{number}" for number in range(60)]
    for name in names if action != "write_file_first" else ():
        old = tmp_path / name / ("a.txt" if action == "write_file" else "a.zarr/old.txt")
        old.parent.mkdir(parents=True)
        old.write_bytes(OLD)
    again = f"whole_actions:look_and_{action}"
    deaths = die_at_every_step(f"whole_actions:{action}", tmp_path, str(tmp_path), beside=HERE, again=again)
    assert [death for death in deaths if "failed" in death] == []
    assert 4 < len(deaths) <= len(names)
    seen = [death["told"] for death in deaths[1:]]
    # In this order, and nothing else: while a folder is replaced there is a moment without one.
    order = [one for one in ("old", "nothing", "new") if one in seen]
    assert order == list(dict.fromkeys(seen))
    assert "nothing" not in order or action != "write_file"
    # The next writer removes what a dead one left, and so does a sweep.
    assert (sweep_folder(tmp_path, timedelta(0)) > 0) == (action == "write_file_first")
    assert [path for path in tmp_path.rglob("*") if is_part(path.name)] == []
    for death in deaths:
        files = [path for path in (tmp_path / death["name"]).rglob("*") if path.is_file()]
        assert len(files) == (3 if action == "fill_folder" else 1)
        assert all(path.read_bytes() == NEW for path in files)


@pytest.mark.parametrize("action", ["write_file", "write_file_first", "fill_folder"])
def test_many_at_once(tmp_path: Path, action: str):
    done = run_together(f"whole_actions:{action}", *[["a", str(tmp_path)]] * 8, beside=HERE)
    failed = [one["failed"] for one in done if "failed" in one]
    assert len(failed) == (7 if action == "write_file_first" else 0)
    assert all("there already" in one for one in failed)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == (3 if action == "fill_folder" else 1)
    assert all(path.read_bytes() == NEW for path in files)
    assert [path for path in tmp_path.rglob("*") if is_part(path.name)] == []
