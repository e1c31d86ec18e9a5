"""What a server sends of one job, or of a list, harms that alone."""

from typing import Any

import httpx
import orjson
import pytest
from job_world import World, intent, rows

from eoflows.base.errors import OutcomeUnknownError
from eoflows.jobs.models import Phase

pytestmark = pytest.mark.anyio


def altered(world: World, change: Any) -> None:
    """Answers of GET come through `change(path, document)`, which gives a document or an answer."""
    real = world.line._inner

    class Altering(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await real.handle_async_request(request)
            if request.method != "GET":
                return answer
            changed = change(request.url.path, orjson.loads(await answer.aread()))
            return changed if isinstance(changed, httpx.Response) else httpx.Response(200, json=changed)

    world.line._inner = Altering()  # type: ignore[assignment]


async def five(world: World, ledger: Any) -> None:
    for n in range(5):
        await world.submit(ledger, "inputs-a", n=n, inputs={"seconds": 2})
    world.clock.advance(5)


LISTS = {
    "ids only": lambda jobs: [job["id"] for job in jobs],
    "a null": lambda jobs: [*jobs, None],
    "a foreign one without status": lambda jobs: [{"id": "theirs"}, *jobs],
    "a null status": lambda jobs: [{**jobs[0], "status": None}, *jobs[1:]],
    "no id": lambda jobs: [{"status": "running"}, *jobs],
    "none": lambda jobs: [],
}


@pytest.mark.parametrize("what", LISTS)
async def test_an_odd_list_hides_no_job(world: World, ledger, what: str) -> None:
    await five(world, ledger)
    altered(world, lambda _, doc: {**doc, "jobs": LISTS[what](doc["jobs"])} if "jobs" in doc else doc)
    (found,) = await world.track(ledger)
    assert (found.ended, found.error, found.failures) == (5, "", {})


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
async def test_a_refused_list_hides_no_job(world: World, ledger, status: int) -> None:
    await five(world, ledger)
    altered(world, lambda _, doc: httpx.Response(status, text="no") if "jobs" in doc else doc)
    (found,) = await world.track(ledger)
    assert (found.ended, found.error) == (5, "")


@pytest.mark.parametrize("status", [400, 403, 500, 200])
async def test_one_job_that_cannot_be_asked_for_harms_no_other(world: World, ledger, status: int) -> None:
    await five(world, ledger)
    bad = (await rows(ledger))[0]

    def change(path: str, doc: Any) -> Any:
        if "jobs" in doc:
            return httpx.Response(500)
        return httpx.Response(status, text="<html>") if path.endswith(bad.remote_id or "") else doc

    altered(world, change)
    (found,) = await world.track(ledger)
    assert (found.ended, found.error, list(found.failures)) == (4, "", [bad.key])


async def test_an_answer_about_another_job_is_a_broken_contract(world: World, ledger) -> None:
    mine = await world.submit(ledger, "inputs-a", inputs={"seconds": 1000})
    world.clock.advance(5)
    altered(world, lambda _, doc: {**doc, "id": "theirs", "status": "success"})
    await world.track(ledger)
    (record,) = await rows(ledger)
    assert (record.remote_id, record.phase) == (mine.remote_id, Phase.RUNNING)


async def test_what_cannot_be_written_down_harms_no_other(world: World, ledger, monkeypatch) -> None:
    """A fault of our own, at the last step: the others' news are written all the same."""
    await five(world, ledger)
    bad = (await rows(ledger))[2].key
    real = type(ledger).observe

    async def observe(self: Any, claim: Any, found: Any) -> int:
        if any(row.key == bad for row, _ in found):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return await real(self, claim, found)

    monkeypatch.setattr(type(ledger), "observe", observe)
    (found,) = await world.track(ledger)
    assert (found.ended, list(found.failures)) == (4, [bad])


async def test_a_fault_at_one_endpoint_is_its_own(world: World, ledger) -> None:
    await world.submit(ledger, "inputs-a", inputs={"seconds": 2})
    await world.submit(ledger, "inputs-b", inputs={"seconds": 2})
    world.clock.advance(5)
    real = world.open_server

    def opening(service: str, place: str) -> Any:
        if place == "inputs-a":
            raise ZeroDivisionError
        return real(service, place)

    world.open_server = opening  # type: ignore[method-assign]
    first, second = await world.track(ledger)
    assert ("ZeroDivisionError" in first.error, second.ended) == (True, 1)


async def test_one_that_cannot_be_asked_whether_it_exists_harms_no_other(world: World, ledger) -> None:
    """A row of another release is in doubt beside one that is not."""
    held = (await ledger.intend(intent("inputs-a", n="other"))).record
    await ledger.unknown(held, "no answer")
    world.line.orders += ["lost"]
    with pytest.raises(OutcomeUnknownError):
        await world.submit(ledger, "inputs-a", n="mine", patience=0)
    world.clock.advance(60)
    (found,) = await world.track(ledger)
    assert found.resolved == 2
