"""How the staging of all that a scene needs ended, in one value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eoflows.base.errors import PartialError
from eoflows.products.staging.outcomes import Outcome
from eoflows.products.staging.verdict import Ending, StagingVerdict
from eoflows.stores.stac.items import ItemDict

__all__ = ["InputVerdict", "SceneVerdict"]


@dataclass(frozen=True)
class InputVerdict:
    """How it ended for one auxiliary input.

    Attributes:
        name: The input.
        outcome: `staged`, `already there`, `would be staged`, `absent`, `unreachable`, `refused` or `failed`.
        mandatory: Whether the scene is incomplete without it.
        product_type: The product type that was found, or an empty text.
        why: What was tried, in order.
        staging: What was staged, or None.
    """

    name: str
    outcome: str
    mandatory: bool
    product_type: str = ""
    why: str = ""
    staging: StagingVerdict | None = None

    @classmethod
    def of(
        cls, name: str, mandatory: bool, staging: StagingVerdict, product_type: str, why: str
    ) -> "InputVerdict":
        """Describe an input for which products were found."""
        report = staging.report
        if not staging.succeeded:
            outcome = Outcome.FAILED
        else:
            order = (Outcome.PLANNED, Outcome.STAGED, Outcome.ALREADY)
            outcome = next((one for one in order if report.count(one)), Outcome.ALREADY)
        return cls(name, str(outcome), mandatory, product_type, why, staging)

    @property
    def done(self) -> bool:
        """Whether products are there, or would be."""
        return self.staging is not None and self.staging.succeeded

    @property
    def succeeded(self) -> bool:
        """Whether nothing is wrong; what is optional may be absent."""
        return self.done or (self.outcome == "absent" and not self.mandatory)

    @property
    def record(self) -> dict[str, Any]:
        """What the run's file keeps of it."""
        known = {"input": self.name, "succeeded": self.succeeded, "mandatory": self.mandatory}
        return {**known, "outcome": self.outcome, "type": self.product_type, "why": self.why}

    @property
    def row(self) -> dict[str, Any]:
        """The row of the run's table."""
        return {
            "auxiliary": self.name if self.mandatory else f"{self.name} (optional)",
            "outcome": self.outcome,
            "type": self.product_type,
            "products": self.staging.report.found if self.staging else 0,
            "why": self.why,
        }


@dataclass(frozen=True)
class SceneVerdict:
    """How it ended for a scene.

    Attributes:
        scene: What it was done for.
        inputs: Each auxiliary input.
    """

    scene: str
    inputs: Sequence[InputVerdict]

    @property
    def items(self) -> list[ItemDict]:
        """The catalogue's items of all inputs, each once."""
        found = [item for one in self.inputs if one.staging for item in one.staging.items]
        return list({item["id"]: item for item in found}.values())

    @property
    def ending(self) -> Ending:
        """How it ended; a scene that lacks something is not complete."""
        if all(one.outcome == "absent" for one in self.inputs):
            return Ending.NOTHING_FOUND
        if not self.succeeded:
            return Ending.PARTIAL if any(one.done for one in self.inputs) else Ending.FAILED
        planned = any(one.outcome == Outcome.PLANNED for one in self.inputs)
        return Ending.PLANNED if planned else Ending.COMPLETE

    @property
    def succeeded(self) -> bool:
        """Whether the scene has all that it must have, and nothing went wrong."""
        return all(one.succeeded for one in self.inputs)

    @property
    def sentence(self) -> str:
        """Say it for people."""
        done = sum(one.done for one in self.inputs)
        words = {one.outcome for one in self.inputs if not one.done}
        lacking = [
            f"{word}: {', '.join(one.name for one in self.inputs if not one.done and one.outcome == word)}"
            for word in sorted(words)
        ]
        return "; ".join([f"{done} of {len(self.inputs)} auxiliary inputs of {self.scene}", *lacking]) + "."

    def error(self) -> PartialError:
        """Give what is lacking as one error."""
        causes: dict[str, BaseException] = {
            one.name: RuntimeError(f"{one.outcome}: {one.why}") for one in self.inputs if not one.succeeded
        }
        return PartialError(self.sentence, causes)
