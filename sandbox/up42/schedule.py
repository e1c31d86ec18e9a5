"""The ways that a job can go, as rows of statuses."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["CAPTURED", "FAILED", "SUCCESSFUL", "Rule", "natural_path", "rule_for"]

_PAID = ("licensed", "valid", "accepted", "running")
SUCCESSFUL = (*_PAID, "successful")
"""A good job on newer servers."""
CAPTURED = (*SUCCESSFUL, "captured")
"""A good job."""
FAILED = (*_PAID, "failed", "released")
"""A job that fails while it runs; its credits are given back."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What becomes of the jobs of some processes or titles. Both patterns must fit (`*`, `?`)."""

    process: str = "*"
    """Pattern of the process identifier."""
    title: str = "*"
    """Pattern of the `title` among the inputs."""
    path: tuple[str, ...] | None = None
    """Statuses after `created`, any texts; the last one stays. None: as usual."""
    errors: tuple[tuple[str, str], ...] = ()
    """Name and message of what validation finds; run all the same, such a job becomes `invalid`."""

    def fits(self, process: str, title: str) -> bool:
        """Tell whether a job is meant."""
        return fnmatchcase(process, self.process) and fnmatchcase(title, self.title)


def rule_for(rules: tuple[Rule, ...], process: str, title: str) -> Rule:
    """Return the first rule that fits, or one that changes nothing."""
    return next((rule for rule in rules if rule.fits(process, title)), Rule())


def natural_path(*, licensed: bool, valid: bool, ending: str) -> tuple[str, ...]:
    """Return the statuses after `created` of a job that nothing special happens to."""
    if not licensed:
        return ("unlicensed",)
    if not valid:
        return ("licensed", "invalid")
    return CAPTURED if ending == "captured" else SUCCESSFUL
