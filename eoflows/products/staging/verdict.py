"""How a staging run ended, in one value."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from eoflows.base.errors import PartialError
from eoflows.products.staging.outcomes import Outcome, StagingReport
from eoflows.stores.stac.items import ItemDict

__all__ = ["Ending", "StagingVerdict"]


class Ending(StrEnum):
    """How a staging run can end."""

    COMPLETE = "Completed"
    NOTHING_FOUND = "NothingFound"
    PLANNED = "Planned"
    PARTIAL = "PartiallyStaged"
    FAILED = "NothingStaged"


@dataclass(frozen=True)
class StagingVerdict:
    """What a staging run did and how it ended.

    Attributes:
        report: Outcome per item.
        items: Catalogue records of the items asked for; those missing are in `lost`.
        lost: Ids that should be in the catalogue and are not.
        source: Name of the source searched.
    """

    report: StagingReport
    items: Sequence[ItemDict]
    lost: Sequence[str]
    source: str

    @property
    def ending(self) -> Ending:
        """How it ended; failure of some is never success of all."""
        report = self.report
        if report.count(Outcome.FAILED) or self.lost or report.cut:
            whole = (
                report.count(Outcome.STAGED) or report.count(Outcome.ALREADY) or report.count(Outcome.PLANNED)
            )
            return Ending.PARTIAL if whole else Ending.FAILED
        if not report.found:
            return Ending.NOTHING_FOUND
        return Ending.PLANNED if report.count(Outcome.PLANNED) else Ending.COMPLETE

    @property
    def succeeded(self) -> bool:
        """Whether nothing failed; finding nothing is no failure."""
        return self.ending not in (Ending.PARTIAL, Ending.FAILED)

    @property
    def sentence(self) -> str:
        """Give the counts as a sentence for people."""
        report = self.report
        if self.ending is Ending.NOTHING_FOUND:
            passed = report.count(Outcome.PASSED_OVER)
            return f"Nothing found in {self.source}" + (f" ({passed} passed over)." if passed else ".")
        parts = {
            "staged": report.count(Outcome.STAGED),
            "would be staged": report.count(Outcome.PLANNED),
            "already there": report.count(Outcome.ALREADY),
            "failed": report.count(Outcome.FAILED),
            "missing from the catalogue": len(self.lost),
        }
        counts = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
        cut = f" Not all was looked at: {report.cut}." if report.cut else ""
        return f"{report.found} found in {self.source}{': ' if counts else ''}{counts}.{cut}"

    def error(self) -> PartialError:
        """Give the failures as one error."""
        causes: dict[str, BaseException] = {
            record.item: RuntimeError(record.reason) for record in self.report.failures
        }
        causes |= {item: RuntimeError("staged, but missing from the catalogue") for item in self.lost}
        causes |= {f"search of {self.source}": self.report.cut} if self.report.cut else {}
        return PartialError(self.sentence, causes)
