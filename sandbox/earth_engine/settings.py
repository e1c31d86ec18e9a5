"""What the Earth Engine stand-in believes of the service. A doc line says where a default was only believed.

Any field but `gaps`, `pace` and `rules` can be changed for single requests by the fault `behave`
(see `sandbox/faults.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Literal

__all__ = ["INTERNAL", "MEMORY", "TIMEOUT", "USER_ERROR", "EarthEngineSettings", "Gap", "Rule"]

Failure = tuple[int, str]
USER_ERROR: Failure = (3, "Image.select: Pattern 'B99' did not match any bands.")
"""The graph is wrong; the next attempt will fail, too (observed)."""
MEMORY: Failure = (8, "User memory limit exceeded.")
"""Too much for one task (the words are documented, the code is believed)."""
TIMEOUT: Failure = (4, "Computation timed out.")
"""Too long (the words are documented, the code is believed)."""
INTERNAL: Failure = (13, "An internal error has occurred. Request ID: 7f2b9c10.")
"""The service's own fault: another attempt may succeed (the code is believed)."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What becomes of the exports with some descriptions. The first rule that fits, holds."""

    description: str = "*"
    """Pattern (`*`, `?`) of the export's description."""
    project: str = "*"
    """Pattern of the project."""
    path: tuple[str, ...] = ("RUNNING", "FAILED")
    """States after PENDING, any texts; the last one stays."""
    error: Failure = INTERNAL
    """Code and message, shown when the last state is FAILED."""
    times: int | None = None
    """Holds for so many exports, in order of their creation, then no more; None: for all."""

    def fits(self, project: str, description: str) -> bool:
        """Tell whether an export is meant."""
        return fnmatchcase(project, self.project) and fnmatchcase(description, self.description)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A time and a place without scenes."""

    collection: str = "*"
    """Pattern of the collection's identifier."""
    bounds: tuple[float, float, float, float] = (-180.0, -90.0, 180.0, 90.0)
    """West, south, east, north in degrees: scenes whose centre is inside are missing."""
    start: datetime = datetime(1900, 1, 1, tzinfo=UTC)
    """First moment."""
    end: datetime = datetime(2200, 1, 1, tzinfo=UTC)
    """End, not part of it."""


_SLC_FAILURE = Gap(
    collection="LANDSAT/LE07/*",
    start=datetime(2003, 5, 31, tzinfo=UTC),
    end=datetime(2003, 7, 14, tzinfo=UTC),
)
_PACIFIC = Gap(bounds=(-150.0, 22.0, -125.0, 51.0))


@dataclass(frozen=True, kw_only=True)
class EarthEngineSettings:
    """The service, for all projects; each project has operations of its own."""

    auth: Literal["none", "bearer"] = "none"
    """`none`: whoever asks; `bearer`: a token of a service account made here, or the static one."""
    projects: tuple[str, ...] | None = None
    """Projects that exist, others are refused with 403; None: all do."""
    gaps: tuple[Gap, ...] = (_PACIFIC, _SLC_FAILURE)
    """Where and when no scenes are, besides one in twenty that is missing by chance."""
    most_results: int = 5000
    """Elements that an answer of `value:compute` may hold (documented)."""
    missing_property: Literal["fails", "omitted"] = "fails"
    """`Element.toDictionary` of a property that an element has not (believed)."""
    pace: Literal["polls", "clock", "manual"] = "polls"
    """What moves an operation on: being shown (by name or in a list), the clock, or only the tests."""
    steps_per_poll: int = 1
    """States that an operation moves on each time it is shown."""
    path: tuple[str, ...] = ("RUNNING", "SUCCEEDED")
    """States after PENDING of an export that no rule is for. A state that is repeated shows progress."""
    durations: Mapping[str, float] = field(default_factory=lambda: {"PENDING": 5.0, "RUNNING": 60.0})
    """With `pace="clock"`: seconds that an operation stays in each state; 1 where none is given."""
    rules: tuple[Rule, ...] = ()
    """What becomes of exports that differ from the others; `EarthEngine.set_rules` changes them."""
    delivers: bool = True
    """Exports that succeed leave files in the bucket; else they only say so, which is quick."""
    checks_graph: Literal["later", "at once"] = "later"
    """A wrong graph makes the export FAILED in the end (observed), or is refused with 400."""
    most_pending: int = 3000
    """Operations of a project that may wait at one moment (documented)."""
    queue_full: int = 429
    """Status of the answer beyond it (believed; the message is documented)."""
    request_id_lifetime: float | None = None
    """Seconds that a `requestId` is remembered (not documented); None: for ever."""
    request_id_other_body: int = 400
    """Status for a known `requestId` with another body (believed; documented is that it is an error)."""
    page_size: int = 500
    """Operations in a page when none is asked for (believed), and at most."""
    newest_first: bool = True
    """Order of the list (believed)."""
    listing_lag: int = 0
    """Lists that a new operation is missing from (believed: 0)."""
    retention: float | None = None
    """Seconds after its end that an operation is forgotten: absent from lists, and 404; None: never (the
    real time is not documented)."""
    cancel_finished: Literal["ignored", "refused"] = "ignored"
    """Cancelling a finished operation does nothing, or is refused with 400 (believed)."""
    destination_uris: Literal["folder", "folder_per_file", "none"] = "folder"
    """`destinationUris` of a good export: its folder once, once for each file (seen in old samples), or
    left out."""
    fraction_digits: int = 6
    """Digits of timestamps after the second: 0, 3, 6 or 9 (documented)."""
    default_file_dimensions: int = 32_768
    """Edge of the files that an export is cut into when it names none (believed)."""
    refuses: tuple[int, str, str] | None = None
    """Status, status word and message of an error that answers instead:
    `(403, "PERMISSION_DENIED", "...")`. To be ordered by `behave`."""
