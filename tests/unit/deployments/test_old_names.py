"""Old names of modules and entry points are answered with today's, also in a user's own files."""

from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from eoflows.command import app
from eoflows.deployments.package import PACKAGE
from eoflows.deployments.upgrade.files import renamed
from eoflows.deployments.upgrade.names import entry_point, exists, successor

PARTS = [
    "audit",
    "background",
    "catalog",
    "checks",
    "concurrency",
    "contracts",
    "current_client",
    "derivation",
    "digest",
    "dummy",
    "earth_engine",
    "errors",
    "expiry",
    "geo_engine",
    "http",
    "jobs",
    "ledger",
    "matrix",
    "ogc_processes",
    "rs_server",
    "selection",
    "stac",
    "staging",
    "storage",
    "systematic",
    "times",
    "tracing",
    "transfer",
    "unpack",
    "up42",
]
"""All that `eokit` had in it."""


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_old_package_is_somewhere(part: str) -> None:
    name = successor(f"eokit.{part}")
    assert name is not None
    assert exists(name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("eokit.catalog.LocalCatalog", "eoflows.stores.catalog.LocalCatalog"),
        ("eokit.ledger.schema", "eoflows.jobs.ledger.schema"),
        ("eokit.rs_server.staging.stage", "eoflows.products.staging.by_service.stage"),
        ("eokit.rs_server.FlowEnvArgs", "eoflows.products.environment.FlowEnvArgs"),
        ("deployments.register", "eoflows.deployments.register"),
        ("flows.stage_aux.aux_staging", "eoflows.flows.stage_aux.aux_staging"),
        ("eokit.unheard_of", None),
        ("eoflows.flows.stage_aux", None),
        ("numpy", None),
    ],
)
def test_a_name_and_what_is_in_it(old: str, new: str | None) -> None:
    assert successor(old) == new


def test_every_flow_has_the_entry_point_that_its_file_had() -> None:
    files = sorted(path.stem for path in (PACKAGE / "flows").glob("*.py") if path.stem != "__init__")
    assert len(files) > 30
    for stem in files:
        for written in (f"flows/{stem}.py:run", f"./flows/{stem}.py:run", f"/srv/eo/flows/{stem}.py:run"):
            assert entry_point(written) == f"eoflows.flows.{stem}.run"
        assert entry_point(f"flows.{stem}.run") == f"eoflows.flows.{stem}.run"


@pytest.mark.parametrize(
    "other",
    ["flows/of_mine.py:run", "my_flows/doctor.py:doctor", "reports.py:run", "eoflows.flows.doctor.doctor"],
)
def test_other_entry_points_are_not_ours(other: str) -> None:
    assert entry_point(other) is None


OLD = """\
from eokit import catalog, http as h, unheard_of
from eokit.rs_server import (
    FlowEnvArgs,
    staging,  # the service
)
import eokit.ledger
from blocks import Up42Credentials
from tasks import stage
from flows.stage_aux import aux_staging
import flows.tidy
import flows.tidy as t  # short

use(eokit.ledger.Ledger, flows.tidy.tidy)
run([sys.executable, "-m", "deployments.register", "--help"])
# python -m sandbox --port 0; entrypoint: flows/stage_aux.py:aux_staging
"""
NEW = """\
from eoflows.stores import catalog
from eoflows.base import http as h
from eokit import unheard_of
from eoflows.products.environment import FlowEnvArgs
from eoflows.products.staging import by_service as staging
import eoflows.jobs.ledger
from eoflows.blocks import Up42Credentials
from eoflows.tasks import stage
from eoflows.flows.stage_aux import aux_staging
from eoflows import flows
import eoflows.flows.tidy
import eoflows.flows.tidy as t  # short

use(eoflows.jobs.ledger.Ledger, flows.tidy.tidy)
run([sys.executable, "-m", "eoflows.deployments.register", "--help"])
# python -m eoflows.sandbox --port 0; entrypoint: eoflows.flows.stage_aux.aux_staging
"""


def test_a_program_has_todays_names_and_keeps_its_own() -> None:
    assert renamed(OLD) == NEW
    assert renamed(NEW) == NEW


@pytest.mark.parametrize(
    "own",
    [
        "from tasks.of_mine import work\n",
        "from tasks import work_of_mine\n",
        "import blocks_of_mine\n",
        "tasks.append(flows.pop())\n",
        "python -m tasks.of_mine --deployments x\n",
        "entrypoint: reports/flows/weekly.py:run\n",
        "my.eokit_notes and eokit_catalog\n",
    ],
)
def test_words_that_are_a_users_own_stay(own: str) -> None:
    assert renamed(own) == own


def upgrade(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app(["upgrade", *arguments])
    return int(ended.value.code or 0)


def test_names_are_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert upgrade("--name", "eokit.catalog", "--name", "flows/tidy.py:tidy") == 0
    assert capsys.readouterr().out == (
        "eokit.catalog is eoflows.stores.catalog\nflows/tidy.py:tidy is eoflows.flows.tidy.tidy\n"
    )
    assert upgrade("--name", "numpy") == 1
    assert capsys.readouterr().out == "numpy is no name of an older release\n"


def test_files_are_shown_and_then_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, picture, other = tmp_path / "a/run.py", tmp_path / "picture", tmp_path / "other.py"
    program.parent.mkdir()
    program.write_text(OLD)
    picture.write_bytes(b"\x89PNG eokit.catalog")
    other.write_text("import numpy\n")

    assert upgrade("--files", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert program.read_text() == OLD
    assert "-from tasks import stage\n" in shown
    assert "+from eoflows.tasks import stage\n" in shown
    assert str(other) not in shown

    assert upgrade("--files", str(tmp_path), "--apply") == 0
    assert program.read_text() == NEW
    assert picture.read_bytes() == b"\x89PNG eokit.catalog"
    capsys.readouterr()
    assert upgrade("--files", str(tmp_path)) == 0
    assert capsys.readouterr().out == "No file has an old name.\n"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert upgrade("--files", str(tmp_path / "none")) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/none is no file and no folder\n"


def test_without_a_server_it_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        assert upgrade() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: http://127.0.0.1:1/api: ")
    assert said.endswith(": start it, or correct PREFECT_API_URL\n")
    assert said.count("\n") == 1
