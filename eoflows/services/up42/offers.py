"""What jobs would cost, and which of them may be sent: a plan before anything is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.digest import json_digest
from eoflows.base.errors import InvalidInputError, RefusedError
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.request import Up42Request
from eoflows.services.up42.templates import TemplateRow, inputs_of, row_of

__all__ = ["Offer", "limited", "make_offers", "requests_for", "subject_of", "total"]

_AT_ONCE = 8
_LONGEST_TITLE = 250


@dataclass(frozen=True)
class Offer:
    """A job that may be sent, and its price.

    Attributes:
        item: What it is about, for people.
        request: What would be asked for.
        credits: Its price at present; None where there is none.
        refusal: Why it is not sent; empty if it may be.
    """

    item: str
    request: Up42Request
    credits: int | None = None
    refusal: str = ""

    @property
    def price(self) -> int:
        """What it counts against limits and budgets: a discount on one job pays for no other."""
        return max(0, self.credits or 0)


def requests_for(
    description: Mapping[str, Any],
    title: str,
    items: Sequence[str],
    inputs: Mapping[str, Any],
    budget_id: str | None = None,
) -> list[Offer]:
    """Make the requests of a process: one per item, or one for all where it takes several.

    Args:
        description: The process, as the service describes it.
        title: Title of the results; where there are several jobs, the item's name is added.
        items: Self hrefs of STAC items; none where `inputs` names them.
        inputs: Further inputs, by the names that the process gives them.
        budget_id: A budget kept by UP42.

    Raises:
        InvalidInputError: The items do not fit the process.
    """
    row = row_of(description)
    places = [one for one in row.inputs if one.kind != "value" and one.name not in inputs]
    if not items or not places:
        if items:
            raise InvalidInputError(
                f"{row.process_id} gets its items from `inputs`; leave out the {len(items)} others"
            )
        return [_offer(row, title, title, inputs, {}, budget_id)]
    if len(places) > 1:
        names = " and ".join(one.name for one in places)
        raise InvalidInputError(f"{row.process_id} takes {names}; say in `inputs` which item is which")
    place = places[0]
    if place.kind == "items":
        what = f"{len(items)} items"
        return [_offer(row, title, what, inputs, {place.attribute: list(items)}, budget_id)]
    several = len(items) > 1
    return [
        _offer(
            row,
            f"{title} {_name(item)}"[:_LONGEST_TITLE] if several else title,
            _name(item),
            inputs,
            {place.attribute: item},
            budget_id,
        )
        for item in items
    ]


def _name(href: str) -> str:
    return href.rstrip("/").rpartition("/")[2]


def _offer(
    row: TemplateRow,
    title: str,
    item: str,
    inputs: Mapping[str, Any],
    places: Mapping[str, Any],
    budget_id: str | None,
) -> Offer:
    by_name = {one.name: one.attribute for one in row.inputs}
    given = {by_name.get(name, name): value for name, value in inputs.items()} | dict(places)
    if "title" in by_name:
        given.setdefault(by_name["title"], title)
    request = Up42Request(process=row.process_id, inputs=inputs_of(row, given), budget_id=budget_id)
    return Offer(item, request)


async def make_offers(client: Up42Client, wanted: Sequence[Offer]) -> list[Offer]:
    """Validate and price requests; nothing is sent or reserved by that.

    Args:
        client: The account.
        wanted: Requests without a price.

    Returns:
        The same, in their order, each with its price or with what stands in its way.

    Raises:
        UnreachableError: The service does not answer.
    """
    done: dict[int, Offer] = {}
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def one(number: int, offer: Offer) -> None:
        async with limiter:
            done[number] = await _priced(client, offer)

    async with one_error(), anyio.create_task_group() as group:
        for number, offer in enumerate(wanted):
            group.start_soon(one, number, offer)
    return [done[number] for number in range(len(wanted))]


async def _priced(client: Up42Client, offer: Offer) -> Offer:
    process, inputs = offer.request.process, offer.request.inputs
    try:
        findings = await client.validate(process, inputs)
        if findings:
            words = "; ".join(sorted(f"{one.name}: {one.message}" for one in findings))
            return replace(offer, refusal=f"invalid: {words}")
        cost = await client.estimate(process, inputs)
    except RefusedError as error:
        return replace(offer, refusal=f"refused: {error}")
    return replace(offer, credits=cost.credits)


def limited(offers: Iterable[Offer], *, per_job: int | None, per_run: int | None) -> list[Offer]:
    """Refuse what is too dear: single jobs, and those that follow when the run's limit is reached.

    Args:
        offers: Priced offers.
        per_job: Credits that one job may cost; None sets no limit.
        per_run: Credits that all together may cost; None sets no limit.
    """
    found: list[Offer] = []
    spent = 0
    for offer in offers:
        refusal, price = offer.refusal, offer.price
        if not refusal and per_job is not None and price > per_job:
            refusal = f"over the limit: it costs {price} credits, a job may cost {per_job}"
        if not refusal and per_run is not None and spent + price > per_run:
            refusal = f"over the limit: {spent} + {price} credits, this run may cost {per_run}"
        if not refusal:
            spent += price
        found.append(replace(offer, refusal=refusal))
    return found


def total(offers: Iterable[Offer]) -> int:
    """Give the credits of all that may be sent."""
    return sum(offer.price for offer in offers if not offer.refusal)


def subject_of(server: str, run_key: str, offers: Iterable[Offer]) -> str:
    """Name what a person is asked to agree to, whatever it costs: SHA-256 in hex."""
    wanted = [[one.request.process, one.request.inputs] for one in offers if not one.refusal]
    return json_digest([server, run_key, wanted])
