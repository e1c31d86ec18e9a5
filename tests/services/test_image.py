"""The image's environment holds what the flows need, from the runtime lock alone."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from image_file import CHECKOUT, ImageBuild, exec_form

pytestmark = pytest.mark.services

OF_THE_SYSTEM = {
    *(
        "libc",
        "libdl",
        "libgcc_s",
        "libm",
        "libpthread",
        "libresolv",
        "librt",
        "libstdc++",
        "libutil",
        "libz",
    ),
    "libexpat",
}
"""Libraries of Debian's that wheels expect: python's slim image has all but the last."""
COLUMNS = (
    "eoflows.services.earth_engine.convert, eoflows.services.geo_engine.client, "
    "eoflows.stores.storage.objects, psycopg, prefect_redis"
)


@pytest.fixture(scope="module")
def image() -> ImageBuild:
    built = ImageBuild("eoflows")
    built.build()
    return built


def run(image: ImageBuild, *words: str) -> str:
    environment = {"PATH": f"{image.binaries}{os.pathsep}/usr/bin:/bin", "HOME": "/nonexistent"}
    place = {"PREFECT_HOME": str(image.local("/var/lib/eoflows/prefect")), "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        words, cwd=image.home, env={**environment, **place}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_flow_and_column_is_imported(image: ImageBuild) -> None:
    flows = ", ".join(f"eoflows.flows.{path.stem}" for path in sorted(CHECKOUT.glob("flows/[a-z]*.py")))
    said = run(image, "python", "-c", f"import {flows}, {COLUMNS}; print(eoflows.__path__[0])")
    assert Path(said.strip()).is_relative_to(image.local("/opt/venv/lib"))


def test_the_package_knows_its_version_and_brings_its_blocks(image: ImageBuild) -> None:
    program = (
        "from importlib.metadata import entry_points, version\n"
        "print(version('eoflows'), entry_points(group='prefect.collections')['eoflows'].value)"
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+ eoflows.blocks\n", run(image, "python", "-c", program))


def test_tools_of_development_are_left_out(image: ImageBuild) -> None:
    names = {path.name for path in image.binaries.iterdir()}
    assert not {"pytest", "ruff", "mypy", "uv", "pip", "moto_server"} & names
    assert {path.name for path in image.home.iterdir()} == {"docker"}


def test_wheels_expect_no_library_that_the_image_lacks(image: ImageBuild) -> None:
    found = [str(path) for path in image.local("/opt/venv/lib").rglob("*.so*") if path.is_file()]
    done = subprocess.run(["ldd", *found], capture_output=True, text=True, check=False)
    outside = re.findall(r"^\s+(lib[\w+]+)\.so\S* => /(?:usr/)?lib/", done.stdout, flags=re.MULTILINE)
    assert set(outside) <= OF_THE_SYSTEM
    assert "libexpat" in outside


def test_the_size_is_what_the_page_says(image: ImageBuild) -> None:
    said = re.search(r"takes ([\d.]+) GB on disk", (CHECKOUT / "docs" / "deployment.md").read_text())
    assert said is not None
    paths = image.local("/opt/venv").rglob("*")
    size = sum(path.stat().st_size for path in paths if path.is_file() and not path.is_symlink())
    assert size / 1e9 == pytest.approx(float(said[1]), rel=0.15)


def test_the_image_starts_a_worker_by_itself(image: ImageBuild) -> None:
    entrypoint = [image.word(word) for word in exec_form("eoflows", "ENTRYPOINT")]
    command = exec_form("eoflows", "CMD")
    said = run(image, *entrypoint, *command[:3], "--help")
    assert [option for option in command[3:] if option.startswith("--") and option not in said] == []
