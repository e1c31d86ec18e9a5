"""Documents of all services, altered by a seed, come in as jobs within bounds, or as errors of our tree.

`EOFLOWS_SEEDS=FIRST-LAST` gives other seeds to `make prove`, to take a run up where another ended.
"""

import copy
import json
import os
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from eoflows.base.errors import EoError
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.jobs.border import MOST_CREDITS
from eoflows.jobs.models import JobState
from eoflows.jobs.service import JobServer, JobService
from eoflows.services.dummy import DummyService
from eoflows.services.earth_engine.service import EarthEngineService
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.service import GeoEngineService
from eoflows.services.ogc_processes.service import OgcService
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.service import Up42Service

pytestmark = pytest.mark.anyio

BASE = "http://x.example"
TASK = "1c4fd0b1-8a3c-4f0b-9a51-6f5f9c1d2e3f"
TIMES = {"created": "2026-11-21T01:22:51.123456789Z", "started": None, "finished": "2026-11-21T02:00:00Z"}
JOBS: dict[str, dict[str, Any]] = {
    "dummy": {"id": "j", "status": "running", "process": "p", "progress": 0.5, "credits": 3, **TIMES},
    "ogc": {"jobID": "j", "status": "running", "type": "process", "processID": "p", "progress": 40,
            "message": "m", "inputs": {"a": [1, {"b": 2}]},
            "links": [{"href": "x", "rel": "self"}], **TIMES},
    "up42": {"jobID": "j", "processID": "p", "accountID": "a", "workspaceID": "w", "status": "captured",
             "definition": {"inputs": {"title": "t"}},
             "results": {"collection": f"{BASE}/c/1", "errors": None},
             "creditConsumption": {"credits": 5}, "updated": "2026-11-21T02:00:00Z", **TIMES},
    "earth_engine": {"name": "projects/p1/operations/j", "done": True, "error": {"code": 3, "message": "m"},
                     "metadata": {"state": "FAILED", "progress": 1, "createTime": "2026-11-21T01:22:51Z",
                                  "type": "EXPORT_IMAGE", "description": "d", "batchEecuUsageSeconds": 1.5}},
    "geo_engine": {"taskId": TASK, "status": "running", "taskType": "create-dataset", "pctComplete": "12.00%",
                   "timeStarted": "2026-11-21T01:22:51.123Z", "info": {"dataset": "x"},
                   "cleanUp": {"status": "running"}, "description": "d"},
}  # fmt: skip
LISTS: dict[str, Callable[[list[Any]], Any]] = {
    "dummy": lambda jobs: {"jobs": jobs, "next": None},
    "ogc": lambda jobs: {"jobs": jobs, "links": []},
    "up42": lambda jobs: {"jobs": jobs, "links": []},
    "earth_engine": lambda jobs: {"operations": jobs},
    "geo_engine": lambda jobs: jobs,
}
ODD = [
    None, True, False, 0, -1, 2**31, 2**63, -(2**63), 1e308, -0.0, 0.5, "", "x", "j", "k", "\0", "\n",
    "é" * 400,
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2016-12-31T23:59:60Z",
    "2026-01-01T00:00:00.1234567890123Z",
    "2026-01-01T00:00:00+99:00", "completed", "CANCELED", "error", [], {}, [None], {"a": {}}, "NaN",
    "half", "-5%",
    ["running"], {"id": "j"}, 12345,
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Give every place of a document: what holds it, and where in that."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]


def mutated(document: Any, chance: random.Random) -> bytes:
    """Alter a document at one to three places; now and then its bytes."""
    changed = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        holder, key = chance.choice(places(changed) or [([changed], 0)])
        match chance.randrange(8):
            case 0:
                del holder[key]
            case 1:
                deep: Any = chance.choice(ODD)
                for _ in range(chance.choice((3, 110, 200))):
                    deep = {"a": deep} if chance.random() < 0.5 else [deep]
                holder[key] = deep
            case 2 if isinstance(holder, list):
                holder.insert(key, chance.choice(ODD))
            case 3 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case _:
                holder[key] = chance.choice(ODD)
    body = json.dumps(changed).encode()
    match chance.randrange(40):
        case 0:
            return body[: chance.randrange(len(body) + 1)]
        case 1:
            place = chance.randrange(len(body) + 1)
            return body[:place] + chance.choice((b"\xff", b"NaN", b"1e999", b'"\\ud800"')) + body[place:]
    return body


def service_of(name: str) -> JobService[Any]:
    match name:
        case "dummy":
            return DummyService(f"{BASE}/inputs-a")
        case "ogc":
            return OgcService(BASE)
        case "up42":
            client = Up42Client("u", "p", workspace_id="w", transport=httpx.MockTransport(_nobody))
            return Up42Service(client, "w")
        case "earth_engine":
            return EarthEngineService("p1", url=BASE)
    return GeoEngineService(BASE, Profile.V0_9)


def _nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} is asked")


def check(state: JobState) -> None:
    """What comes in can be kept by every ledger, and reckoned with."""
    assert 0 < len(state.id) <= 300
    assert state.id.isprintable()
    assert state.progress is None or 0 <= state.progress <= 1
    assert state.credits is None or 0 <= state.credits <= MOST_CREDITS
    for moment in (state.created, state.started, state.finished, state.updated):
        assert moment is None or 1971 <= moment.year < 9999
    json.dumps([dict(state.document), state.inputs], allow_nan=False)
    assert "\0" not in state.message + state.raw_status + (state.process or "")


async def tried(name: str, seeds: range) -> tuple[int, int]:
    """Read so many altered documents; give how many were read as jobs, and how many were tried."""
    body = b""
    line = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    server: JobServer[Any] = JobServer(
        service_of(name), BASE, HttpClient(transport=line, retry=RetryPolicy(attempts=1))
    )
    job_id = TASK if name == "geo_engine" else "j"
    read = 0
    for seed in seeds:
        chance = random.Random(f"{name} {seed}")
        try:
            if seed % 2:
                body = mutated(JOBS[name], chance)
                state = await server.state(job_id)
                assert state.id == job_id
                check(state)
            else:
                other = json.loads(json.dumps(JOBS[name]).replace('"j"', '"other"'))
                body = mutated(LISTS[name]([JOBS[name], other]), chance)
                async for page in server.pages():
                    for state in page.states:
                        check(state)
                    break
        except EoError:
            continue
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}: {body[:500]!r}") from error
        read += 1
    return read, len(seeds)


@pytest.mark.parametrize("name", JOBS)
async def test_altered_documents(name: str) -> None:
    read, of = await tried(name, range(600))
    assert read >= 0.6 * of


@pytest.mark.prove
@pytest.mark.parametrize("name", JOBS)
async def test_many_altered_documents(name: str) -> None:
    first, _, last = os.environ.get("EOFLOWS_SEEDS", "0-100000").partition("-")
    read, of = await tried(name, range(int(first), int(last)))
    assert read >= 0.6 * of
