"""Results of a job as files."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from eoflows.jobs.service import Output
from eoflows.services.ogc_processes.forms import bare_type, has_forms
from eoflows.services.ogc_processes.models import JobResult, JobResults, Link, QualifiedValue

__all__ = ["outputs_of"]

_SUFFIXES = {
    "application/geo+json": ".geojson",
    "application/json": ".json",
    "application/netcdf": ".nc",
    "application/pdf": ".pdf",
    "application/x-netcdf": ".nc",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/xml": ".xml",
}
_LONGEST_SUFFIX = 8

Addresses = Callable[[str], tuple[str, ...]]


def outputs_of(results: JobResults, addresses: Addresses) -> list[Output]:
    """Give a file per result: what is there by value as it is, JSON as JSON, a link by where it leads.

    Args:
        results: By the outputs' names; these become file names, with a suffix by media type.
        addresses: Gives the addresses to try for a link.
    """
    found: dict[str, Output] = {}
    for output, result in results.root.items():
        for name, value in _several(output, result):
            made = _output(name, value, addresses)
            unique = next(one for one in _counted(made.name) if one not in found)
            found[unique] = replace(made, name=unique)
    return [*found.values()]


def _counted(name: str) -> Iterator[str]:
    """A file name, and then what it is called where another output has it."""
    yield name
    stem, dot, suffix = name.rpartition(".")
    for number in count(2):
        yield f"{stem}-{number}{dot}{suffix}" if stem else f"{name}-{number}"


def _several(name: str, result: JobResult) -> Iterator[tuple[str, JobResult]]:
    """An output with several values is several files; a JSON array is one."""
    if isinstance(result, list) and has_forms(result):
        for number, one in enumerate(result, start=1):
            yield from _several(f"{name}-{number}", one)
    else:
        yield name, result


def _output(name: str, value: JobResult, addresses: Addresses) -> Output:
    if isinstance(value, Link):
        media_type = value.type or ""
        suffix = _SUFFIXES.get(bare_type(media_type)) or _own_suffix(value.href)
        return Output(_named(name, suffix), addresses(value.href), media_type=media_type)
    if not isinstance(value, QualifiedValue):
        value = QualifiedValue(value=value)
    if isinstance(value.value, str) and (value.mediaType or value.encoding):
        media_type, content = value.mediaType or "application/octet-stream", value.data
    else:
        media_type, content = value.mediaType or "application/json", _json(value.value)
    suffix = _SUFFIXES.get(bare_type(media_type), "")
    return Output(_named(name, suffix), content=content, media_type=media_type)


def _json(value: Any) -> bytes:
    # As it was sent: with NaN, and whole numbers of any length.
    text = json.dumps(value, default=lambda one: one.body(), ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _own_suffix(href: str) -> str:
    suffix = PurePosixPath(urlsplit(href).path).suffix
    return suffix if suffix[1:].isalnum() and len(suffix) <= _LONGEST_SUFFIX else ""


def _named(name: str, suffix: str) -> str:
    return name if name.lower().endswith(suffix) else name + suffix
