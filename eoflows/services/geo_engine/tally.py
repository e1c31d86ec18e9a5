"""Which tiles of a plan have come, and what to ask for next. Nothing here knows a network."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eoflows.base.errors import ContractError
from eoflows.services.geo_engine.errors import MissingTiles
from eoflows.services.geo_engine.plan import RasterPlan
from eoflows.services.geo_engine.queries import RasterQueryRectangle
from eoflows.services.geo_engine.times import TimeInterval, format_ms

__all__ = ["Tally", "TallyStep", "TilePlace"]

_PROOF = 2
"""Clean ends in a row that prove that there is no more."""


@dataclass(frozen=True)
class TilePlace:
    """Where a tile belongs.

    Attributes:
        step: Number of its time step, in the order in which steps were first seen.
        band: Position of its band in the query.
        row: Tile row from the upper left of the query.
        column: Tile column.
    """

    step: int
    band: int
    row: int
    column: int


class TallyStep:
    """One time step and its tiles.

    Attributes:
        time: The step's interval, as the first of its tiles has it.
        held: Which tiles have come, of shape (tile rows, tile columns, bands): the order of arrival.
    """

    def __init__(self, time: TimeInterval, shape: tuple[int, int, int]) -> None:
        self.time = time
        self.held: NDArray[np.bool_] = np.zeros(shape, dtype=bool)
        self._open = self.held.size

    def hold(self, row: int, column: int, band: int) -> bool:
        """Note a tile; False if it had come before."""
        if self.held[row, column, band]:
            return False
        self.held[row, column, band] = True
        self._open -= 1
        return True

    @property
    def missing(self) -> int:
        """Tiles that have not come."""
        return self._open


class Tally:
    """Counts the tiles of a stream.

    Args:
        plan: What is expected, with the tile size that the server really has.
    """

    def __init__(self, plan: RasterPlan) -> None:
        self.plan = plan
        self.steps: list[TallyStep] = []
        self.received = 0
        self._numbers: dict[int, int] = {}
        self._closed_until = plan.query.time_interval.start_ms
        self._clean_ends = 0

    @property
    def expected(self) -> int | None:
        """Tiles that must come in all; None where only the data know the number of time steps."""
        least = self.plan.least_tiles
        return None if least is None else max(least, len(self.steps) * self.plan.tiles_per_step)

    def step_of(self, time: TimeInterval) -> int:
        """Number of a time step, in the order in which steps were begun; a new one is begun.

        Raises:
            ContractError: A step that must come before it has not come.
        """
        number = self._numbers.setdefault(self._key(time.start_ms), len(self.steps))
        if number == len(self.steps):
            if (left_out := next(self._steps_left_out(before=time.start_ms), None)) is not None:
                del self._numbers[self._key(time.start_ms)]
                raise ContractError(f"time {format_ms(time.start_ms)} came before {left_out.time_interval}")
            tiles = self.plan.tiles
            self.steps.append(TallyStep(time, (tiles.rows, tiles.columns, len(self.plan.bands))))
        return number

    def accept(self, time: TimeInterval, top: int, left: int, band: int) -> TilePlace | None:
        """Note a tile and say where it belongs; None if it had come before or was not asked for.

        Args:
            time: Its interval.
            top: Its first pixel row, in the plan's grid.
            left: Its first pixel column.
            band: Its band index.
        """
        plan, tiles = self.plan, self.plan.tiles
        row = (top - plan.anchor[0]) // plan.tile_shape[0] - tiles.top
        column = (left - plan.anchor[1]) // plan.tile_shape[1] - tiles.left
        bands = plan.query.raster_bands
        if not (0 <= row < tiles.rows and 0 <= column < tiles.columns and band in bands):
            return None
        position = bands.index(band)
        number = self.step_of(time)
        if not self.steps[number].hold(row, column, position):
            return None
        self.received += 1
        self._clean_ends = 0
        return TilePlace(number, position, row, column)

    def ended(self, asked: RasterQueryRectangle) -> None:
        """Note that the server ended a query by a clean close.

        A proxy that goes away may close cleanly, too. So there are no further time steps only when the
        rest of the query has ended twice with no new tile in between.
        """
        interval = self.plan.query.time_interval
        if asked.time_interval.end_ms == interval.end_ms and asked.time_interval.start_ms <= self._last_end():
            self._clean_ends += 1
        if self._clean_ends >= _PROOF:
            self._closed_until = _end(interval)

    def remaining(self) -> Iterator[RasterQueryRectangle]:
        """Give the queries that would bring what is missing; the first of them is next."""
        for step in self.steps:
            if step.missing:
                yield self._rest_of(step)
        yield from self._steps_left_out(before=max(self._closed_until, self._last_end()))
        interval, reached = self.plan.query.time_interval, max(self._closed_until, self._last_end())
        if reached < _end(interval):
            yield self._asked(TimeInterval(max(interval.start_ms, reached), interval.end_ms))

    def missing(self) -> Iterator[MissingTiles]:
        """Name what is missing, as far as it is known."""
        bands = self.plan.query.raster_bands
        for step in self.steps:
            if step.missing:
                row, column, band = np.argwhere(~step.held)[0]
                yield MissingTiles(step.time.start_ms, step.missing, (int(row), int(column), bands[band]))
        if self.plan.steps is not None:
            for number in self.plan.certain:
                if number not in self._numbers:
                    start = self.plan.steps.start(number)
                    yield MissingTiles(start, self.plan.tiles_per_step, (0, 0, bands[0]))

    def _key(self, start: int) -> int:
        """What makes a time step the same: its number where steps are regular, else its start."""
        return start if self.plan.steps is None else self.plan.steps.number(start)

    def _last_end(self) -> int:
        """End of the last step in time; what lies before it has been asked for."""
        start = self.plan.query.time_interval.start_ms
        return max((_end(step.time) for step in self.steps), default=start)

    def _steps_left_out(self, *, before: int) -> Iterator[RasterQueryRectangle]:
        """Steps that have to come, end before some time, and have not come."""
        steps = self.plan.steps
        if steps is None:
            return
        for number in self.plan.certain:
            time = TimeInterval(steps.start(number), steps.start(number + 1))
            if min(time.end_ms, _end(self.plan.query.time_interval)) > before:
                return
            if number not in self._numbers:
                yield self._asked(time)

    def _rest_of(self, step: TallyStep) -> RasterQueryRectangle:
        rows = np.flatnonzero(~step.held.all(axis=(1, 2)))
        return self._asked(step.time, int(rows[0]), int(rows[-1]) + 1)

    def _asked(
        self, time: TimeInterval, first_row: int = 0, end_row: int | None = None
    ) -> RasterQueryRectangle:
        plan, whole = self.plan, self.plan.query.time_interval
        bounds = plan.query.spatial_bounds
        if (first_row, end_row or plan.tiles.rows) != (0, plan.tiles.rows):
            height, covered, window = plan.tile_shape[0], plan.covered, plan.window
            top = max(window.top, covered.top + first_row * height)
            bottom = min(window.bottom, covered.top + (end_row or plan.tiles.rows) * height)
            bounds = plan.grid.rows_of(bounds, top, bottom)
        start, end = max(time.start_ms, whole.start_ms), min(time.end_ms, whole.end_ms)
        return plan.query.narrowed(bounds, TimeInterval(start, max(start, end)))


def _end(interval: TimeInterval) -> int:
    """Where an interval is over; an instant is over a millisecond later."""
    return max(interval.end_ms, interval.start_ms + 1)
