from datetime import UTC, datetime

import pytest

from eoflows.base.http import RetryPolicy
from eoflows.base.http.retry import retry_after

NOW = datetime(2025, 8, 7, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 17 ", 17.0),
        ("Thu, 07 Aug 2025 12:00:30 GMT", 30.0),
        ("Thu, 07 Aug 2025 14:00:30 +0200", 30.0),
        ("Thu, 07 Aug 2025 12:00:30 -0000", 30.0),
        ("Thu, 07 Aug 2025 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("\u00b2", None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999])
def test_back_off_doubles_within_its_jitter(chance):
    policy = RetryPolicy(attempts=6, base=0.5, longest=3.0, chance=lambda: chance)
    full = [0.5, 1.0, 2.0, 3.0, 3.0]
    delays = [policy.delay(attempt) for attempt in range(1, 6)]
    assert delays == [pytest.approx(each * (0.5 + chance / 2)) for each in full]
    assert all(each / 2 <= delay < each for each, delay in zip(full, delays, strict=True))


def test_no_attempt_after_the_last():
    policy = RetryPolicy(attempts=3)
    assert policy.delay(2) is not None
    assert policy.delay(3) is None
    assert policy.delay(3, asked=0.0) is None
    assert RetryPolicy(attempts=1).delay(1) is None


def test_the_service_decides_up_to_the_longest_wait():
    policy = RetryPolicy(longest=60.0)
    assert policy.delay(1, asked=60.0) == 60.0
    assert policy.delay(4, asked=0.0) == 0.0
    assert policy.delay(1, asked=60.1) is None


def test_a_very_patient_policy_can_be_computed():
    policy = RetryPolicy(attempts=5000, longest=60.0, chance=lambda: 0.0)
    assert policy.delay(4999) == 30.0
