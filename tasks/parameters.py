"""Parameters of flows: what several flows take is named here once, with its limits and its help.

A flow's signature stays flat. Prefect takes limits from the types and help from the docstring's `Args:`;
`described` writes that section, so that no help is written twice:

    @flow(name="track-jobs")
    @described
    async def track_jobs(ledger: LedgerName = "default") -> int: ...

What only one flow takes, or means otherwise there, has a line of its own in the docstring's `Args:`.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import Field
from pydantic.fields import FieldInfo

__all__ = [
    "DeadlineHours",
    "EarthEngineProject",
    "Fetch",
    "GeoEngineBlock",
    "LedgerName",
    "MaxGigabytes",
    "Overwrite",
    "PreArdStoreName",
    "ProcessId",
    "ProcessesServer",
    "RasterBands",
    "RasterWorkflow",
    "RunKey",
    "StopPolicy",
    "StopWhenCancelled",
    "StopWhenCrashed",
    "StorageName",
    "TimeEnd",
    "TimeStart",
    "TrackingName",
    "TrackingPrefix",
    "Up42Account",
    "Up42Inputs",
    "Up42Items",
    "Up42Search",
    "Up42Title",
    "WaitSeconds",
    "described",
]

StopPolicy = Literal["cancel", "leave"]
"""Whether the jobs of a run that is stopped are stopped as well, or left to the tracker."""

DeadlineHours = Annotated[
    float | None, Field(description="How long anybody waits for the jobs; none sets no limit.")
]

EarthEngineProject = Annotated[str, Field(description="Name of the Earth Engine Project block.")]

Fetch = Annotated[
    Literal["now", "later"], Field(description="Whether this run fetches the results, or collect-jobs later.")
]

GeoEngineBlock = Annotated[str, Field(description="Name of the Geo Engine Server block.")]

LedgerName = Annotated[str, Field(description="Name of the Job Ledger block.")]

MaxGigabytes = Annotated[
    float,
    Field(gt=0, description="Larger rasters are refused before they are asked for; in 10^9 bytes of values."),
]

Overwrite = Annotated[bool, Field(description="Whether another result of that name may be replaced.")]

PreArdStoreName = Annotated[str, Field(description="Name of the Pre-ARD Store block.")]

ProcessId = Annotated[str, Field(description="The process, as list-processes shows it.")]

ProcessesServer = Annotated[str, Field(description="Name of the OGC Processes Server block.")]

RasterBands = Annotated[
    list[int | str] | None,
    Field(description="Names or numbers (from 0) of bands, in the order wanted; none: all."),
]

RasterWorkflow = Annotated[
    str | dict[str, Any],
    Field(
        description='Id of a raster workflow, or the workflow as JSON: {"type": "Raster", "operator": {...}}.'
    ),
]

RunKey = Annotated[
    str, Field(description="Any text; with another one the same is made once more, on purpose.")
]

StopWhenCancelled = Annotated[
    StopPolicy, Field(description="Whether its jobs are stopped when this run is cancelled.")
]

StopWhenCrashed = Annotated[
    StopPolicy, Field(description="Whether its jobs are stopped when this run crashes.")
]

StorageName = Annotated[str, Field(description="Name of the Object Storage block.")]

TimeEnd = Annotated[
    datetime | str | None, Field(description="End of the time, excluded; none: `start` is an instant.")
]

TimeStart = Annotated[
    datetime | str, Field(description="Start of the time, or the only instant; UTC where no zone is given.")
]

TrackingName = Annotated[str, Field(description="Name of the tracking document.")]

TrackingPrefix = Annotated[str, Field(description="Folder of tracking documents.")]

Up42Account = Annotated[str, Field(description="Block of the account, as `up42-credentials/name`.")]

Up42Inputs = Annotated[
    dict[str, Any] | None, Field(description="Further inputs, by the names that the process gives them.")
]

Up42Items = Annotated[list[str] | None, Field(description="Self hrefs of items in storage.")]

Up42Search = Annotated[
    dict[str, Any] | None,
    Field(description="A search in storage, with `filter` (CQL2), `collections`, `datetime`, `limit`."),
]

Up42Title = Annotated[str, Field(min_length=1, max_length=250, description="Title of the results.")]

WaitSeconds = Annotated[float, Field(description="How long this run waits; 0 only submits.")]

Function = TypeVar("Function", bound=Callable[..., Any])

_INDENT = " " * 4
_ENTRY = re.compile(r"^ {4}(\w+): ", flags=re.MULTILINE)
_SECTIONS = re.compile(r"^(Returns|Raises|Yields):$", flags=re.MULTILINE)


def described(function: Function) -> Function:
    """Write the `Args:` of a function's docstring: its own lines, and the help that the types carry.

    Raises:
        TypeError: A parameter has no help, or the docstring describes one that there is not.
    """
    summary, own, rest = _parts(inspect.getdoc(function) or "")
    hints = get_type_hints(function, include_extras=True)
    names = list(inspect.signature(function).parameters)
    if unknown := set(own) - set(names):
        raise TypeError(
            f"{function.__name__}: the docstring describes {sorted(unknown)}, no parameters of it"
        )
    lines = []
    for name in names:
        text = own.get(name) or next(_help(hints.get(name)), "")
        if not text:
            raise TypeError(
                f"{function.__name__}: parameter {name!r} has no help, neither by type nor by line"
            )
        lines.append(f"{_INDENT}{name}: {text}")
    section = ["Args:\n" + "\n".join(lines)] if lines else []
    function.__doc__ = "\n\n".join(part for part in [summary, *section, rest] if part)
    return function


def _parts(text: str) -> tuple[str, dict[str, str], str]:
    """Cut a docstring into what is before `Args:`, its entries, and what is behind."""
    before, found, behind = text.partition("\nArgs:\n")
    if not found:
        section = _SECTIONS.search(text)
        cut = section.start() if section else len(text)
        return text[:cut].strip(), {}, text[cut:].strip()
    own, _, rest = behind.partition("\n\n")
    entries = _ENTRY.split(own)[1:]
    helps = (" ".join(textwrap.dedent(one).split()) for one in entries[1::2])
    return before.strip(), dict(zip(entries[::2], helps, strict=True)), rest.strip()


def _help(hint: Any) -> Iterator[str]:
    """Give the help that a type carries, the outermost first."""
    for one in getattr(hint, "__metadata__", ()):
        if isinstance(one, FieldInfo) and one.description:
            yield one.description
    for part in get_args(hint):
        yield from _help(part)
