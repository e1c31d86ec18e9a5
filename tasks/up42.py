"""Processing jobs of UP42: find items, price them, ask a person, send, follow."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

import anyio
from prefect import task
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput

from eoflows.base.errors import AbsentError, BudgetError, EoError, InvalidInputError, LedgerError
from eoflows.blocks import Up42Credentials
from eoflows.jobs.ledger import Approval, ApprovalState, Intent, JobFilter, JobRecord, Reservation
from eoflows.jobs.models import Phase
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.offers import Offer, limited, make_offers, requests_for, subject_of, total
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import ItemDict
from eoflows.tasks.job_submission import Submission, reason_of, submit_jobs
from eoflows.tasks.job_tracking import track_jobs_once
from eoflows.tasks.load import load_block
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import Outcome, escaped
from eoflows.tasks.run_jobs import JobsOutcome, follow_submissions, jobs_ended
from eoflows.tasks.servers import Desk, run_label

__all__ = [
    "ApprovalPolicy",
    "Decision",
    "Up42Order",
    "approved",
    "costs",
    "offers_task",
    "open_up42",
    "processed",
    "run_offers",
]

ApprovalPolicy = Literal["never", "above", "always"]
_SHOWN = 50
_WAVE = 8
_DECIDED_IN = timedelta(seconds=10)
"""How long the next wave waits for the service to accept or to reject the last one."""
_FIRST_PAUSE = 0.1
"""Seconds between the first two looks at a wave; each pause is twice the last."""


@dataclass(frozen=True)
class Up42Order:
    """What is to be processed, as one value.

    Attributes:
        server: Block of the account, as `up42-credentials/name`.
        process: What to run.
        title: Title of the results.
        asset_ids: Assets in storage whose items are processed.
        item_hrefs: Self hrefs of items.
        search: A search in storage, with `filter`, `collections`, `datetime`, `limit`.
        inputs: Further inputs, by the names that the process gives them.
        budget_id: A budget kept by UP42.
        max_credits_per_job: Credits that one job may cost; None sets no limit.
        max_credits: Credits that all together may cost; None sets no limit.
        run_key: Another one asks for the same things once more, on purpose.
    """

    server: str
    process: str
    title: str
    asset_ids: Sequence[str] = ()
    item_hrefs: Sequence[str] = ()
    search: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    budget_id: str | None = None
    max_credits_per_job: int | None = None
    max_credits: int | None = None
    run_key: str = ""


@asynccontextmanager
async def open_up42(server: str) -> AsyncIterator[Up42Client]:
    """Open a client by its block.

    Raises:
        InvalidInputError: There is no such block, or it is none of UP42.
    """
    block = await load_block(Up42Credentials, server)
    async with block.open() as client:
        yield client


@task(name="price", persist_result=False)
async def offers_task(order: Up42Order) -> list[Offer]:
    """Find the items, and say for each job what it would cost, or why it may not be sent.

    Raises:
        InvalidInputError: There is no such process or item, its EULA is not accepted, or the items do not
            fit it.
    """
    async with open_up42(order.server) as client:
        try:
            description = await client.process(order.process)
        except AbsentError as error:
            raise InvalidInputError(
                f"UP42 has no process {order.process!r}; list-up42-jobs shows those of your account"
            ) from error
        if not await client.eula(description):
            raise InvalidInputError(
                f"the EULA of {order.process!r} is not accepted; accept it in UP42's console"
            )
        items = await _items(client, order)
        wanted = requests_for(description, order.title, items, order.inputs, order.budget_id)
        offers = await make_offers(client, wanted)
    found = limited(offers, per_job=order.max_credits_per_job, per_run=order.max_credits)
    refused = sum(bool(offer.refusal) for offer in found)
    run_logger().info("%d jobs, %d may not be sent, %d credits", len(found), refused, total(found))
    return found


async def _items(client: Up42Client, order: Up42Order) -> list[str]:
    """Give the self hrefs of all items, each once."""
    hrefs = list(order.item_hrefs)
    for asset_id in order.asset_ids:
        found = [_self_href(item) async for page in client.items("asset_id", asset_id) for item in page]
        if not found:
            raise InvalidInputError(
                f"asset {asset_id!r} has no items in storage; check its id and the workspace"
            )
        hrefs += found
    if order.search is not None:
        request = SearchRequest.from_envelope(order.search)
        found = [_self_href(item) async for page in client.storage.pages(request) for item in page]
        if not found:
            raise InvalidInputError("the search found no item in storage; nothing to process")
        hrefs += found
    return list(dict.fromkeys(hrefs))


def _self_href(item: ItemDict) -> str:
    for link in item.get("links") or ():
        if link.get("rel") == "self" and link.get("href"):
            return str(link["href"])
    raise InvalidInputError(f"item {item['id']!r} has no self href; UP42 cannot process it")


class Decision(RunInput):
    """What a person says to an estimate."""

    approve: bool = False
    who: str = ""
    why: str = ""


def _question(order: Up42Order, offers: Sequence[Offer]) -> str:
    going = [offer for offer in offers if not offer.refusal]
    lines = [
        f"**{escaped(order.process)}**, jobs: {len(going)}, costs **{total(going)} credits**.",
        "",
        "| job | credits |",
        "|---|---|",
        *(f"| {escaped(offer.item)} | {offer.price} |" for offer in going[:_SHOWN]),
    ]
    if len(going) > _SHOWN:
        lines.append(f"| and {len(going) - _SHOWN} more | |")
    lines += ["", "Set *approve*, and say who you are and why, which is kept; anything else sends nothing."]
    return "\n".join(lines)


async def approved(
    desk: Desk,
    order: Up42Order,
    offers: Sequence[Offer],
    *,
    policy: ApprovalPolicy,
    above: int,
    hours: float,
    budget: str,
) -> Approval | None:
    """Have a person agree to the price, where that is wanted; the run is suspended meanwhile.

    The truth is in the ledger: a run that comes back begins anew, prices anew, and goes on only if what
    was approved covers what it costs now.

    Args:
        desk: The opened ledger.
        order: What is to be processed.
        offers: Its jobs, with their present price.
        policy: When to ask.
        above: Credits from which on `above` asks.
        hours: How long to wait for an answer; none means no.
        budget: Budget of the ledger that pays; empty: none.

    Returns:
        What was said; None where nobody needed to be asked.

    Raises:
        BudgetError: The budget does not cover it.
    """
    price, ledger = total(offers), desk.ledger
    if policy == "never" or (policy == "above" and price <= above) or price == 0:
        return None
    subject = subject_of(order.server, order.run_key, offers)
    for earlier in await ledger.approvals(subject):
        if earlier.state is ApprovalState.APPROVED and earlier.credits >= price:
            return earlier
    going = [offer for offer in offers if not offer.refusal]
    question = Approval(
        id=subject[:48] + f"{price:016x}",
        subject=subject,
        credits=price,
        label=run_label(),
        summary={"process": order.process, "jobs": len(going), "credits": price},
        until=ledger.now() + timedelta(hours=hours),
    )
    async with open_up42(order.server) as client:
        endpoint = f"{client.hosts.api}#{await client.workspace()}"
    asked = await ledger.ask_approval(question, _intents(order, going, endpoint, budget))
    if asked.state is not ApprovalState.ASKED:
        return asked
    form = Decision.with_initial_data(description=_question(order, offers), approve=False, who="", why="")
    seconds = max(1, int((asked.until - ledger.now()).total_seconds()))
    said = await asuspend_flow_run(wait_for_input=form, timeout=seconds, key=f"approval-{question.id[-24:]}")
    if said is None:
        raise LedgerError(f"approval {question.id[:12]} was resumed without an answer; nothing was sent")
    return await ledger.decide_approval(question.id, approve=said.approve, who=said.who, why=said.why)


def _intents(order: Up42Order, offers: Sequence[Offer], endpoint: str, budget: str) -> list[Intent]:
    return [
        Intent(
            request=offer.request,
            endpoint=endpoint,
            server=order.server,
            run_key=order.run_key,
            label=run_label(),
            reservation=_reservation(offer, budget),
        )
        for offer in offers
    ]


def _reservation(offer: Offer, budget: str) -> Reservation | None:
    return Reservation(budget=budget, credits=offer.price) if budget else None


async def run_offers(
    desk: Desk,
    order: Up42Order,
    offers: Sequence[Offer],
    *,
    budget: str,
    wait_seconds: float,
    deadline_hours: float | None,
    fetch: Literal["now", "later"],
) -> tuple[list[Offer], JobsOutcome]:
    """Send what may be sent, follow it, fetch its results.

    Jobs are sent in waves: when the account has no credits left, the service rejects a job a moment after it
    has taken it, and those that follow are not sent. So a wave is sent when the service has decided on all of
    the last one, or has had the time for it.

    Returns:
        All offers, with the reason for those that were not sent, and what became of the others.
    """
    deadline = None if deadline_hours is None else timedelta(hours=deadline_hours)
    going = [number for number, offer in enumerate(offers) if not offer.refusal]
    after, done = list(offers), list[Submission]()
    while going:
        wave, going = going[:_WAVE], going[_WAVE:]
        sent = await submit_jobs(
            desk,
            [after[number].request for number in wave],
            order.server,
            run_key=order.run_key,
            deadline=deadline,
            reservations=[_reservation(after[number], budget) for number in wave],
            limits=[after[number].price for number in wave],
        )
        for number, one in zip(wave, sent, strict=True):
            if one.record is None or one.unpaid:
                after[number] = replace(after[number], refusal=one.error)
        done += [one for one in sent if one.record is not None and not one.unpaid]
        why = await _reason_to_stop(desk, sent) if going else ""
        if why:
            for number in going:
                after[number] = replace(after[number], refusal=f"not sent: {why}")
            break
    outcome = await follow_submissions(desk, done, wait_seconds=wait_seconds, fetch=fetch)
    return after, outcome


async def _reason_to_stop(desk: Desk, sent: Sequence[Submission]) -> str:
    if unpaid := next((one.cause for one in sent if isinstance(one.cause, BudgetError)), None):
        return reason_of(unpaid)
    records = [one.record for one in sent if one.record is not None and one.record.remote_id]
    where = {(record.service, record.endpoint) for record in records}
    keys = tuple(record.key for record in records)
    until, pause = desk.ledger.now() + _DECIDED_IN, _FIRST_PAUSE
    while records:
        await track_jobs_once(desk, only=where, older_than=0.0)
        records = await desk.ledger.jobs(JobFilter(keys=keys))
        if any(record.raw_status == "rejected" for record in records):
            return "the account has no credits left"
        if desk.ledger.now() >= until or all(record.phase is not Phase.SUBMITTED for record in records):
            break
        await anyio.sleep(pause)
        pause *= 2
    return ""


def costs(
    offers: Sequence[Offer], outcome: JobsOutcome | None, *, said: Approval | None = None
) -> Outcome[int]:
    """Give what was estimated, reserved, captured and released, per job and in all.

    Args:
        offers: All jobs that were wanted.
        outcome: What became of those that were sent; None before anything is.
        said: What a person said to the price.
    """
    by_inputs: dict[str, JobRecord] = {}
    errors: dict[str, str] = {}
    for one in outcome.submissions if outcome else ():
        if one.record is not None:
            by_inputs[str(one.record.request.get("inputs"))] = one.record
            errors[str(one.record.request.get("inputs"))] = one.error
    latest = {record.key: record for record in outcome.records} if outcome else {}
    rows = []
    for offer in sorted(offers, key=lambda offer: not offer.refusal):
        name = str(offer.request.model_dump(mode="json")["inputs"])
        record = by_inputs.get(name)
        record = latest.get(record.key, record) if record else None
        rows.append(_cost_row(offer, record, errors.get(name, "")))
    sums = {name: sum(int(row[name] or 0) for row in rows) for name in _MONEY}
    words = ", ".join(f"{value} {name}" for name, value in sums.items())
    decided = f" Approved by {said.who}: {said.why or 'no reason given'}." if said and said.who else ""
    return Outcome(
        sentence=f"Credits: {words}.{decided}",
        result=total(offers),
        rows=rows,
        attention=sum(bool(offer.refusal) for offer in offers),
        nothing={"job": "none"},
    )


_MONEY = ("estimated", "reserved", "captured", "released")


def _cost_row(offer: Offer, record: JobRecord | None, error: str) -> dict[str, Any]:
    billing = str(record.billing) if record else ""
    price = (record.credits if record else None) or offer.credits or 0
    held = record is not None and record.remote_id is not None and billing in ("none", "withheld")
    return {
        "job": offer.item,
        "outcome": str(record.phase) if record else ("not sent" if offer.refusal else "priced"),
        "estimated": "" if offer.credits is None else str(offer.credits),
        "reserved": str(price) if held else "",
        "captured": str(price) if billing == "captured" else "",
        "released": str(offer.credits or 0) if billing == "released" else "",
        "id": (record.remote_id or "") if record else "",
        "why": offer.refusal or error or (record.message if record else ""),
    }


def processed(
    offers: Sequence[Offer], outcome: JobsOutcome, said: Approval | None
) -> Outcome[dict[str, Any]]:
    """Give the outcome of a run: what was not sent is no success."""
    if said is not None and said.state is not ApprovalState.APPROVED:
        who = f" by {said.who}" if said.who else ""
        sentence = f"{said.state}{who}: nothing was sent. {said.why}"
        return Outcome.failed(str(said.state).title(), sentence, outcome.to_dict())
    refused: dict[str, BaseException] = {
        offer.item: EoError(offer.refusal) for offer in offers if offer.refusal
    }
    return jobs_ended(outcome, refused | outcome.errors, len(offers))
