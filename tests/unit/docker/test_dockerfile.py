"""Rules that every instruction of the image keeps; what the linter does not know of."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from dockerfile import instructions

from eoflows.deployments.pool_templates import IDENTITY, STATE

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker" / "Dockerfile").read_text()
SECRET = re.compile(r"(PASS|SECRET|TOKEN|KEY|AUTH|CREDENTIAL)[A-Z_]*\s*=", re.IGNORECASE)
FINAL = ("catalog", "eoflows")


def of(stage: str, word: str) -> list[str]:
    return [one.rest for one in instructions() if (one.stage, one.word) == (stage, word)]


def test_the_base_is_pinned() -> None:
    (version,) = of("", "ARG")
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-[a-z]+", version)
    foreign = [rest.split()[0] for _, word, rest in instructions() if word == "FROM"]
    stages = {stage for stage, _, _ in instructions()}
    assert set(foreign) - stages == {"python:${PYTHON}"}


@pytest.mark.parametrize("stage", FINAL)
def test_nothing_runs_as_root(stage: str) -> None:
    words = [word for where, word, _ in instructions() if where == stage]
    assert of(stage, "USER") == [f"{IDENTITY}:{IDENTITY}"]
    assert words.index("USER") < words.index("ENTRYPOINT") < words.index("CMD")
    assert "RUN" not in words[words.index("USER") :]


@pytest.mark.parametrize("stage", FINAL)
def test_each_image_can_be_asked_how_it_is(stage: str) -> None:
    (check,) = of(stage, "HEALTHCHECK")
    assert "docker/healthcheck.py" in check


def test_packages_are_known_by_their_hashes() -> None:
    installing = [
        step
        for _, word, rest in instructions()
        if word == "RUN"
        for step in rest.split("&&")
        if re.search(r"pip (install|sync)", step)
    ]
    assert len(installing) == 4
    assert [step for step in installing if "--require-hashes" not in step and "--no-deps" not in step] == []


def test_no_secret_and_nothing_fetched_gets_into_a_layer() -> None:
    assert [rest for _, word, rest in instructions() if word in ("ARG", "ENV") and SECRET.search(rest)] == []
    assert [rest for _, word, rest in instructions() if word == "ADD"] == []
    assert "curl" not in TEXT
    assert "wget" not in TEXT


def test_only_what_runs_is_copied() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert [path for path in kept if not (ROOT / path).exists()] == []
    assert not {"tests", "benchmarks", ".git", ".eoflows", "docker/.env"} & set(kept)


def test_pools_and_image_agree() -> None:
    assert of("eoflows", "VOLUME") == [STATE]
    assert f"--uid {IDENTITY} " in TEXT


def test_the_runtime_lock_is_a_part_of_the_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z][\w.-]*==[^\s\\;]+)", (ROOT / name).read_text(), flags=re.MULTILINE))

    runtime = pins("requirements-runtime.lock")
    assert runtime <= pins("requirements.lock")
    names = {pin.partition("==")[0] for pin in runtime}
    assert {"prefect", "prefect-redis", "psycopg", "obstore"} <= names
    assert not {"pytest", "hypothesis", "moto", "playwright", "ruff", "uv"} & names


def test_the_catalogue_is_the_one_that_is_tested() -> None:
    from eoflows.deployments.databases.install import PGSTAC

    locked = (ROOT / "docker" / "catalog.lock").read_text()
    for requirement in PGSTAC:
        name, _, version = re.sub(r"\[.*\]", "", requirement).partition("==")
        if version:
            pattern = re.escape(name.replace(".", "-")) + "==" + re.escape(version.removesuffix("*"))
            assert re.search(rf"^{pattern}", locked, flags=re.MULTILINE), requirement


def test_every_program_named_has_its_entrypoint() -> None:
    entrypoint = ROOT / "docker" / "entrypoint.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(entrypoint)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "usage" in done.stderr
