"""The life of operations, without a server."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.earth_engine.operation_store import OperationStore
from eoflows.sandbox.earth_engine.orders import check_order
from eoflows.sandbox.earth_engine.settings import INTERNAL, MEMORY, EarthEngineSettings, Rule
from eoflows.sandbox.stac.errors import Refusal


class Clock:
    def __init__(self):
        self.now = datetime(2025, 8, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(clock):
    def build(deliver=lambda operation: None, **fields):
        settings = EarthEngineSettings(**fields)
        return Projects(OperationStore(settings, clock, 0, deliver), settings)

    return build


class Projects:
    """The store with the arguments that tests never change."""

    def __init__(self, store, settings):
        self.store = store
        self.settings = settings

    def order(self, description="an-export", project="p-one", user="me", **more):
        order = {"description": description, "fileExportOptions": FILES, "expression": {}, **more}
        sent = json.dumps(order).encode()
        return self.store.create(project, user, order, sent, self.settings)

    def state(self, operation, project="p-one"):
        return self.store.asked(project, operation.id, self.settings)["metadata"]["state"]

    def page(self, project="p-one", size=None, token=None):
        return self.store.listed(project, size, token, self.settings)


FILES = {
    "fileFormat": "GEO_TIFF",
    "cloudStorageDestination": {"bucket": "b", "filenamePrefix": "folder/name"},
}


def refused(call):
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def test_polls_move_an_operation(make):
    projects = make(path=("RUNNING", "RUNNING", "SUCCEEDED"))
    made = projects.order()
    assert (made.state, made.progress) == ("PENDING", 0)
    seen = [projects.store.asked("p-one", made.id, projects.settings) for _ in range(4)]
    assert [one["metadata"]["state"] for one in seen] == ["RUNNING", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
    assert [one["metadata"]["progress"] for one in seen] == [0.333, 0.667, 1, 1]
    assert [one.get("done") for one in seen] == [None, None, True, True]
    folder = "https://console.developers.google.com/storage/browser/b/folder/"
    assert seen[-1]["metadata"]["destinationUris"] == [folder]


def test_the_clock_moves_operations_in_order(make, clock):
    projects = make(pace="clock", durations={"PENDING": 5, "RUNNING": 60})
    made = projects.order()
    states = []
    for seconds in (4.9, 0.2, 59.8, 0.2):
        clock.pass_by(seconds)
        states.append(projects.state(made))
    assert states == ["PENDING", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert made.ended - made.created == timedelta(seconds=65)


def test_by_hand(make):
    projects = make(pace="manual")
    made = projects.order()
    assert [projects.state(made) for _ in range(3)] == ["PENDING"] * 3
    projects.store.advance(made.id)
    assert projects.state(made) == "RUNNING"
    projects.store.redirect(made.id, "FAILED", error=MEMORY)
    told = projects.store.finish(made.id).document(projects.settings)
    assert told["error"] == {"code": 8, "message": "User memory limit exceeded."}


def test_what_cannot_be_delivered_has_failed(make):
    projects = make(lambda operation: (3, "No such band."))
    made = projects.order()
    assert [projects.state(made) for _ in range(2)] == ["RUNNING", "FAILED"]
    assert made.document(projects.settings)["error"] == {"code": 3, "message": "No such band."}


def test_cancel(make):
    projects = make(pace="manual")
    waiting, running, done = projects.order(), projects.order(), projects.order()
    projects.store.advance(running.id)
    projects.store.finish(done.id)
    for one in (waiting, running, done):
        projects.store.cancel("p-one", one.id, projects.settings)
    assert [one.state for one in (waiting, running, done)] == ["CANCELLED", "CANCELLING", "SUCCEEDED"]
    assert projects.store.finish(running.id).state == "CANCELLED"
    strict = make(cancel_finished="refused")
    ended = strict.store.finish(strict.order().id)
    assert refused(lambda: strict.store.cancel("p-one", ended.id, strict.settings)).status == 400


def test_one_request_id_starts_one_operation(make, clock):
    projects = make(request_id_lifetime=100)
    first = projects.order(requestId="an-id")
    assert projects.order(requestId="an-id") is first
    assert refused(lambda: projects.order("other", requestId="an-id")).status == 400
    assert projects.order(requestId="an-id", user="another") is not first
    assert projects.order(requestId="an-id", project="p-two") is not first
    assert projects.order() is not projects.order()
    clock.pass_by(101)
    assert projects.order(requestId="an-id") is not first


def test_a_full_queue(make):
    projects = make(most_pending=3)
    made = [projects.order(f"export-{number}", requestId=f"id-{number}") for number in range(3)]
    full = refused(lambda: projects.order("export-3", requestId="id-3"))
    assert (full.status, full.document["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert full.detail.startswith("Too many tasks already in the queue (3).")
    assert projects.order("export-0", requestId="id-0") is made[0]
    assert projects.order(project="p-two").state == "PENDING"
    projects.state(made[0])
    assert projects.order("export-3", requestId="id-3").state == "PENDING"


def test_rules_hold_for_some_exports_and_some_times(make):
    projects = make(rules=(Rule(description="flaky*", times=1), Rule(description="big*", error=MEMORY)))
    first, second, big, other = (projects.order(name) for name in ("flaky-1", "flaky-1", "big", "other"))
    for one in (first, second, big, other):
        projects.store.finish(one.id)
    assert [one.state for one in (first, second, big, other)] == [
        "FAILED",
        "SUCCEEDED",
        "FAILED",
        "SUCCEEDED",
    ]
    assert (first.error, big.error) == (INTERNAL, MEMORY)


@given(count=st.integers(0, 30), size=st.integers(1, 12), late=st.integers(0, 3))
def test_pages_show_each_operation_once_whatever_is_added_meanwhile(count, size, late):
    settings = EarthEngineSettings(pace="manual")
    projects = Projects(OperationStore(settings, Clock(), 0, lambda operation: None), settings)
    made = [projects.order().name for _ in range(count)]
    projects.order(project="p-two")
    seen, token = [], None
    while True:
        page = projects.page(size=size, token=token)
        seen += [one["name"] for one in page.get("operations", [])]
        token = page.get("nextPageToken")
        if token is None:
            break
        for _ in range(late):
            projects.order()
    assert seen == made[::-1]


def test_the_old_are_forgotten_and_the_new_come_late(make, clock):
    projects = make(retention=60, listing_lag=1)
    made = projects.order()
    assert projects.page() == {}
    assert len(projects.page()["operations"]) == 1
    projects.store.finish(made.id)
    clock.pass_by(61)
    assert projects.page() == {}
    assert refused(lambda: projects.state(made)).status == 404
    other = projects.order()
    projects.store.forget(other.id)
    assert refused(lambda: projects.state(other)).status == 404
    assert refused(lambda: projects.page(token="???")).status == 400


@pytest.mark.parametrize(
    "more",
    [
        {"requestId": "x" * 61},
        {"requestId": "under_score"},
        {"description": "x" * 101},
        {"description": "a slash/"},
        {"workloadTag": "Capital"},
        {"priority": {"value": 10_000}},
        {"fileExportOptions": {"fileFormat": "GEO_TIFF"}},
        {"fileExportOptions": {**FILES, "geoTiffOptions": {"tileDimensions": {"width": 300, "height": 256}}}},
    ],
)
def test_orders_that_are_refused(more):
    good = {"description": "fine", "requestId": "a-1", "expression": {}, "fileExportOptions": FILES}
    check_order(good)
    assert refused(lambda: check_order({**good, **more})).status == 400
