from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.up42.jobs import JobStore
from eoflows.sandbox.up42.listing import next_query, read_query, select
from eoflows.sandbox.up42.schedule import CAPTURED, FAILED, SUCCESSFUL, Rule, natural_path, rule_for
from eoflows.sandbox.up42.settings import Up42Settings
from eoflows.sandbox.up42.throttle import Throttle

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
ACCOUNT = Up42Settings().users["demo"].account


def a_store(clock=lambda: NOON, **settings):
    return JobStore(Up42Settings(**settings), clock, lambda job: f"https://api/collections/{job.number}")


def add(store, path=CAPTURED, **changes):
    about = {
        "process_id": "pansharpening",
        "account": ACCOUNT,
        "workspace": None,
        "budget": None,
        "inputs": {"title": "A title"},
        "credits": 63,
        "errors": (),
        "path": path,
    }
    return store.create(**{**about, **changes})


paths = st.sampled_from(
    [CAPTURED, SUCCESSFUL, FAILED, ("unlicensed",), ("licensed", "invalid"), ("strange",)]
)


@given(
    moves=st.lists(st.tuples(paths, st.integers(0, 400), st.sampled_from([None, "b"])), max_size=8),
    steps=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), max_size=30),
    ending=st.sampled_from(["captured", "successful"]),
)
def test_no_credit_appears_or_vanishes(moves, steps, ending):
    store = a_store(credits=1000, budgets={"b": 300}, ending=ending)
    account = store.accounts[ACCOUNT]
    jobs = [add(store, path, credits=credits, budget=budget) for path, credits, budget in moves]
    for which, count in steps:
        if which < len(jobs):
            store.advance(jobs[which].id, count)
        assert account.balance >= 0
        assert account.spent("b") <= 300
        assert account.balance + account.withheld + account.captured == 1000
    for job in jobs:
        store.finish(job.id)
        consumed = job.status == ending or (ending == "successful" and job.status == "captured")
        assert (job.consumed is not None) == consumed
        assert (job.collection is not None) == ("successful" in job.past)
        assert (job.id in account.holds) == (ending == "captured" and job.status == "successful")


@pytest.mark.parametrize(
    ("licensed", "valid", "last"),
    [
        (True, True, "captured"),
        (True, False, "invalid"),
        (False, True, "unlicensed"),
        (False, False, "unlicensed"),
    ],
)
def test_usual_ends(licensed, valid, last):
    assert natural_path(licensed=licensed, valid=valid, ending="captured")[-1] == last


def test_the_first_rule_that_fits_holds():
    rules = (Rule(process="a*", title="x"), Rule(process="a*", path=FAILED), Rule(title="x", path=("odd",)))
    assert rule_for(rules, "ab", "x").path is None
    assert rule_for(rules, "ab", "y").path == FAILED
    assert rule_for(rules, "b", "x").path == ("odd",)
    assert rule_for(rules, "b", "y") == Rule()


def test_only_asking_moves_a_job():
    store = a_store(steps_per_poll=2)
    job = add(store)
    store.listed(ACCOUNT)
    assert (store.get(job.id).status, store.all[0].status) == ("created", "created")
    assert store.asked("somebody else", [job.id]) == store.asked(ACCOUNT, ["none"]) == []
    assert store.asked(ACCOUNT, [job.id])[0].status == "valid"
    manual = a_store(pace="manual")
    quiet = add(manual)
    assert manual.asked(ACCOUNT, [quiet.id])[0].status == "created"


def test_with_the_clock_jobs_take_credits_in_order_of_time():
    now = [NOON]
    store = a_store(lambda: now[0], pace="clock", credits=100, durations={"valid": 10})
    first = add(store)
    now[0] += timedelta(seconds=1)
    second = add(store)
    now[0] += timedelta(hours=1)
    assert [job.status for job in store.all] == ["captured", "rejected"]
    assert second.updated - first.created == timedelta(seconds=13)


@pytest.mark.parametrize(
    ("digits", "text"),
    [(0, "12:00:00Z"), (3, "12:00:00.000Z"), (6, "12:00:00.000000Z"), (9, "12:00:00.000000001Z")],
)
def test_digits_of_timestamps(digits, text):
    settings = Up42Settings(fraction_digits=digits)
    assert add(a_store()).metadata(settings)["created"] == f"2025-01-01T{text}"


def query(**asked):
    return read_query(asked, page_size=20, max_page_size=100)


def test_durations_are_those_of_jobs_that_ran():
    now = [NOON]
    store = a_store(lambda: now[0])
    waiting, running, done = (add(store) for _ in range(3))
    store.advance(running.id, 4)
    store.advance(done.id, 4)
    now[0] += timedelta(seconds=100)
    store.finish(done.id)
    now[0] += timedelta(seconds=100)

    def found(**asked):
        return {job.number for job in select(store.all, query(**asked), now[0])}

    assert waiting.duration(now[0]) is None
    assert found() == {1, 2, 3}
    assert found(minDuration="0") == {2, 3}
    assert found(minDuration="100", maxDuration="100") == {3}
    assert found(minDuration="101") == {2}


@given(limit=st.integers(1, 7), count=st.integers(0, 20), descending=st.booleans())
def test_pages_hold_each_job_once(limit, count, descending):
    store = a_store()
    asked = {"sort": f"processID,{'desc' if descending else 'asc'}", "limit": str(limit)}
    for _ in range(count):
        add(store)
    numbers = []
    while True:
        one = query(**asked)
        found = select(store.all, one, NOON)
        numbers += [job.number for job in found[one.offset : one.offset + one.limit]]
        if one.offset + one.limit >= len(found):
            break
        asked = dict(part.split("=") for part in next_query(asked, one).replace("%2C", ",").split("&"))
    assert numbers == sorted(range(1, count + 1), reverse=descending)


def test_requests_come_at_a_rate_after_the_burst():
    now = [0.0]
    throttle = Throttle(2.0, 3, lambda: now[0])

    def passed(address="a"):
        try:
            throttle.admit(address)
        except Refusal as refusal:
            return refusal.headers
        return True

    assert [passed() for _ in range(4)] == [True, True, True, {"retry-after": "1"}]
    assert passed("b") is True
    now[0] = 0.5
    assert [passed(), passed()] == [True, {"retry-after": "1"}]
    now[0] = 100.0
    assert [passed() for _ in range(4)] == [True, True, True, {"retry-after": "1"}]
