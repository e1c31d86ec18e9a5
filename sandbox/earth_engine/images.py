"""Images of a graph: bands that know how to compute themselves, and what is told of them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.geometry import Geometry, Projection, box
from eoflows.sandbox.earth_engine.pixels import Window, scene_pixels
from eoflows.sandbox.earth_engine.scenes import Scene

__all__ = ["Band", "Grid", "Image", "cast", "constant", "mosaic", "scene_image"]

Pixels = tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]
"""Values and which of them are valid, as (row, column)."""
_WORDS = {"float32": "float", "float64": "double"}


@dataclass(frozen=True)
class Band:
    """One band."""

    name: str
    dtype: str
    """Name of a numpy type."""
    pixels: Callable[[Window], Pixels]
    value: float | None = None
    """Of a constant."""

    @property
    def document(self) -> dict[str, Any]:
        """What a client is told of its type."""
        if self.dtype in _WORDS:
            return {"type": "PixelType", "precision": _WORDS[self.dtype]}
        span = np.iinfo(self.dtype)
        return {"type": "PixelType", "precision": "int", "min": int(span.min), "max": int(span.max)}


@dataclass(frozen=True)
class Grid:
    """An exact rectangle of pixels."""

    projection: Projection
    width: int
    height: int


@dataclass(frozen=True)
class Image:
    """Bands with properties."""

    bands: tuple[Band, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    footprint: Geometry | None = None
    projection: Projection | None = None
    """None: the default of composites, one degree in EPSG:4326."""
    grid: Grid | None = None
    """What an export takes; None until the image was clipped to bounds and scale."""

    def select(self, selectors: Sequence[Any]) -> tuple[Band, ...]:
        """Return bands by name, pattern or position.

        Raises:
            GraphError: One of them means no band.
        """
        found: list[Band] = []
        for selector in selectors:
            if isinstance(selector, int | float):
                here = list(self.bands[int(selector) : int(selector) + 1])
            else:
                exact = [band for band in self.bands if band.name == selector]
                here = exact or [band for band in self.bands if re.fullmatch(selector, band.name)]
            if not here:
                raise GraphError(f"Pattern '{selector}' did not match any bands.")
            found.extend(here)
        return tuple(found)

    def renamed(self, names: Sequence[str]) -> "Image":
        """Return the image with other names of its bands.

        Raises:
            GraphError: There are more or fewer names than bands, or two are the same.
        """
        if len(names) != len(self.bands):
            raise GraphError(f"Can't rename {len(self.bands)} bands to {len(names)} names.")
        if len(set(names)) != len(names):
            raise GraphError(f"Duplicate band name in {list(names)}.")
        bands = tuple(replace(band, name=name) for band, name in zip(self.bands, names, strict=True))
        return replace(self, bands=bands)

    @property
    def document(self) -> dict[str, Any]:
        """What a client is told."""
        projection = self.projection or Projection("EPSG:4326")
        about = {"crs": projection.crs, "crs_transform": list(projection.transform)}
        bands = [{"id": band.name, "data_type": band.document, **about} for band in self.bands]
        known: dict[str, Any] = {"id": self.id, "version": 1} if self.id else {}
        own = {name: value for name, value in self.properties.items() if value is not None}
        return {"type": "Image", "bands": bands, **known, "properties": own}


def scene_image(scene: Scene) -> Image:
    """Return a scene as an image."""

    def pixels(name: str) -> Callable[[Window], Pixels]:
        return lambda window: scene_pixels(scene, name, window)

    footprint = box(*scene.bounds)
    zone = int((scene.centre[0] + 180) // 6) + 1
    crs = f"EPSG:{32600 + zone if scene.centre[1] >= 0 else 32700 + zone}"
    size = scene.spec.resolution
    return Image(
        tuple(Band(band.name, band.dtype, pixels(band.name)) for band in scene.spec.bands),
        {**scene.properties, "system:footprint": footprint},
        scene.id,
        footprint,
        Projection(crs, (size, 0.0, 300_000.0, 0.0, -size, 4_000_000.0)),
    )


def constant(value: Any) -> Image:
    """Return an image of one value, or of a list of values: one band each.

    Raises:
        GraphError: A value is no number.
    """
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, int | float) for one in values):
        raise GraphError(f"Image.constant: {value!r} is no number.")
    names = ["constant"] if len(values) == 1 else [f"constant_{number}" for number in range(len(values))]
    return Image(tuple(map(_constant_band, names, values)))


def _constant_band(name: str, value: float) -> Band:
    whole = float(value).is_integer()
    dtype = _smallest(int(value)) if whole else "float64"

    def pixels(window: Window) -> Pixels:
        return np.full(window.shape, value, dtype=dtype), np.ones(window.shape, dtype=bool)

    return Band(name, dtype, pixels, value)


def _smallest(value: int) -> str:
    for dtype in ("uint8", "int8", "uint16", "int16", "int32"):
        if np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            return dtype
    return "float64"


def cast(band: Band, dtype: str) -> Band:
    """Return a band of another type: integers are cut off at the limits of their type."""

    def pixels(window: Window) -> Pixels:
        values, valid = band.pixels(window)
        if dtype in _WORDS:
            return values.astype(dtype), valid
        span = np.iinfo(dtype)
        return np.trunc(np.clip(values, span.min, span.max)).astype(dtype), valid

    return Band(band.name, dtype, pixels, band.value)


def mosaic(images: Iterable[Image]) -> Image:
    """Return images laid over each other, the last one on top; it has no properties.

    Bands are matched by name; those of the first image count.
    """
    stack = list(images)
    if not stack:
        return Image(())

    def over(name: str, bands: Sequence[Band]) -> Band:
        def pixels(window: Window) -> Pixels:
            values, valid = bands[0].pixels(window)
            for band in bands[1:]:
                new, there = band.pixels(window)
                values, valid = np.where(there, new, values), valid | there
            return values, valid

        return Band(name, str(np.result_type(*(band.dtype for band in bands))), pixels)

    columns = [
        (first.name, [band for image in stack for band in image.bands if band.name == first.name])
        for first in stack[0].bands
    ]
    return Image(tuple(over(name, bands) for name, bands in columns))
