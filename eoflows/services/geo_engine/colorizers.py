"""How raster values become colours in a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

__all__ = [
    "ColorBreakpoint",
    "Colorizer",
    "LinearGradientColorizer",
    "LogarithmicGradientColorizer",
    "MultiBandRasterColorizer",
    "PaletteColorizer",
    "RasterColorizer",
    "Rgba",
    "SingleBandRasterColorizer",
    "style_of",
]

Rgba = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""
CLEAR: Rgba = (0, 0, 0, 0)


class Colorizer(Protocol):
    """Colours of the values of one band."""

    def document(self) -> dict[str, Any]:
        """The server's JSON."""


class RasterColorizer(Protocol):
    """Colours of the pixels of a raster; colorizers of the official client do, too."""

    def document(self) -> dict[str, Any]:
        """The server's JSON."""


@dataclass(frozen=True)
class ColorBreakpoint:
    """A value that has exactly this colour.

    Attributes:
        value: The value.
        color: Its colour.
    """

    value: float
    color: Rgba


@dataclass(frozen=True)
class LinearGradientColorizer:
    """Colours between breakpoints are mixed linearly.

    Attributes:
        no_data_color: Colour of pixels without a value.
        breakpoints: At least one, by rising value.
        over_color: Colour of values above the last breakpoint.
        under_color: Colour of values below the first.
    """

    no_data_color: Rgba
    breakpoints: Sequence[ColorBreakpoint]
    over_color: Rgba = CLEAR
    under_color: Rgba = CLEAR

    def document(self) -> dict[str, Any]:
        """The server's JSON."""
        return {"type": "linearGradient", **_gradient(self)}


@dataclass(frozen=True)
class LogarithmicGradientColorizer(LinearGradientColorizer):
    """Colours between breakpoints are mixed by the logarithm of the value."""

    def document(self) -> dict[str, Any]:
        """The server's JSON."""
        return {"type": "logarithmicGradient", **_gradient(self)}


def _gradient(colorizer: LinearGradientColorizer) -> dict[str, Any]:
    points = [{"value": point.value, "color": list(point.color)} for point in colorizer.breakpoints]
    return {
        "breakpoints": points,
        "noDataColor": list(colorizer.no_data_color),
        "overColor": list(colorizer.over_color),
        "underColor": list(colorizer.under_color),
    }


@dataclass(frozen=True)
class PaletteColorizer:
    """Each value has a colour of its own.

    Attributes:
        no_data_color: Colour of pixels without a value.
        colors: Colour by value.
        default_color: Colour of all other values.
    """

    no_data_color: Rgba
    colors: Mapping[float, Rgba]
    default_color: Rgba = CLEAR

    def document(self) -> dict[str, Any]:
        """The server's JSON."""
        return {
            "type": "palette",
            "colors": {str(value): list(color) for value, color in self.colors.items()},
            "defaultColor": list(self.default_color),
            "noDataColor": list(self.no_data_color),
        }


@dataclass(frozen=True)
class SingleBandRasterColorizer:
    """One band in colours.

    Attributes:
        band: Index of the band.
        band_colorizer: Its colours.
    """

    band: int
    band_colorizer: Colorizer

    def document(self) -> dict[str, Any]:
        """The server's JSON."""
        return {"type": "singleBand", "band": self.band, "bandColorizer": self.band_colorizer.document()}


@dataclass(frozen=True)
class MultiBandRasterColorizer:
    """Three bands as blue, green and red, each scaled from its least to its greatest value.

    Attributes:
        blue_band: Index of the band shown in blue.
        blue_max: Value that is full blue.
        blue_min: Value that is no blue.
        blue_scale: Factor for blue; None is 1.
        green_band: As for blue.
        green_max: As for blue.
        green_min: As for blue.
        green_scale: As for blue.
        red_band: As for blue.
        red_max: As for blue.
        red_min: As for blue.
        red_scale: As for blue.
    """

    blue_band: int
    blue_max: float
    blue_min: float
    blue_scale: float | None
    green_band: int
    green_max: float
    green_min: float
    green_scale: float | None
    red_band: int
    red_max: float
    red_min: float
    red_scale: float | None

    def document(self) -> dict[str, Any]:
        """The server's JSON."""
        found: dict[str, Any] = {"type": "multiBand", "noDataColor": list(CLEAR)}
        for colour in ("blue", "green", "red"):
            for part in ("band", "max", "min", "scale"):
                value = getattr(self, f"{colour}_{part}")
                if value is not None:
                    found[colour + part.capitalize()] = value
        return found


def style_of(colorizer: RasterColorizer) -> str:
    """The `styles` parameter of a WMS request."""
    return "custom:" + orjson.dumps(colorizer.document()).decode()
