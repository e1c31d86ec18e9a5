"""Every fault that the sandbox knows, on the way of one product: the right outcome, and words that help."""

import re

import pytest
from staging_workshop import md5_of

from eoflows.products.staging import Outcome
from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.faults import KINDS
from eoflows.stores.stac import SearchRequest

pytestmark = pytest.mark.anyio

ONE = SearchRequest(filter={"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}, limit=1)
PRODUCT = "/auxip/Products*"

# A fault that passes: kind, parameters.
PASSING = [
    ("throttle", {"retry_after": 0}),
    ("unavailable", {}),
    ("server_error", {}),
    ("server_error", {"close": True}),
    ("latency", {}),
    ("slow", {"rate": 2_000_000}),
    ("stall", {}),
    ("hang", {}),
    ("truncate", {}),
    ("reset", {}),
    ("reset", {"after_bytes": 5000}),
    ("lost_answer", {}),
    ("wrong_checksum", {}),
    ("wrong_size", {}),
    ("error_page", {}),
    ("error_page", {"format": "html"}),
    ("error_page", {"at_byte": 5000}),
    ("bad_json", {}),
    ("gzip", {}),
    ("chunked", {}),
    ("changed", {}),
    ("wrong_range", {}),
    ("ignore_range", {}),
    ("redirect", {"target": "same_origin"}),
    ("redirect", {"target": "chain"}),
]

# A fault that stays: kind, parameters, what the item's record says.
STAYING = [
    ("throttle", {"retry_after": 0}, "Throttled: .*429"),
    ("throttle", {"retry_after": 3600}, "Throttled: .*429"),
    ("unavailable", {}, "Throttled: .*503"),
    ("server_error", {}, "Unreachable: .*500"),
    ("forbidden", {}, "Credentials: .*403"),
    ("repeat", {}, "Credentials: .*403"),
    ("expired_token", {}, "Credentials: .*401"),
    ("stall", {}, "Unreachable: .*no byte"),
    ("hang", {}, "Unreachable: .*no byte"),
    ("truncate", {}, "Unreachable: "),
    ("reset", {}, "Unreachable: "),
    ("lost_answer", {}, "Unreachable: "),
    ("wrong_checksum", {}, "Integrity: md5 .*promised"),
    ("wrong_size", {"delta": -7}, "Integrity: size .*promised"),
    ("wrong_size", {"delta": 7}, "Integrity: size .*promised"),
    ("error_page", {}, "Integrity: error page"),
    ("error_page", {"format": "html"}, "Integrity: error page"),
    ("error_page", {"at_byte": 5000}, "Integrity: md5 .*promised"),
    ("bad_json", {}, "(Integrity: size|Unreachable: )"),
    ("changed", {}, "Integrity: md5"),
    ("redirect", {"target": "loop"}, "redirect"),
    ("redirect", {"target": "chain", "hops": 9}, "redirect"),
    ("redirect", {"target": "other_origin"}, "ForbiddenAddress: .*not a public address"),
    ("redirect", {"target": "downgrade"}, "ForbiddenAddress: "),
    ("redirect", {"target": "file"}, "ForbiddenAddress: "),
    ("redirect", {"target": "link_local"}, "ForbiddenAddress: "),
    ("redirect", {"target": "private"}, "ForbiddenAddress: "),
]


SILENT = ("stall", "hang")


def patience(kind: str) -> float:
    """Seconds without a byte that end an attempt: a moment where none comes, and else more than it takes."""
    return 1.0 if kind in SILENT else 120.0


@pytest.fixture(scope="module")
def box():
    with Sandbox(SandboxSettings(days=2)) as box:
        yield box


def test_no_fault_is_left_out() -> None:
    # `behave` orders other settings of a service that has jobs; a product has none.
    assert {kind for kind, *_ in PASSING + STAYING} | {"behave"} == set(KINDS)


@pytest.mark.parametrize(("kind", "parameters"), PASSING)
async def test_a_fault_that_passes_is_survived(box, workshop, kind, parameters) -> None:
    # What follows the silence must come, and has the same moment for it: it is asked for until it does.
    attempts = 20 if kind in SILENT else 2
    with box.faults.active(Fault(kind, path=PRODUCT, times=1, parameters=parameters)):
        async with workshop(box, stall=patience(kind), attempts=attempts) as shop:
            report = await shop.run(ONE)
    assert report.count(Outcome.STAGED) == 1, report.failures
    ((name, path),) = shop.files().items()
    product = next(one for one in box.stations["auxip"].products if one.name == name)
    assert md5_of(path) == product.content.md5.lower()


async def test_a_coding_that_every_answer_has_is_undone(box, workshop) -> None:
    with box.faults.active(Fault("gzip", path=PRODUCT)):
        async with workshop(box) as shop:
            report = await shop.run(ONE)
    assert report.count(Outcome.STAGED) == 1, report.failures
    ((name, path),) = shop.files().items()
    product = next(one for one in box.stations["auxip"].products if one.name == name)
    assert md5_of(path) == product.content.md5.lower()


@pytest.mark.parametrize(("kind", "parameters", "words"), STAYING)
async def test_a_fault_that_stays_fails_the_item_alone(box, workshop, kind, parameters, words) -> None:
    since = box.log.last
    with box.faults.active(Fault(kind, path=PRODUCT, parameters=parameters)):
        async with workshop(box, stall=patience(kind)) as shop:
            report = await shop.run(ONE)
            assert await shop.catalog.collections() == []
    (record,) = report.failures
    assert record.outcome is Outcome.FAILED
    assert re.search(words, record.reason), record.reason
    assert "sandbox-demo-key" not in record.reason
    assert not [path for name, path in shop.files().items() if not name.startswith(".")]
    elsewhere = box.log.entries("", origin="other", since=since)
    assert not [entry for entry in elsewhere if "x-api-key" in entry.headers]
