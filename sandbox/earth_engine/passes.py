"""Where and when a satellite passes."""

from dataclasses import dataclass
from datetime import datetime

from eoflows.sandbox.earth_engine.collections import CollectionSpec, Satellite

__all__ = ["Bounds", "Passing"]

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True)
class Passing:
    """A satellite over a cell of a collection's grid."""

    spec: CollectionSpec
    satellite: Satellite
    column: int
    """Number of the cell, eastwards from 180 degrees west."""
    row: int
    """Number of the cell, southwards from the collection's northern limit."""
    orbit: int
    """Number of the pass: Landsat's path, Sentinel-2's relative orbit."""
    time: datetime
    """When it was taken, UTC."""
    seed: int

    @property
    def day(self) -> str:
        """UTC day, as 2022-01-31."""
        return f"{self.time:%Y-%m-%d}"

    @property
    def acquisition(self) -> str:
        """Collection, day and orbit: scenes that have it in common show the same ground."""
        return f"{self.spec.id}|{self.day}|{self.orbit}"

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude, degrees."""
        cell = self.spec.cell
        return (-180 + (self.column + 0.5) * cell, self.spec.limit - (self.row + 0.5) * cell)

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north of the footprint, degrees."""
        (x, y), reach = self.centre, self.spec.cell / 2 + self.spec.margin
        return (x - reach, y - reach, x + reach, y + reach)
