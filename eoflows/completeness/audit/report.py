"""What an audit says at its end."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from eoflows.completeness.audit.findings import Day, Kind

__all__ = ["AuditVerdict", "repair_command"]


def repair_command(deployment: str, parameters: Mapping[str, Any]) -> str:
    """Give the line for a shell that starts a deployment with these parameters."""
    given = " ".join(
        f"-p {shlex.quote(f'{name}={orjson.dumps(value).decode()}')}" for name, value in parameters.items()
    )
    return f"prefect deployment run {shlex.quote(deployment)} {given}"


@dataclass(frozen=True)
class AuditVerdict:
    """What an audit found and what was repaired.

    Attributes:
        days: The matrix.
        parts: Files that runs left half done.
        deployment: What repairs it, `flow/deployment`.
        parameters: With which parameters.
        repaired: What was done, by name; empty if nothing was to be repaired.
        failures: Items that could not be staged again, with the reasons; the first 20.
    """

    days: Sequence[Day]
    parts: Sequence[str]
    deployment: str
    parameters: Mapping[str, Any]
    repaired: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[str] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind, and parts."""
        total = Counter[Kind]()
        for day in self.days:
            total.update(day.found)
        return {str(kind): total[kind] for kind in Kind} | {"stale parts": len(self.parts)}

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not any(self.counts.values())

    @property
    def name(self) -> str:
        """The state's name."""
        if self.clean:
            return "Consistent"
        if not self.repaired:
            return "Inconsistent"
        return "PartiallyRepaired" if self.repaired.get("failed") else "Repaired"

    @property
    def sentence(self) -> str:
        """Give the counts for people."""
        offered = sum(day.offered for day in self.days)
        found = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        done = ", ".join(f"{count} {name}" for name, count in self.repaired.items())
        return f"{offered} items offered; {found or 'nothing to find fault with'}." + (
            f" Repair: {done}." if done else ""
        )

    @property
    def command(self) -> str:
        """Give the line for a shell that repairs it; empty if there is nothing to repair."""
        return "" if self.clean else repair_command(self.deployment, self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        run = {"deployment": self.deployment, "parameters": dict(self.parameters), "command": self.command}
        repaired = {"repaired": dict(self.repaired), "failures": list(self.failures)}
        return {"state": self.name, "counts": self.counts, **repaired, "repair": None if self.clean else run}
