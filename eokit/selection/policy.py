"""Selection policies, as data: what a product's validity must be to the interval asked for.

A policy has two sides. The filter that goes over the wire (`wire.py`) may let too much through,
never too little; the exact choice is made here, on the items that came.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from eokit.stac.items import ItemDict, product_type, validity
from eokit.times import Interval

__all__ = ["POLICIES", "Boundary", "Policy", "PolicyName", "Wanted"]


class Boundary(StrEnum):
    """Whether a validity that begins or ends exactly with the asked interval counts."""

    INCLUSIVE = "inclusive"
    STRICT = "strict"


class PolicyName(StrEnum):
    """The policies by the names that Sentinel task tables use."""

    VAL_COVER = "ValCover"


Test = Callable[[Interval, Interval, Boundary], bool]


@dataclass(frozen=True)
class Policy:
    """One selection policy.

    Attributes:
        name: Its name in task tables.
        relation: The CQL2 operator (OGC 21-065) between validity and asked interval.
        accepts: Whether a validity fits an asked interval.
        phrase: What a fitting product does to the interval, for people.
    """

    name: PolicyName
    relation: str
    accepts: Test
    phrase: str


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        product_type: Value of `product:type`.
        interval: The interval to serve, `[start, end)`; whether its bounds count is `boundary`.
        boundary: Inclusive also takes a validity that begins exactly at the start (a station's own
            `t_contains` does not).
        policy: How validity and interval must relate.
    """

    product_type: str
    interval: Interval
    boundary: Boundary = Boundary.INCLUSIVE
    policy: PolicyName = PolicyName.VAL_COVER

    def judge(self, item: ItemDict) -> tuple[bool, str]:
        """Say whether an item is one of the wanted, and why.

        Raises:
            InvalidInputError: The item's times cannot be read.
        """
        kind = product_type(item)
        if kind != self.product_type:
            return False, f"its product:type is {kind}, not {self.product_type}"
        policy, span = POLICIES[self.policy], validity(item)
        fits = policy.accepts(span, self.interval, self.boundary)
        verb = policy.phrase if fits else f"does not {policy.phrase.removesuffix('s')}"
        return fits, f"{self.policy}: validity {span} {verb} {self.interval} ({self.boundary})"


def _covers(validity: Interval, asked: Interval, boundary: Boundary) -> bool:
    if boundary is Boundary.STRICT:
        return validity.start < asked.start and validity.end > asked.end
    return validity.start <= asked.start and validity.end >= asked.end


POLICIES = {
    policy.name: policy for policy in (Policy(PolicyName.VAL_COVER, "t_contains", _covers, "covers"),)
}
