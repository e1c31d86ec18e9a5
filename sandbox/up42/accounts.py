"""Credits: withheld when a job is accepted, then captured or given back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Account", "Hold"]


@dataclass(frozen=True)
class Hold:
    """Credits of one job."""

    credits: int
    budget: str | None


@dataclass
class Account:
    """Where the credits of one account are. At any time `paid_in` = `balance` + `withheld` + `captured`."""

    paid_in: int
    holds: dict[str, Hold] = field(default_factory=dict)
    """By job: accepted, not over yet."""
    captures: dict[str, Hold] = field(default_factory=dict)
    """By job: taken for good."""
    released: int = 0
    """Credits that were withheld once and given back."""

    @property
    def withheld(self) -> int:
        """Credits of jobs that are not over."""
        return sum(hold.credits for hold in self.holds.values())

    @property
    def captured(self) -> int:
        """Credits taken for good."""
        return sum(hold.credits for hold in self.captures.values())

    @property
    def balance(self) -> int:
        """Credits that can be spent."""
        return self.paid_in - self.withheld - self.captured

    def spent(self, budget: str) -> int:
        """Return what counts against a budget."""
        holds = (*self.holds.values(), *self.captures.values())
        return sum(hold.credits for hold in holds if hold.budget == budget)

    def withhold(self, job: str, hold: Hold, budgets: Mapping[str, int]) -> bool:
        """Set credits apart for a job; False when balance or budget do not suffice."""
        if hold.credits > self.balance:
            return False
        if hold.budget is not None and self.spent(hold.budget) + hold.credits > budgets[hold.budget]:
            return False
        self.holds[job] = hold
        return True

    def capture(self, job: str) -> int | None:
        """Take a job's credits for good; None when none are withheld."""
        hold = self.holds.pop(job, None)
        if hold is None:
            return None
        self.captures[job] = hold
        return hold.credits

    def release(self, job: str) -> None:
        """Give a job's credits back."""
        hold = self.holds.pop(job, None)
        self.released += hold.credits if hold else 0

    def to_dict(self) -> dict[str, int]:
        """Return the four sums."""
        return {
            "paid_in": self.paid_in,
            "balance": self.balance,
            "withheld": self.withheld,
            "captured": self.captured,
            "released": self.released,
        }
