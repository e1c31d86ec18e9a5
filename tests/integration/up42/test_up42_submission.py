"""UP42 as a service of the ledger: submitted once, tracked to its bill, collected through signed URLs."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import orjson
import pystac
import pytest
from waiting import LIMIT

from eoflows.base.errors import (
    BudgetError,
    CredentialsError,
    InvalidInputError,
    OutcomeUnknownError,
    RefusedError,
    ThrottledError,
)
from eoflows.jobs.collection import collect
from eoflows.jobs.ledger import Intent, Ledger, Reservation
from eoflows.jobs.models import Billing, Phase, intent_key
from eoflows.jobs.submission import submit
from eoflows.jobs.tracker import Pace, track_round
from eoflows.jobs.wait import wait_for_jobs
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.up42.settings import Up42Settings
from eoflows.services.up42 import Up42Request, job_server
from eoflows.services.up42.signing import SigningEngine
from eoflows.stores.storage import LocalStorage
from eoflows.stores.transfer import Download

pytestmark = pytest.mark.anyio

PAN = "pansharpening"
EXECUTION = f"/up42/v2/processing/processes/{PAN}/execution"
PAID = ("licensed", "valid", "accepted", "running")
OFTEN = Pace(shortest=0.0, longest=0.0)


@dataclass
class Desk:
    """A ledger and a way to open UP42."""

    ledger: Ledger
    make_client: Any
    options: dict[str, Any] = field(default_factory=dict)
    at: Sandbox | None = None

    @asynccontextmanager
    async def open(self, service="up42", server="demo"):
        async with self.make_client(at=self.at, **self.options) as client:
            yield await job_server(client, visible=1)

    async def submit(self, inputs, *, patience=20, reserve=None, **request):
        async with self.open() as server:
            intent = Intent(
                request=Up42Request(process=PAN, inputs=inputs, **request),
                endpoint=server.endpoint,
                server="demo",
                reservation=reserve and Reservation(budget="projects", credits=reserve),
            )
            return await submit(self.ledger, server, intent, patience=patience)

    async def round(self):
        """One poll round; gives the job's record afterwards."""
        (found,) = await track_round(self.ledger, self.open, pace=OFTEN)
        assert (found.error, found.failures) == ("", {})

    async def wait(self, *keys, seconds=20):
        until = self.ledger.now() + timedelta(seconds=seconds)
        return await wait_for_jobs(self.ledger, self.open, keys, until=until, shortest=0.05, pace=OFTEN)


@pytest.fixture
async def desk(tmp_path, make_client):
    async with Ledger(str(tmp_path / "ledger.db"), create=True) as ledger:
        await ledger.set_budget("projects", 1000)
        yield Desk(ledger, make_client)


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "storage")


def local(href: str) -> Path:
    return Path(urlsplit(href).path)


@pytest.mark.parametrize(
    ("fault", "parameters", "requests"),
    [
        ("lost_answer", {}, 1),
        ("unavailable", {"takes_effect": True}, 1),
        ("unavailable", {}, 2),
        ("server_error", {"takes_effect": True}, 1),
        ("server_error", {}, 2),
        ("reset", {"takes_effect": True}, 1),
        ("reset", {}, 2),
        ("hang", {"takes_effect": True}, 1),
        ("bad_json", {}, 1),
        ("truncate", {"after_bytes": 20}, 1),
        ("error_page", {}, 2),
    ],
)
async def test_every_lost_answer_leaves_one_job(box, desk, up42, inputs, fault, parameters, requests):
    since = box.log.last
    with box.faults.active(Fault(fault, path=EXECUTION, times=1, parameters=parameters)):
        record = await desk.submit(inputs("lost"))
    (job,) = up42.jobs.titled("lost")
    assert (record.phase, record.remote_id) == (Phase.SUBMITTED, job.id)
    assert box.log.count(EXECUTION, since=since) == requests
    again = await desk.submit(inputs("lost"))
    assert (again.remote_id, len(up42.jobs.all)) == (job.id, 1)


async def test_a_job_that_is_listed_late_is_not_bought_twice(make_client, desk):
    settings = Up42Settings(listing_lag=2, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        desk.at = box
        inputs = {"title": "late", "item": box.up42.item_url(box.up42.sources()[0])}
        with box.faults.active(Fault("lost_answer", path=EXECUTION, times=1)):
            record = await desk.submit(inputs)
        assert [job.id for job in box.up42.jobs.all] == [record.remote_id]


async def test_the_like_of_somebody_else_is_not_adopted(box, desk, up42, inputs, make_client):
    async with make_client() as client:
        older = await client.execute(PAN, inputs("same"))
        up42.jobs.get(older.id).created -= timedelta(seconds=10)
        with box.faults.active(Fault("lost_answer", path=EXECUTION, times=1)):
            record = await desk.submit(inputs("same"))
    assert {job.id for job in up42.jobs.titled("same")} == {older.id, record.remote_id}
    assert older.id != record.remote_id


@pytest.mark.parametrize(
    ("fault", "error", "phase"),
    [
        ("throttle", ThrottledError, Phase.PLANNED),
        ("forbidden", CredentialsError, Phase.REJECTED),
    ],
)
async def test_a_definite_no_makes_no_job_and_frees_the_money(box, desk, up42, inputs, fault, error, phase):
    with box.faults.active(Fault(fault, path=EXECUTION)), pytest.raises(error):
        await desk.submit(inputs(), reserve=63)
    (record,) = [await desk.ledger.job("")]
    assert (record.phase, up42.jobs.all) == (phase, [])
    assert (await desk.ledger.balance("projects")).reserved == 0
    assert (await desk.submit(inputs(), reserve=63)).phase is Phase.SUBMITTED


async def test_inputs_that_do_not_fit_are_refused_before_there_is_a_job(desk, up42, inputs):
    with pytest.raises(RefusedError):
        await desk.submit({"title": ""})
    with pytest.raises(RefusedError):
        await desk.submit(inputs(), budget_id="no-such-budget")
    assert up42.jobs.all == []


async def test_who_pays_is_no_part_of_what_is_asked_for(desk, up42, inputs):
    first = await desk.submit(inputs(), budget_id="large")
    second = await desk.submit(inputs(), budget_id="small")
    assert first.remote_id == second.remote_id
    assert [job.budget for job in up42.jobs.all] == ["large"]
    here, there = Up42Request(process=PAN, inputs={}), Up42Request(process="other", inputs={})
    assert len({intent_key("a", here), intent_key("b", here), intent_key("a", there)}) == 3


async def test_a_budget_of_the_ledger_holds(desk, up42, inputs):
    await desk.ledger.set_budget("projects", 100)
    await desk.submit(inputs("one"), reserve=63)
    with pytest.raises(BudgetError):
        await desk.submit(inputs("two"), reserve=63)
    assert [job.title for job in up42.jobs.all] == ["one"]


@pytest.mark.parametrize(
    ("path", "phase", "billing", "spent"),
    [
        ((*PAID, "successful", "captured"), Phase.SUCCEEDED, Billing.CAPTURED, 63),
        ((*PAID, "failed", "released"), Phase.FAILED, Billing.RELEASED, 0),
        (("unlicensed",), Phase.REJECTED, Billing.NONE, 0),
        (("licensed", "invalid"), Phase.REJECTED, Billing.NONE, 0),
        (("licensed", "valid", "rejected"), Phase.REJECTED, Billing.NONE, 0),
        (("licensed", "paused", *PAID[1:], "successful", "captured"), Phase.SUCCEEDED, Billing.CAPTURED, 63),
    ],
)
async def test_every_status_and_both_facts(desk, up42, inputs, path, phase, billing, spent):
    record = await desk.submit(inputs(), reserve=63)
    up42.jobs.redirect(record.remote_id, *path)
    ends = next(place for place, one in enumerate(path) if one not in (*PAID, "paused"))
    for place, status in enumerate(path):
        await desk.round()
        record = await desk.ledger.job(record.key)
        assert (record.raw_status, record.closed) == (status, place >= ends)
    assert (record.phase, record.billing) == (phase, billing)
    balance = await desk.ledger.balance("projects")
    assert (balance.reserved, balance.spent) == (0, spent)
    assert await track_round(desk.ledger, desk.open, pace=OFTEN) == []


@pytest.mark.parametrize(
    ("end", "phase", "billing", "spent"),
    [
        ("successful", Phase.SUCCEEDED, Billing.CAPTURED, 63),
        ("failed", Phase.FAILED, Billing.NONE, 0),
    ],
)
async def test_a_bill_that_never_comes_is_settled_in_time(desk, up42, inputs, end, phase, billing, spent):
    record = await desk.submit(inputs(), reserve=63)
    up42.jobs.redirect(record.remote_id, *PAID, end)
    up42.jobs.finish(record.remote_id)
    (record,) = await desk.wait(record.key)
    assert (record.phase, record.billing) == (phase, Billing.WITHHELD)
    assert (await desk.ledger.balance("projects")).reserved == 63
    desk.options["settle"] = 0
    with anyio.fail_after(LIMIT):
        while (record := await desk.ledger.job(record.key)).billing is Billing.WITHHELD:
            await desk.round()
    balance = await desk.ledger.balance("projects")
    assert (record.phase, record.billing, balance.reserved, balance.spent) == (phase, billing, 0, spent)
    assert await track_round(desk.ledger, desk.open, pace=OFTEN) == []


async def test_servers_that_stop_at_successful_bill_there(make_client, desk):
    settings = Up42Settings(ending="successful", requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        desk.at = box
        inputs = {"title": "new", "item": box.up42.item_url(box.up42.sources()[0])}
        record = await desk.submit(inputs, reserve=63)
        (record,) = await desk.wait(record.key)
        assert (record.raw_status, record.billing, record.credits) == ("successful", Billing.CAPTURED, 63)


async def test_many_jobs_are_followed_by_the_list(box, desk, up42, inputs):
    records = [await desk.submit(inputs(f"{n}")) for n in range(30)]
    for job in up42.jobs.all:
        up42.jobs.finish(job.id)
    up42.tokens.expire_all()
    since = box.log.last
    found = await desk.wait(*(record.key for record in records))
    assert {record.phase for record in found} == {Phase.SUCCEEDED}
    # Its token was revoked: that is found out by an answer that lists nothing.
    assert box.log.count("/up42/v2/processing/jobs", since=since, status=200) == 1


async def test_older_jobs_are_not_listed(desk, up42, inputs):
    for n in range(3):
        await desk.submit(inputs(f"{n}"))
    async with desk.open() as server:
        since = desk.ledger.now() + timedelta(minutes=1)
        assert len([page async for page in server.states(since=since)]) == 1
        assert [
            state.id for page in [page async for page in server.states(process="x")] for state in page
        ] == []


async def test_no_job_is_cancelled(desk, inputs):
    record = await desk.submit(inputs())
    async with desk.open() as server:
        with pytest.raises(InvalidInputError, match="cannot cancel a job"):
            await server.cancel(record.remote_id)


async def test_another_workspace_is_another_endpoint(desk, up42, inputs):
    async with desk.open() as server:
        assert server.endpoint == f"{up42.url}#{up42.user().workspace}"
    theirs = up42.user("colleague").workspace
    desk.options["workspace_id"] = theirs
    await desk.submit(inputs())
    assert [job.workspace for job in up42.jobs.all] == [theirs]


async def collected(desk, storage, up42, inputs, title="A title"):
    record = await desk.submit(inputs(title))
    up42.jobs.finish(record.remote_id)
    await desk.wait(record.key)
    (found,) = await collect(desk.ledger, desk.open, storage)
    return found


async def test_items_and_assets_are_collected(box, desk, storage, up42, inputs):
    since = box.log.last
    found = await collected(desk, storage, up42, inputs)
    assert (found.error, len(found.outputs)) == ("", 3)
    (name,) = [name for name in found.outputs if name.endswith(".json") and "_" not in name]
    item = pystac.Item.from_file(str(local(found.outputs[name]["href"])))
    (true,) = up42.storage.items(up42.user().account, job_id=found.record.remote_id)
    assert item.id == true.id
    for key, asset in item.assets.items():
        content = local(asset.get_absolute_href()).read_bytes()
        assert len(content) == asset.extra_fields["file:size"] == true.files[key].content.size
        stored = found.outputs[f"{item.id}_{key}{true.files[key].suffix}"]
        assert stored["checksum"] == f"md5:{true.files[key].content.md5}"
    files = box.log.entries("/up42-storage", since=since)
    assert {one.origin for one in files} == {"other"}
    assert all("authorization" not in one.headers for one in files)


async def test_a_signature_that_ends_in_mid_transfer_is_renewed(make_client, desk, storage):
    """The connection breaks off, and by then the URL is no longer valid."""
    data, size = "re:/up42-storage/.*tif", 4_000_000
    settings = Up42Settings(result_size=size, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        desk.at, up42 = box, box.up42
        record = await desk.submit({"title": "large", "item": up42.item_url(up42.sources()[0])})
        up42.jobs.finish(record.remote_id)
        await desk.wait(record.key)

        def begun(log):
            return log.count(data) == 1

        async def revoke():
            assert await anyio.to_thread.run_sync(box.log.wait_for, begun)
            up42.signer.revoke()

        breaks = Fault("truncate", path=data, times=1, parameters={"after_bytes": 3_000_000})
        with box.faults.active(breaks):
            async with anyio.create_task_group() as group:
                group.start_soon(revoke)
                (found,) = await collect(desk.ledger, desk.open, storage)
        assert found.error == ""
        files = box.log.entries(data)
        assert [one.status for one in files] == [200, 403, 206]
        assert files[-1].headers["range"] == "bytes=3000000-"
        (stored,) = [one for name, one in found.outputs.items() if name.endswith("tif")]
        assert local(stored["href"]).stat().st_size == stored["size"] == size


async def test_signatures_that_are_never_valid_are_an_error(box, up42, make_client, tmp_path):
    (file, *_) = up42.sources()[0].files.values()
    wanted = Download((f"{up42.url}/v2/assets/{file.id}",), tmp_path / "file")
    box.faults.add(Fault("forbidden", path="/up42-storage"))
    async with make_client() as client, SigningEngine(client.download_url, trusted=client.trusted) as engine:
        with pytest.raises(CredentialsError):
            await engine.fetch(wanted)


async def test_results_that_storage_shows_late_are_fetched_later(desk, storage, up42, inputs):
    record = await desk.submit(inputs())
    up42.jobs.redirect(record.remote_id, *PAID, "successful", "captured")
    up42.jobs.finish(record.remote_id)
    await desk.wait(record.key)
    shelves = {**up42.storage._shelves}
    (shown,) = up42.storage.items(up42.user().account, job_id=record.remote_id)
    up42.storage._shelves = {key: shelf for key, shelf in shelves.items() if key != shown.collection}
    (found,) = await collect(desk.ledger, desk.open, storage)
    assert "storage has no results of it" in found.error
    assert found.again
    up42.storage._shelves = shelves
    (found,) = await collect(desk.ledger, desk.open, storage, keys=[record.key])
    assert (found.error, len(found.outputs)) == ("", 3)


async def test_results_are_found_by_job_where_it_names_no_collection(make_client, desk, storage):
    settings = Up42Settings(results_at="captured", requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        desk.at, up42 = box, box.up42
        inputs = {"title": "early", "item": up42.item_url(up42.sources()[0])}
        record = await desk.submit(inputs)
        up42.jobs.redirect(record.remote_id, *PAID, "successful")
        await desk.wait(record.key)
        (found,) = await collect(desk.ledger, desk.open, storage)
        assert (found.error, len(found.outputs)) == ("", 3)


async def test_nobody_can_say(box, desk, up42, inputs):
    lists = Fault("unavailable", path="/up42/v2/processing/jobs")
    lost = Fault("lost_answer", path=EXECUTION, times=1)
    with box.faults.active(lists, lost), pytest.raises(OutcomeUnknownError):
        await desk.submit(inputs(), patience=0.5, reserve=63)
    assert (await desk.ledger.balance("projects")).reserved == 63
    record = await desk.submit(inputs(), reserve=63)
    assert [job.id for job in up42.jobs.all] == [record.remote_id]
    assert orjson.loads(orjson.dumps(record.request))["inputs"] == inputs()
