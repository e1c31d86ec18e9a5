"""What is installed is the package and nothing else, whichever way the wheel is made."""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
LINKED = {"flows", "tasks", "blocks", "deployments", "sandbox"}


def build(source: Path, target: Path, kind: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    [made] = target.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(build(CHECKOUT, tmp_path_factory.mktemp("wheel"), "wheel")) as opened:
        yield opened


def sources() -> dict[str, Path]:
    """Give what git would keep of the rooms, by its place in the package."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "eoflows", *LINKED],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {name.removeprefix("eoflows/"): CHECKOUT / name for name in listed.split("\0") if name}
    files = {
        f"eoflows/{name}": path for name, path in found.items() if path.is_file() and not path.is_symlink()
    }
    return files | {"eoflows/prefect.yaml": CHECKOUT / "prefect.yaml"}


def test_every_file_of_the_rooms_is_in_the_wheel_and_nothing_else_is(wheel: zipfile.ZipFile) -> None:
    expected = sources()
    assert {name.partition("/")[0] for name in expected} == {"eoflows"}
    assert {name.split("/")[1] for name in expected} >= {*LINKED, "command", "py.typed", "prefect.yaml"}
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == set(expected)
    assert [name for name, path in expected.items() if wheel.read(name) != path.read_bytes()] == []


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    sdist = build(CHECKOUT, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    [source] = (tmp_path / "unpacked").iterdir()
    with zipfile.ZipFile(build(source, tmp_path / "wheel", "wheel")) as again:
        assert sorted(again.namelist()) == sorted(wheel.namelist())
        assert [name for name in again.namelist() if again.read(name) != wheel.read(name)] == []


def test_the_wheel_says_what_it_offers(wheel: zipfile.ZipFile) -> None:
    [metadata] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    told = BytesParser().parsebytes(wheel.read(metadata))
    assert {"earth-engine", "geo-engine", "s3", "gcs", "postgres", "redis", "dask", "sandbox"} <= set(
        told.get_all("Provides-Extra", [])
    )
    assert told.get_all("License-File") == ["LICENSE"]


def test_its_entry_points_can_be_loaded() -> None:
    [blocks] = entry_points(group="prefect.collections", name="eoflows")
    assert "JobLedger" in blocks.load().__all__
    [command] = entry_points(group="console_scripts", name="eoflows")
    assert callable(command.load())
