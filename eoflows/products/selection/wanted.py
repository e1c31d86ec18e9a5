"""What is looked for, as one value, and whether a product fits."""

import math
from dataclasses import dataclass
from functools import cached_property

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import OPEN_END, OPEN_START, Interval
from eoflows.products.selection.frame import Boundary, Frame, Look, widened
from eoflows.products.selection.policy import POLICIES, Policy, PolicyName
from eoflows.stores.stac.items import ItemDict, product_type, validity

__all__ = ["Wanted"]


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        product_type: Value of `product:type`.
        interval: The interval to serve, `[start, end)`; whether its bounds count is `boundary`.
        boundary: Inclusive also takes a validity that begins exactly at the start (a station's own
            `t_contains` does not).
        policy: Which of the products is chosen.
        margin_before: Seconds by which the interval starts earlier (dTa, dT0), 0 or more.
        margin_after: Seconds by which it ends later (dTb, dT1), 0 or more.
        platform: Satellite like `sentinel-1a` that the product must be of, or None for any.
        look: How far a policy that compares with more than the interval looks; None takes its usual.

    Raises:
        InvalidInputError: A margin is negative or no number; the policy needs a middle and the
            interval is open; or it does not look beyond the interval and a look is given.
    """

    product_type: str
    interval: Interval
    boundary: Boundary = Boundary.INCLUSIVE
    policy: PolicyName = PolicyName.VAL_COVER
    margin_before: float = 0.0
    margin_after: float = 0.0
    platform: str | None = None
    look: Look | None = None

    def __post_init__(self) -> None:
        for name, seconds in (("before", self.margin_before), ("after", self.margin_after)):
            if not 0 <= seconds < math.inf:
                raise InvalidInputError(
                    f"the margin {name} is {seconds} s; margins only widen, give seconds, 0 or more"
                )
        if self.look is not None and self.rule.look is None:
            raise InvalidInputError(f"{self.policy} does not look beyond the interval; give it no look")
        open_ended = self.interval.start == OPEN_START or self.interval.end == OPEN_END
        if self.rule.centred and open_ended:
            raise InvalidInputError(
                f"{self.policy} needs the middle of the interval, and {self.interval} is open"
            )

    @property
    def rule(self) -> Policy:
        """The policy."""
        return POLICIES[self.policy]

    @cached_property
    def frame(self) -> Frame:
        """What products are compared with."""
        asked = widened(self.interval, self.margin_before, self.margin_after)
        look = self.look or self.rule.look
        return Frame(asked, look.of(asked) if look else asked, self.boundary)

    def judge(self, item: ItemDict) -> tuple[bool, str]:
        """Say whether an item fits, and why; which of those that fit is the best is not asked here.

        Raises:
            InvalidInputError: The item's times cannot be read.
        """
        other = self._mismatch(item)
        return (False, other) if other else self.compare(validity(item))

    def compare(self, span: Interval) -> tuple[bool, str]:
        """Say whether a validity fits, and why."""
        relation, frame = self.rule.relation, self.frame
        fits = relation.holds(span, frame)
        verb = relation.phrase if fits else relation.denial
        return fits, f"{self.policy}: validity {span} {verb} {relation.span(frame)}{self._circumstances}"

    def read(self, item: ItemDict) -> Interval | str:
        """Give the validity of an item of the wanted kind; else why it is of another.

        Raises:
            InvalidInputError: The item's times cannot be read.
        """
        return self._mismatch(item) or validity(item)

    def _mismatch(self, item: ItemDict) -> str:
        kind = product_type(item)
        if kind != self.product_type:
            return f"its product:type is {kind}, not {self.product_type}"
        platform = item["properties"].get("platform")
        if self.platform is not None and platform != self.platform:
            return f"its platform is {platform}, not {self.platform}"
        return ""

    @cached_property
    def _circumstances(self) -> str:
        notes = [str(self.boundary)]
        if self.margin_before or self.margin_after:
            notes.append(f"with margins of {self.margin_before:g} s and {self.margin_after:g} s")
        return f" ({', '.join(notes)})"
