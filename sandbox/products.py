"""Products as stations know them, and what their names say."""

import functools
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from eoflows.sandbox.bodies import ArchiveContent, Content, SyntheticContent, archive_form

__all__ = ["OPEN_END", "Chunk", "NameParts", "Product", "Session", "mixed_case", "parse_name", "timestamp"]

OPEN_END = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
"""Validity without end, as stations write it in properties."""

_NAMESPACE = uuid.UUID("6f1d0d0e-52f3-5c1e-9d4b-0a5a7c1e0f00")
_TIME = r"(\d{8}T\d{6})"
_GRAMMARS = tuple(
    (re.compile(pattern), fields)
    for pattern, fields in (
        (rf"^..._OPER_(?:AUX|MPL)_\w+?_{_TIME}_V{_TIME}_{_TIME}(?:\.|$)", ("created", "start", "stop")),
        (rf"^..._OPER_MPL_\w+?_{_TIME}_{_TIME}_\d{{4}}(?:\.|$)", ("start", "stop")),
        (rf"^..._OPER_AUX_\w+?_{_TIME}(?:\.|$)", ("start",)),
        (rf"^..._AUX_\w+?_V{_TIME}_G{_TIME}(?:\.|$)", ("start", "created")),
        (rf"^S3._\w{{11}}_{_TIME}_{_TIME}_{_TIME}_", ("start", "stop", "created")),
        (rf"^S1._.._RAW__\w+?_{_TIME}_{_TIME}_", ("start", "stop")),
    )
)


@dataclass(frozen=True)
class NameParts:
    """Times that a file name carries; None where its grammar has none."""

    start: datetime | None = None
    stop: datetime | None = None
    created: datetime | None = None


def parse_name(name: str) -> NameParts:
    """Read validity and creation time from a file name.

    Raises:
        ValueError: The name follows no known grammar.
    """
    for grammar, fields in _GRAMMARS:
        found = grammar.match(name)
        if found:
            return NameParts(**{f: _name_time(text) for f, text in zip(fields, found.groups(), strict=True)})
    raise ValueError(f"unknown name grammar: {name}")


def _name_time(text: str) -> datetime:
    if text.startswith("9999"):
        return OPEN_END
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def timestamp(moment: datetime) -> str:
    """Write a time as stations do: UTC, milliseconds, `Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def mixed_case(digest: str) -> str:
    """Write hexadecimal digits in mixed case, always the same way for the same digest."""
    return "".join(
        sign.upper() if int(digest[index - 1], 16) % 2 else sign for index, sign in enumerate(digest)
    )


@dataclass(frozen=True, kw_only=True)
class Product:
    """One file that a station offers."""

    name: str
    """File name with extension."""
    product_type: str
    platform: str
    """`sentinel-1a`."""
    start: datetime
    """ContentDate/Start: may disagree with the name."""
    end: datetime
    """ContentDate/End."""
    created: datetime
    """Time of generation."""
    published: datetime
    evicted: datetime = OPEN_END
    """EvictionDate; before now: already evicted."""
    size: int = 0
    """Declared size of a plain body; an archive's size is that of its bytes."""
    facility: str = "OPOD"
    seed: int = 0
    duplicate_extensions: bool = False
    """`stac_extensions` names one extension twice."""
    geometry: tuple[tuple[float, float], ...] | None = None
    """Ring of a footprint, longitude and latitude in degrees; None: auxiliary data have none."""

    @functools.cached_property
    def uuid(self) -> str:
        """Identifier of the station."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.seed}:{self.name}"))

    @property
    def constellation(self) -> str:
        """`sentinel-1`."""
        return self.platform[:-1]

    @functools.cached_property
    def content(self) -> Content:
        """The body."""
        form = archive_form(self.name)
        if form is None:
            text = self.name.lower().endswith((".eof", ".xml"))
            return SyntheticContent(f"{self.seed}:{self.name}" if self.seed else self.name, self.size, text)
        return ArchiveContent(self.name, form, _members(self.name, self.size))


def _members(name: str, size: int) -> tuple[tuple[str, int], ...]:
    stem = re.sub(r"\.(zip|tgz|tar\.gz)$", "", name, flags=re.IGNORECASE)
    if stem.endswith(".SEN3"):
        return ((f"{stem}/xfdumanifest.xml", 2000), (f"{stem}/{stem[:15].rstrip('_')}.bin", size))
    if stem.endswith(".SAFE"):
        measurement = f"{stem}/{stem[:-5].lower().replace('_', '-')}.dat"
        return ((f"{stem}/manifest.safe", 4000), (measurement, size))
    return ((f"{stem}.HDR", 1500), (f"{stem}.DBL", size))


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One raw file of a session."""

    name: str
    channel: int
    block: int
    size: int
    published: datetime
    final: bool

    @functools.cached_property
    def uuid(self) -> str:
        """Identifier of the station."""
        return str(uuid.uuid5(_NAMESPACE, self.name))

    @functools.cached_property
    def content(self) -> Content:
        """The body."""
        return SyntheticContent(self.name, self.size)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A downlink that a CADIP station recorded."""

    id: str
    platform: str
    orbit: int
    start: datetime
    end: datetime
    published: datetime
    chunks: tuple[Chunk, ...]
    station: str = "01"
    retransfer: bool = False

    @functools.cached_property
    def uuid(self) -> str:
        """Identifier of the station."""
        return str(uuid.uuid5(_NAMESPACE, self.id))
