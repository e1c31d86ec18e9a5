"""A sandbox that is told of the jobs that the old release had made at another."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from eoflows.sandbox.dummy import DummyJob
from eoflows.sandbox.earth_engine.operations import Operation
from eoflows.sandbox.geo_engine.jobs import Task
from eoflows.sandbox.ogc_processes.jobs import Job
from eoflows.sandbox.server import Sandbox
from eoflows.sandbox.up42.jobs import Job as Up42Job

LONG = 1_000_000_000.0


def tell(box: Sandbox, ledger: Path) -> int:
    """Tell it of every job that the ledger has an id of; all of them are being worked on. Give how many."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        jobs = database.execute("SELECT * FROM jobs WHERE remote_id IS NOT NULL").fetchall()
    for job in jobs:
        _TELL[_kind(job)](box, job, json.loads(job["request"]))
    return len(jobs)


def _created(job: sqlite3.Row) -> datetime:
    """When its service had made it, if it says so: at another time it would be another job."""
    return datetime.fromisoformat(job["created_at"] or job["sent_at"]).replace(tzinfo=UTC)


def _kind(job: sqlite3.Row) -> str:
    return "rs-server" if job["process"] == "staging" else job["service"]


def _dummy(box: Sandbox, job: sqlite3.Row, asked: Mapping[str, Any]) -> None:
    place = box.dummy._place(job["endpoint"].rpartition("/")[2])
    place.jobs[job["remote_id"]] = DummyJob(
        job["remote_id"], job["process"], asked["inputs"], "", _created(job)
    )


def _process(jobs: dict[str, Job], job: sqlite3.Row, asked: Mapping[str, Any]) -> None:
    jobs[job["remote_id"]] = Job(
        job["remote_id"], job["process"], _created(job), asked["inputs"], status="running"
    )


def _up42(box: Sandbox, job: sqlite3.Row, asked: Mapping[str, Any]) -> None:
    told = json.loads(job["document"])
    box.up42.jobs._jobs[job["remote_id"]] = Up42Job(
        number=1,
        id=job["remote_id"],
        process_id=job["process"],
        account=told["accountID"],
        workspace=told["workspaceID"],
        budget=None,
        inputs=asked["inputs"],
        credits=16,
        errors=(),
        path=[],
        created=_created(job),
        updated=_created(job),
        hidden=0,
        status="running",
    )


def _earth_engine(box: Sandbox, job: sqlite3.Row, asked: Mapping[str, Any]) -> None:
    box.earth_engine.operations._operations[job["remote_id"]] = Operation(
        number=1,
        id=job["remote_id"],
        project="demo-project",
        user="",
        order={"description": json.loads(job["document"])["metadata"]["description"]},
        sent=b"",
        path=[],
        error=None,
        created=_created(job),
        updated=_created(job),
        hidden=0,
        state="RUNNING",
        started=_created(job),
    )


def _geo_engine(box: Sandbox, job: sqlite3.Row, asked: Mapping[str, Any]) -> None:
    key = UUID(job["remote_id"])
    box.geo_engine.tasks._tasks[key] = Task(key, "create-dataset", "", _created(job), LONG, 0.0)


_TELL = {
    "dummy": _dummy,
    "ogc-processes": lambda box, job, asked: _process(box.ogc_processes["/ogc"].jobs._jobs, job, asked),
    "rs-server": lambda box, job, asked: _process(box.staging.jobs._jobs, job, asked),
    "up42": _up42,
    "earth_engine": _earth_engine,
    "geo-engine": _geo_engine,
}
