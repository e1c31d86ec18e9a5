"""How a systematic run ended, in one value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eoflows.base.errors import PartialError
from eoflows.base.times import format_utc
from eoflows.products.staging import StagingReport
from eoflows.products.staging.verdict import StagingVerdict
from eoflows.products.systematic.watermark import Watermark

__all__ = ["StreamState", "SystematicVerdict"]


@dataclass(frozen=True)
class StreamState:
    """Where one stream stands after a run.

    Attributes:
        stream: Its name, `collection/product type`.
        began: Where reading began, aware UTC.
        end: Where reading was to end, aware UTC.
        watermark: Where it stands.
        full: The run's limit was used up and products wait.
        finished: A range with an end is settled; its watermark is gone.
    """

    stream: str
    began: datetime
    end: datetime
    watermark: Watermark
    full: bool = False
    finished: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {
            "stream": self.stream,
            "watermark": format_utc(self.watermark.position),
            "end": format_utc(self.end),
            "behind_seconds": max(0.0, (self.end - self.watermark.position).total_seconds()),
            "held_by": sorted(self.watermark.failing),
            "more_to_stage": self.full,
            "finished": self.finished,
        }


@dataclass(frozen=True)
class SystematicVerdict:
    """What a systematic run did and how it ended.

    Attributes:
        report: Outcomes of all streams.
        streams: Where each stands.
        source: Name of the source.
    """

    report: StagingReport
    streams: Sequence[StreamState]
    source: str

    @property
    def _staging(self) -> StagingVerdict:
        return StagingVerdict(self.report, [], [], self.source)

    @property
    def name(self) -> str:
        """The state's name: that of the staging, or `MoreToStage` if all is well but the limit ended it."""
        full = any(state.full for state in self.streams)
        return "MoreToStage" if full and self.succeeded else str(self._staging.ending)

    @property
    def succeeded(self) -> bool:
        """Whether nothing failed; finding nothing is no failure."""
        return self._staging.succeeded

    @property
    def sentence(self) -> str:
        """Give counts and watermarks for people."""
        marks = "; ".join(
            f"{state.stream} "
            + ("is settled" if state.finished else f"at {format_utc(state.watermark.position)}")
            for state in self.streams[:5]
        )
        more = f"; and {len(self.streams) - 5} more" if len(self.streams) > 5 else ""
        return f"{self._staging.sentence} Watermarks: {marks}{more}."

    def error(self) -> PartialError:
        """Give the failures as one error."""
        return self._staging.error()

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain JSON values, for those who start the run by its API."""
        return {**self.report.summary(), "streams": [state.to_dict() for state in self.streams]}
