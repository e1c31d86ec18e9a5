"""What a process costs, and how costs compare."""

import math
from dataclasses import dataclass

from eoflows.base.errors import ContractError

__all__ = ["Cost", "whole_credits"]


@dataclass(frozen=True)
class Cost:
    """An estimate.

    Order is that of the credits, against another cost or a number. (The reference document's table of
    operators is scrambled; what it means is the ordinary order.) Equal are only two costs with the same
    fields; a cost is never equal to a number.

    Attributes:
        strategy: How the price is made, as `area`.
        credits: The price, in credits; 100 are one euro. May be negative for a discount.
        size: Size of the input, in `unit`, or None where the price does not depend on it.
        unit: Unit of the size, as `SQ_KM`.

    Example:
        >>> cost = Cost("area", 63, 15.8, "SQ_KM")
        >>> cost <= 100, cost > 63, cost < Cost("none", 64)
        (True, False, True)
    """

    strategy: str
    credits: int
    size: float | None = None
    unit: str | None = None

    def __lt__(self, other: "Cost | float") -> bool:
        amount = _amount(other)
        return NotImplemented if amount is None else self.credits < amount

    def __le__(self, other: "Cost | float") -> bool:
        amount = _amount(other)
        return NotImplemented if amount is None else self.credits <= amount

    def __gt__(self, other: "Cost | float") -> bool:
        amount = _amount(other)
        return NotImplemented if amount is None else self.credits > amount

    def __ge__(self, other: "Cost | float") -> bool:
        amount = _amount(other)
        return NotImplemented if amount is None else self.credits >= amount


def _amount(other: object) -> float | None:
    if isinstance(other, Cost):
        return other.credits
    return other if isinstance(other, int | float) else None


def whole_credits(value: object, what: str) -> int:
    """Read a number of credits; a fraction is rounded up, so that nobody pays more than was said.

    Raises:
        ContractError: It is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ContractError(f"{what} is {value!r:.80}, not a number of credits")
    return math.ceil(value)
