import logging
import pickle

import pytest

from eoflows.jobs.models import CLOSED, Billing, Phase
from eoflows.services.up42 import TERMINAL, JobStatus
from eoflows.services.up42.states import standing_of, status_of


@pytest.mark.parametrize(
    ("status", "phase", "billing", "work_done", "billing_done"),
    [
        ("created", "submitted", "none", False, False),
        ("licensed", "submitted", "none", False, False),
        ("unlicensed", "rejected", "none", False, True),
        ("valid", "submitted", "none", False, False),
        ("invalid", "rejected", "none", False, True),
        ("accepted", "queued", "withheld", False, False),
        ("rejected", "rejected", "none", False, True),
        ("running", "running", "withheld", False, False),
        ("successful", "succeeded", "withheld", True, False),
        ("failed", "failed", "withheld", False, False),
        ("captured", "succeeded", "captured", True, True),
        ("released", "failed", "released", False, True),
    ],
)
def test_every_status_has_a_row(status, phase, billing, work_done, billing_done):
    found = standing_of(status)
    assert (found.phase, found.billing) == (Phase(phase), Billing(billing))
    assert (found.work_done, found.billing_done) == (work_done, billing_done)
    assert status_of(status) is JobStatus(status)
    assert JobStatus(status).name == status.upper()


def test_the_terminal_statuses_are_those_of_the_document():
    assert {
        JobStatus.CAPTURED,
        JobStatus.RELEASED,
        JobStatus.INVALID,
        JobStatus.REJECTED,
        JobStatus.UNLICENSED,
    } == TERMINAL
    assert len(JobStatus) == 12
    assert all(standing_of(status).phase in CLOSED for status in TERMINAL)


@pytest.mark.parametrize("status", list(JobStatus))
def test_consumed_credits_settle_work_that_is_done_and_nothing_else(status):
    plain, consumed = standing_of(status), standing_of(status, consumed=True)
    if status in ("successful", "captured"):
        assert consumed == standing_of("captured")
    else:
        assert consumed == plain


@pytest.mark.parametrize("status", list(JobStatus))
def test_a_service_that_stays_silent_settles_work_that_is_over_and_nothing_else(status):
    plain, silent = standing_of(status), standing_of(status, silent=True)
    if status == "successful":
        assert silent == standing_of("captured")
    elif status == "failed":
        assert (silent.phase, silent.billing, silent.billing_done) == (Phase.FAILED, Billing.NONE, True)
    else:
        assert silent == plain


@pytest.mark.parametrize("status", ["paused", "", "CAPTURED", "x" * 1000])
def test_an_unknown_status_is_logged_and_still_running(caplog, status):
    with caplog.at_level(logging.WARNING):
        found = standing_of(status)
    assert (found.phase, found.billing, found.work_done, found.billing_done) == (
        Phase.RUNNING,
        Billing.WITHHELD,
        False,
        False,
    )
    assert len(caplog.messages) == 1
    assert len(caplog.messages[0]) < 140
    assert status_of(status) == status


def test_standings_are_plain_data():
    assert pickle.loads(pickle.dumps(standing_of("captured"))) == standing_of("captured")
