"""Alternatives: first that finds wins; absent, unreachable and refused stay apart."""

import pytest

from eoflows.base.errors import (
    AbsentError,
    CatalogError,
    ContractError,
    CredentialsError,
    DeadlineError,
    UnreachableError,
)
from eoflows.products.selection.alternatives import Finding, Trail, first_found

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def tried(
    answers: dict[str, int | Exception], *next_when: Finding
) -> tuple[Trail[str, int], list[str]]:
    asked = []

    async def search(name: str) -> int:
        asked.append(name)
        answer = answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    trail = await first_found(
        list(answers), search, is_found=lambda count: count > 0, next_when=next_when or (Finding.ABSENT,)
    )
    return trail, asked


async def test_the_first_that_finds_something_wins():
    trail, asked = await tried({"POE": 0, "RES": 2, "PRE": 5})
    assert (trail.result, trail.finding, asked) == (2, Finding.FOUND, ["POE", "RES"])
    assert [attempt.finding for attempt in trail.attempts] == [Finding.ABSENT, Finding.FOUND]


async def test_all_absent_is_absent():
    trail, _ = await tried({"POE": 0, "RES": 0})
    assert (trail.result, trail.finding) == (None, Finding.ABSENT)


@pytest.mark.parametrize(
    ("error", "finding"),
    [
        (UnreachableError("no answer"), Finding.UNREACHABLE),
        (DeadlineError("too late"), Finding.UNREACHABLE),
        (ContractError("nonsense"), Finding.UNREACHABLE),
        (CredentialsError("no", status=403), Finding.REFUSED),
        (AbsentError("no such collection", status=404), Finding.REFUSED),
    ],
)
async def test_the_second_best_does_not_win_because_the_first_did_not_answer(
    error: Exception, finding: Finding
):
    trail, asked = await tried({"POE": error, "RES": 1})
    assert (trail.result, trail.finding, asked) == (None, finding, ["POE"])
    assert trail.attempts[0].reason == str(error)
    trail, asked = await tried({"POE": error, "RES": 1}, Finding.ABSENT, finding)
    assert (trail.result, trail.finding, asked) == (1, Finding.FOUND, ["POE", "RES"])
    trail, _ = await tried({"POE": error, "RES": 0}, Finding.ABSENT, finding)
    assert (trail.result, trail.finding) == (None, finding), "what did not answer is not absent"


async def test_other_errors_are_no_finding():
    with pytest.raises(CatalogError):
        await tried({"POE": CatalogError("broken"), "RES": 1}, *Finding)
