"""A state of the old release is shown what becomes of it, is carried over, and goes on where it was.

The state was made by `make_state.py`. The services know the jobs that it is waiting for, and nothing else.
"""

import hashlib
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from make_state import PLACES, STATE
from new_release import CARRIED, NewRelease, decided, deployments, new_release, secrets
from old_world import ENDED, OPEN, OWN, OWN_BLOCKS, UNKNOWN, counted, staged, until
from packed_state import rows, unpack
from runs import Runs
from told_sandbox import tell

from eoflows.deployments.upgrade.names import entry_point
from eoflows.sandbox.server import Sandbox

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), pytest.mark.xdist_group("upgrade")]

KEPT = ("block_type", "block_schema", "block_document", "flow", "work_pool", "automation", "configuration")
"""Tables of Prefect's in which nothing happens by itself while no worker is at work."""
UNDER_WAY = "aux-staging/sandbox-service"
"""Deployment of the run that was under way when the old release was stopped."""
SECONDS = 240.0
BEGINNING = datetime.min.replace(tzinfo=UTC)


class World:
    """The installation, what it was like, and what the command said, one call after the other."""

    def __init__(self, release: NewRelease, box: Sandbox, runs: Runs, known: int) -> None:
        self.release, self.box, self.runs, self.known = release, box, runs, known
        root = release.state.root
        self.prefect, self.ledger, self.catalog = (
            root / name for name in ("prefect/prefect.db", "ledger.sqlite", "catalog.sqlite")
        )
        self.since = datetime.now(UTC)
        self.before = self.picture()
        self.deployments, self.secrets = deployments(runs), secrets(runs)
        self.planned_run = self.planned()
        self.shown = release.run("upgrade")
        self.after_plan = self.picture()
        self._kill()
        self.applied = release.run("upgrade", "--apply")
        self.again = release.run("upgrade", "--apply")
        self.carried, self.kept = deployments(runs), secrets(runs)

    def picture(self) -> list[Any]:
        """Everything that a plan must leave as it is."""
        files = {path: hashlib.sha256(path.read_bytes()).digest() for path in self.stored()}
        databases = [*rows(self.prefect, *KEPT), *rows(self.ledger), *rows(self.catalog)]
        return [databases, deployments(self.runs), files]

    def stored(self) -> list[Path]:
        """Products and reports."""
        return [path for path in sorted(self.release.state.storage.rglob("*")) if path.is_file()]

    def _kill(self) -> None:
        """Kill the command when it has carried a part over."""
        with self.release.start("upgrade", "--apply") as process:
            assert process.stdout is not None
            done = (line for line in process.stdout if line.endswith(": done\n"))
            for _ in range(20):
                next(done)
            process.kill()
        assert process.returncode == -signal.SIGKILL

    def planned(self) -> str:
        """The run that the old release had planned of the user's own deployment."""
        (own,) = (one["id"] for one in self.deployments.values() if one["name"] == OWN and one["tags"])
        asked = {"flow_runs": {"deployment_id": {"any_": [own]}}}
        # This server has planned others since, if the clock went on to the next.
        run = min(
            self.runs.ask("POST", "/flow_runs/filter", asked), key=lambda one: one["expected_start_time"]
        )
        return str(run["id"])

    def made(self) -> Counter[str]:
        """Jobs that were made, and products that were fetched, since the old release ended."""
        return counted((entry.method, entry.path) for entry in self.box.log.entries())

    def jobs(self) -> list[dict[str, Any]]:
        """The ledger's jobs."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM jobs")]

    def asked(self) -> dict[str, datetime]:
        """When each endpoint of the ledger was asked last, by its address."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT endpoint, asked_at FROM endpoints WHERE asked_at IS NOT NULL")
            return {endpoint: datetime.fromisoformat(at).replace(tzinfo=UTC) for endpoint, at in found}

    def ended(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Run a deployment to its end."""
        return self.runs.wait(self.runs.start(name, **parameters), ENDED, SECONDS)

    def never_due(self, name: str) -> None:
        """Keep a schedule of every day from coming due by chance while tests count."""
        deployment = self.runs.deployment(name)
        for schedule in deployment["schedules"]:
            path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
            self.runs.ask("PATCH", path, {"active": False})
        planned = {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": [deployment["id"]]}}
        for run in self.runs.ask("POST", "/flow_runs/filter", {"flow_runs": planned}):
            self.runs.ask("DELETE", f"/flow_runs/{run['id']}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("upgrade")
    state = folder / "state"
    with Sandbox() as box:
        here = (str(state), str(folder / "old"), box.url, box.other_url, "http://ui.invalid", "host")
        unpack(STATE, state, dict(zip(PLACES, here, strict=True)))
        known = tell(box, state / "ledger.sqlite")
        switch_off(state / "prefect/prefect.db", "crash dead runs")
        with new_release(state) as release, Runs(release.api) as runs:
            yield World(release, box, runs, known)


def switch_off(database: Path, automation: str) -> None:
    """Keep Prefect from doing, sooner or later than us, what is to be seen in the plan."""
    with closing(sqlite3.connect(database)) as opened, opened:
        done = opened.execute("UPDATE automation SET enabled = 0 WHERE name = ?", [automation])
        assert done.rowcount == 1


@pytest.fixture(scope="module")
def working(world: World) -> World:
    world.never_due("aux-staging/sandbox")
    world.release.work()
    return world


def changes(lines: list[str], kind: str) -> list[str]:
    return [line for line in lines if line.startswith(kind)]


def subject(line: str) -> str:
    return line.partition(": ")[0]


def test_the_plan_has_a_line_for_each_change_and_changes_nothing(world: World) -> None:
    assert world.after_plan == world.before
    old = [one for one in world.deployments.values() if entry_point(one["entrypoint"])]
    assert len(old) > 40
    assert len(changes(world.shown, "deployment ")) == len(old)
    assert len(changes(world.shown, "block type ")) == 16
    assert changes(world.shown, "limit ") == [
        "limit host-station.example.org: 1 of 4 slots are held by nobody: freed"
    ]
    assert len(changes(world.shown, "pool ")) == len(changes(world.shown, "run ")) == 1
    assert "nothing was changed" in world.shown[-1]


def test_killed_in_the_middle_it_does_the_rest_when_it_is_run_again(world: World) -> None:
    *said, last = world.applied
    planned = said[: len(said) // 2]
    assert 0 < len(planned) <= len(world.shown[:-1]) - 20
    assert set(planned) < set(world.shown[:-1])
    assert said[len(planned) :] == [f"{subject(line)}: done" for line in planned]
    assert last == f"{len(planned)} of {len(planned)} carried over."


def test_carried_over_twice_there_is_nothing_to_do(world: World) -> None:
    assert world.again == ["Nothing to carry over: all is as this release has it."]


def test_deployments_name_code_anew_and_keep_all_else(world: World) -> None:
    found = world.carried
    assert decided(found) == decided(world.deployments)
    assert sum(schedule["active"] for one in found.values() for schedule in one["schedules"]) == 3
    for one in found.values():
        was = world.deployments[one["id"]]
        present = entry_point(was["entrypoint"])
        if present is None:
            assert all(one[part] == was[part] for part in CARRIED)
        else:
            assert (one["entrypoint"], one["pull_steps"]) == (present, [])


def test_every_block_is_there_with_its_secret(world: World) -> None:
    found = world.kept
    assert found == world.secrets
    assert len(found) > 25
    for slug, data in OWN_BLOCKS.items():
        assert data.items() <= found[f"{slug}/{OWN}"].items()
    (row,) = rows(world.prefect, "configuration")
    assert "fernet_key" in row


def test_ledger_catalogue_and_storage_are_left_alone(world: World) -> None:
    assert [*rows(world.ledger), *rows(world.catalog)] == [
        row for row in world.before[0] if row.partition(" ")[0] not in KEPT
    ]
    assert world.made() == Counter()


def test_a_run_that_the_old_release_planned_is_run_by_this_one(working: World) -> None:
    state = working.runs.wait(working.planned_run, ENDED, SECONDS)
    assert (state["type"], state["message"]) == ("COMPLETED", "3 found in auxip: 3 already there.")


def test_no_product_is_fetched_again(working: World) -> None:
    state = working.ended("aux-staging/sandbox", **staged())
    assert state["message"] == "3 found in auxip: 3 already there."
    assert working.made()["fetched"] == 0


def test_every_open_job_is_followed(working: World) -> None:
    """By the run of the tracker that the old release had planned."""
    open_ = [job for job in working.jobs() if job["remote_id"] is not None]
    watched = {job["endpoint"] for job in open_ if job["watched"]}

    def followed() -> bool:
        asked = working.asked()
        return all(asked.get(one, BEGINNING) > working.since for one in watched)

    until(followed, "a look at every job", SECONDS)
    after = [job for job in working.jobs() if job["remote_id"] is not None]
    assert len(after) == len(open_) == working.known
    assert {job["missing_since"] for job in after} == {None}
    assert {job["phase"] for job in after} == {"running", "succeeded"}


def test_what_is_asked_for_again_is_not_sent_again(working: World) -> None:
    *still, in_doubt, collected = working.release.asked_again(
        [*OPEN, ("run-job/sandbox", UNKNOWN), ("collect-jobs/sandbox", {})]
    )
    assert [state["name"] for state in still] == ["StillRunning"] * len(OPEN)
    assert (in_doubt["type"], in_doubt["name"]) == ("FAILED", "OutcomeUnknown")
    assert collected["message"].startswith("1 fetched")
    assert any(path.stat().st_size == 77 for path in working.stored()), "what the finished job made"
    assert working.made() == Counter()


def test_a_run_that_was_under_way_counts_as_ended_and_another_takes_up_its_job(working: World) -> None:
    deployment = working.runs.deployment(UNDER_WAY)["id"]
    asked = {"flow_runs": {"deployment_id": {"any_": [deployment]}}}
    (left,) = working.runs.ask("POST", "/flow_runs/filter", asked)
    assert left["state_type"] == "CRASHED"
    run = working.runs.start(UNDER_WAY, **staged())
    until(lambda: working.runs.state(run)["type"] == "RUNNING", "a slot of the deployment")
    (job,) = working.box.staging.jobs.all()
    working.box.staging.jobs.change(job, status="successful", progress=100)
    working.runs.wait(run, ENDED, SECONDS)
    assert working.made() == Counter()
