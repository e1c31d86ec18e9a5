"""Synthetic scenes: where and when each satellite passes, and what is told of what it saw."""

import math
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from eoflows.sandbox.earth_engine.collections import COLLECTIONS, CollectionSpec, Satellite
from eoflows.sandbox.earth_engine.passes import Bounds, Passing
from eoflows.sandbox.earth_engine.properties import describe, scene_name
from eoflows.sandbox.earth_engine.settings import Gap

__all__ = ["Bounds", "Catalogue", "Scene"]

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_TIME = 10.25
_ORBIT = timedelta(minutes=100)
_DOUBLED_FROM = 60.0


@dataclass(frozen=True)
class Scene(Passing):
    """One image of a collection."""

    @cached_property
    def name(self) -> str:
        """The `system:index`."""
        return scene_name(self)

    @property
    def id(self) -> str:
        """Asset identifier."""
        return f"{self.spec.id}/{self.name}"

    @cached_property
    def properties(self) -> dict[str, Any]:
        """All properties but the footprint."""
        return describe(self, random.Random(f"{self.seed}:{self.id}"))


@dataclass(frozen=True)
class Catalogue:
    """All scenes of all time, made when they are asked for."""

    seed: int
    gaps: tuple[Gap, ...]

    def scenes(
        self,
        collection: str,
        bounds: Bounds = (-180.0, -90.0, 180.0, 90.0),
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Iterator[Scene]:
        """Give the scenes of a collection in order of time, then of name.

        Args:
            collection: Identifier.
            bounds: West, south, east, north in degrees, which a scene's footprint must touch.
            start: First moment; None: the first pass.
            end: End, not part of it; None: seven days after 2026-12-31.

        Raises:
            KeyError: There is no such collection.
        """
        spec = COLLECTIONS[collection]
        cells = list(_cells(spec, bounds))
        for day in _days(spec, start, end):
            found = [scene for scene in self._of_day(spec, cells, day) if self._is_there(scene)]
            for scene in sorted(found, key=lambda one: (one.time, one.name)):
                if (start is None or scene.time >= start) and (end is None or scene.time < end):
                    yield scene

    def find(self, asset: str) -> Scene | None:
        """Return the scene with an asset identifier; None if there is none."""
        collection, _, name = asset.rpartition("/")
        digits = "".join(sign if sign.isdigit() else " " for sign in name).split()
        day = next((one[:8] for one in digits if len(one) >= 8), None)
        if collection not in COLLECTIONS or day is None:
            return None
        start = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        return next(
            (one for one in self.scenes(collection, start=start, end=start + _DAY) if one.name == name), None
        )

    def _of_day(
        self, spec: CollectionSpec, cells: Sequence[tuple[int, int]], day: datetime
    ) -> Iterator[Scene]:
        number = (day - _EPOCH).days
        for satellite in spec.satellites:
            if day.date() < satellite.first or (satellite.last and day.date() > satellite.last):
                continue
            for column, row in cells:
                swath = column // spec.cells_per_pass
                if (number - satellite.offset - 7 * swath) % spec.cycle:
                    continue
                yield from self._seen(spec, satellite, column, row, day)

    def _seen(
        self, spec: CollectionSpec, satellite: Satellite, column: int, row: int, day: datetime
    ) -> Iterator[Scene]:
        swath = column // spec.cells_per_pass
        orbit = swath + 1 if spec.kind == "landsat" else swath * 13 % 143 + 1
        west = -180 + swath * spec.cells_per_pass * spec.cell
        moment = day + timedelta(hours=_LOCAL_TIME - west / 15, seconds=24 * row)
        scene = Scene(spec, satellite, column, row, orbit, moment.replace(microsecond=0), self.seed)
        yield scene
        if spec.kind == "sentinel2" and abs(scene.centre[1]) > _DOUBLED_FROM:
            earlier = scene.time - _ORBIT
            yield Scene(spec, satellite, column, row, (orbit + 141) % 143 + 1, earlier, self.seed)

    def _is_there(self, scene: Scene) -> bool:
        if zlib.crc32(f"{self.seed}:{scene.id}".encode()) % 20 == 0:
            return False
        x, y = scene.centre
        return not any(
            fnmatchcase(scene.spec.id, gap.collection)
            and gap.bounds[0] <= x <= gap.bounds[2]
            and gap.bounds[1] <= y <= gap.bounds[3]
            and gap.start <= scene.time < gap.end
            for gap in self.gaps
        )


def _cells(spec: CollectionSpec, bounds: Bounds) -> Iterator[tuple[int, int]]:
    west, south, east, north = bounds
    columns, rows = round(360 / spec.cell), round(2 * spec.limit / spec.cell)
    first = max(0, math.floor((west - spec.margin + 180) / spec.cell))
    last = min(columns - 1, math.floor((east + spec.margin + 180) / spec.cell))
    top = max(0, math.floor((spec.limit - north - spec.margin) / spec.cell))
    bottom = min(rows - 1, math.floor((spec.limit - south + spec.margin) / spec.cell))
    for column in range(first, last + 1):
        for row in range(top, bottom + 1):
            yield column, row


def _days(spec: CollectionSpec, start: datetime | None, end: datetime | None) -> Iterator[datetime]:
    """Give the local days whose scenes may begin in a span: a day more at both ends."""
    first = min(satellite.first for satellite in spec.satellites)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    lasts = [satellite.last for satellite in spec.satellites]
    known = [last for last in lasts if last is not None]
    stop = datetime(2027, 1, 7, tzinfo=UTC)
    if len(known) == len(lasts):
        last = max(known)
        stop = datetime(last.year, last.month, last.day, tzinfo=UTC)
    if start is not None:
        begin = max(begin, start.replace(hour=0, minute=0, second=0, microsecond=0) - _DAY)
    if end is not None:
        stop = min(stop, end + _DAY)
    while begin <= stop:
        yield begin
        begin += _DAY
