"""One service, asked the smallest real questions: which of its answers still are what our parsers read."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx
import orjson

from eoflows.base.errors import (
    ContractError,
    CredentialsError,
    EoError,
    RefusedError,
    UnreachableError,
)
from eoflows.base.http.witness import witnessed
from eoflows.services.contracts.contract import Breach, Contract, breaches, news

__all__ = ["Flight", "Verdict", "fly"]


_NO_JSON = object()


class Verdict(StrEnum):
    """What a call showed."""

    FINE = "fine"
    """The answer is what our parsers read."""
    CHANGED = "changed"
    """It is not, or what was asked for is not there any more."""
    UNREACHABLE = "unreachable"
    """There was no answer."""
    REFUSED = "refused"
    """The credentials, or the settings, do not let us ask."""


@dataclass(frozen=True)
class Flight:
    """One call, and what its answer showed.

    Attributes:
        service: What was asked, for people.
        call: Method and path.
        verdict: Whether all is well.
        found: What is wrong, a line each; the field first where it is one.
        news: Fields that no parser of ours knows.
    """

    service: str
    call: str
    verdict: Verdict
    found: Sequence[str] = ()
    news: Sequence[str] = ()


async def fly(
    service: str, contracts: Sequence[Contract], ask: Callable[[], Awaitable[object]]
) -> list[Flight]:
    """Ask a service, and compare each of its answers with the contract that covers it.

    Args:
        service: What is asked, for people.
        contracts: What is relied on in its answers.
        ask: Sends the questions, by the client that flows use.

    Returns:
        A flight per answer that a contract covers, and one for the error that ended the asking.
    """
    failed: EoError | None = None
    with witnessed() as answers:
        try:
            await ask()
        except EoError as error:
            failed = error
    flights = [flight for answer in answers for flight in _compared(service, contracts, answer)]
    told = any(flight.verdict is Verdict.CHANGED for flight in flights)
    if failed is not None and not (told and isinstance(failed, ContractError)):
        call = _call(answers[-1]) if answers else "-"
        flights.append(Flight(service, call, _verdict(failed), (str(failed).splitlines()[0],)))
    return flights


def _compared(service: str, contracts: Sequence[Contract], answer: httpx.Response) -> list[Flight]:
    asked = answer.request
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        document = _NO_JSON
    path, status = asked.url.path, answer.status_code
    covering = [one for one in contracts if one.covers(asked.method, path, status, document)]
    if not covering:
        return []
    if document is _NO_JSON:
        wrong = Breach("the document", "is no JSON")
        return [Flight(service, _call(answer), Verdict.CHANGED, (str(wrong),))]
    found = [str(one) for one in breaches(document, covering[0])]
    verdict = Verdict.CHANGED if found else Verdict.FINE
    return [Flight(service, _call(answer), verdict, found, news(document, covering[0]))]


def _call(answer: httpx.Response) -> str:
    return f"{answer.request.method} {answer.request.url.path}"


def _verdict(error: EoError) -> Verdict:
    if isinstance(error, UnreachableError):
        return Verdict.UNREACHABLE
    if isinstance(error, CredentialsError):
        return Verdict.REFUSED
    return Verdict.CHANGED if isinstance(error, ContractError | RefusedError) else Verdict.REFUSED
