"""Functions of images, image collections, geometries and projections."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import shapely

from sandbox.earth_engine.collections import COLLECTIONS
from sandbox.earth_engine.conversions import to_geometry
from sandbox.earth_engine.errors import GraphError
from sandbox.earth_engine.geometry import WGS84, Geometry, Projection, geometry_of
from sandbox.earth_engine.images import Band, Grid, Image, Pixels, cast, constant, mosaic, scene_image
from sandbox.earth_engine.pixels import Window
from sandbox.earth_engine.scenes import Catalogue
from sandbox.earth_engine.values import Collection, Date, Filter, Function, Reducer, value_of

__all__ = ["image_functions"]

_CASTS = {
    "Uint8": "uint8",
    "Byte": "uint8",
    "Int8": "int8",
    "Uint16": "uint16",
    "Int16": "int16",
    "Short": "int16",
    "Uint32": "uint32",
    "Int32": "int32",
    "Int": "int32",
    "Float": "float32",
    "Double": "float64",
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": lambda left, right: np.divide(left, right, out=np.zeros_like(left), where=right != 0),
    "mod": np.fmod,
    "pow": np.power,
    "max": np.maximum,
    "min": np.minimum,
}
_TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "eq": np.equal,
    "neq": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
}
_BITS: dict[str, Callable[[Any, Any], Any]] = {
    "bitwiseAnd": np.bitwise_and,
    "bitwiseOr": np.bitwise_or,
    "bitwiseXor": np.bitwise_xor,
    "leftShift": np.left_shift,
    "rightShift": np.right_shift,
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": lambda values: np.floor(values + 0.5),
    "sqrt": np.sqrt,
    "log": np.log,
    "exp": np.exp,
}
_STACKED: dict[str, Callable[..., Any]] = {
    "min": np.nanmin,
    "max": np.nanmax,
    "mean": np.nanmean,
    "median": np.nanmedian,
    "sum": np.nansum,
}
_WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32")


def image_functions(catalogue: Catalogue) -> dict[str, Function]:
    """Return the functions by name; scenes come from a catalogue."""
    return {
        "ImageCollection.load": partial(_load_collection, catalogue),
        "Image.load": partial(_load, catalogue),
        **_MATHEMATICS,
        **_STRUCTURE,
        **_PLACES,
    }


def _load_collection(catalogue: Catalogue, name: str, version: Any) -> Collection:
    if name not in COLLECTIONS:
        raise GraphError(f"ImageCollection asset '{name}' not found (does not exist or caller does not have access).")

    def elements(filters: tuple[Filter, ...]) -> Any:
        spans = [one.span for one in filters if one.span]
        boxes = [one.bounds for one in filters if one.bounds]
        scenes = catalogue.scenes(
            name,
            boxes[0] if boxes else (-180.0, -90.0, 180.0, 90.0),
            max((span.start.time for span in spans), default=None),
            min((span.end.time for span in spans), default=None),
        )
        images = (scene_image(scene) for scene in scenes)
        return (image for image in images if all(one.test(image, None) for one in filters))

    return Collection("ImageCollection", elements, id=name)


def _load(catalogue: Catalogue, name: str, version: Any) -> Image:
    scene = catalogue.find(name)
    if scene is None:
        raise GraphError(f"Image asset '{name}' not found (does not exist or caller does not have access).")
    return scene_image(scene)


def _pairs(left: Image, right: Image) -> list[tuple[Band, Band]]:
    if len(right.bands) == 1:
        return [(band, right.bands[0]) for band in left.bands]
    if len(left.bands) == 1:
        return [(left.bands[0], replace(band, name=band.name)) for band in right.bands]
    if len(left.bands) != len(right.bands):
        raise GraphError(
            "Image.binary: the images must have the same number of bands, or one of them a single band;"
            f" they have {len(left.bands)} and {len(right.bands)}."
        )
    return list(zip(left.bands, right.bands, strict=True))


def _binary(operation: Callable[[Any, Any], Any], kind: str) -> Function:
    """Return an operation of two images: `number` keeps whole numbers whole, `test` gives 0 or 1, `bits` is exact."""

    def band_of(left: Band, right: Band) -> Band:
        whole = left.dtype in _WHOLE and right.dtype in _WHOLE
        dtype = {"test": "uint8", "bits": "int32", "divide": "float32" if whole else "float64"}.get(kind)
        if dtype is None:
            dtype = "int32" if whole else "float64"
        kind_of = np.int64 if kind == "bits" or (whole and kind == "number") else np.float64

        def pixels(window: Window) -> Pixels:
            (one, first), (other, second) = left.pixels(window), right.pixels(window)
            return operation(one.astype(kind_of), other.astype(kind_of)).astype(dtype), first & second

        return Band(left.name, dtype, pixels)

    def make(left: Image, right: Image) -> Image:
        bands = tuple(band_of(*pair) for pair in _pairs(left, right))
        return replace(_computed(left), bands=bands)

    return make


def _unary(operation: Callable[[Any], Any], dtype: str | None = None) -> Function:
    def band_of(band: Band) -> Band:
        kind = dtype or ("float64" if band.dtype not in _WHOLE else band.dtype)

        def pixels(window: Window) -> Pixels:
            values, valid = band.pixels(window)
            return operation(values.astype(np.float64)).astype(kind), valid

        return Band(band.name, kind, pixels)

    return lambda image: replace(_computed(image), bands=tuple(map(band_of, image.bands)))


def _computed(image: Image) -> Image:
    """Return an image that has forgotten what arithmetic makes untrue: all properties but its index."""
    index = image.properties.get("system:index")
    return replace(image, id=None, properties={} if index is None else {"system:index": index})


def _cast(dtype: str) -> Function:
    return lambda image: replace(image, id=None, bands=tuple(cast(band, dtype) for band in image.bands))


def _cast_bands(image: Image, types: dict[str, Any], order: Any) -> Image:
    names = {"float": "float32", "double": "float64", "short": "int16", "byte": "uint8", "int": "int32"}

    def one(band: Band) -> Band:
        asked = str(types.get(band.name, band.dtype))
        return cast(band, names.get(asked, asked))

    return replace(image, bands=tuple(map(one, image.bands)))


def _fits(value: float | None, dtype: str) -> bool:
    if value is None or dtype not in _WHOLE:
        return dtype not in _WHOLE
    span = np.iinfo(dtype)
    return float(value).is_integer() and span.min <= value <= span.max


def _unmask(image: Image, value: Image | None, same_footprint: Any) -> Image:
    """Fill what is masked. A constant that fits into a band's type leaves the type as it is."""

    def band_of(band: Band, fill: Band) -> Band:
        same = band.dtype == fill.dtype or _fits(fill.value, band.dtype)
        dtype = band.dtype if same else "int32" if {band.dtype, fill.dtype} <= set(_WHOLE) else "float64"

        def pixels(window: Window) -> Pixels:
            (values, valid), (other, there) = band.pixels(window), fill.pixels(window)
            return np.where(valid, values, other).astype(dtype), valid | there

        return Band(band.name, dtype, pixels)

    return replace(image, bands=tuple(band_of(*pair) for pair in _pairs(image, value or constant(0))))


def _masked(image: Image, mask: Image) -> Image:
    def band_of(band: Band, other: Band) -> Band:
        def pixels(window: Window) -> Pixels:
            (values, valid), (flags, there) = band.pixels(window), other.pixels(window)
            return values, valid & there & (flags != 0)

        return Band(band.name, band.dtype, pixels)

    return replace(image, bands=tuple(band_of(*pair) for pair in _pairs(image, mask)))


def _mask(image: Image, mask: Image | None) -> Image:
    if mask is not None:
        return _masked(image, mask)

    def band_of(band: Band) -> Band:
        def pixels(window: Window) -> Pixels:
            valid = band.pixels(window)[1]
            return valid.astype("uint8"), np.ones(window.shape, dtype=bool)

        return Band(band.name, "uint8", pixels)

    return replace(image, bands=tuple(map(band_of, image.bands)))


def _not(image: Image) -> Image:
    made: Image = _unary(lambda values: values == 0, "uint8")(image)
    return made


def _select(image: Image, selectors: list[Any], names: list[str] | None) -> Image:
    chosen = replace(image, bands=image.select(selectors))
    return chosen if names is None else chosen.renamed(names)


def _add_bands(image: Image, other: Image, names: list[Any] | None, overwrite: Any) -> Image:
    new = other.bands if names is None else other.select(names)
    taken = {band.name for band in new}
    if overwrite:
        by_name = {band.name: band for band in new}
        old = tuple(by_name.pop(band.name, band) for band in image.bands)
        return replace(image, bands=(*old, *by_name.values()))
    used = {band.name for band in image.bands}
    return replace(image, bands=(*image.bands, *_distinct_names(new, used) if taken & used else new))


def _distinct_names(bands: Sequence[Band], used: set[str]) -> tuple[Band, ...]:
    made = []
    for band in bands:
        name, number = band.name, 0
        while name in used:
            number += 1
            name = f"{band.name}_{number}"
        used = used | {name}
        made.append(replace(band, name=name))
    return tuple(made)


def _cat(images: list[Any]) -> Image:
    found = [one if isinstance(one, Image) else constant(one) for one in images]
    bands: tuple[Band, ...] = ()
    for one in found:
        bands += _distinct_names(one.bands, {band.name for band in bands})
    return Image(bands)


def _to_bands(collection: Collection) -> Image:
    """Return all bands of all images, each name behind the image's index."""
    images = list(collection)
    return Image(
        tuple(
            replace(band, name=f"{value_of(image, 'system:index')}_{band.name}")
            for image in images
            for band in image.bands
        )
    )


def _from_images(images: list[Any]) -> Collection:
    if any(not isinstance(one, Image) for one in images):
        raise GraphError("ImageCollection.fromImages: an element is no Image.")
    return Collection.of(
        [
            replace(one, properties={**one.properties, "system:index": str(number)})
            for number, one in enumerate(images)
        ],
        "ImageCollection",
    )


def _stacked(collection: Collection, reducer: Reducer, scale: Any) -> Image:
    images, name = list(collection), reducer.name.removeprefix("Reducer.")
    if name not in _STACKED:
        raise GraphError(f"the sandbox cannot reduce images by {name}.")

    def band_of(number: int, band: Band) -> Band:
        def pixels(window: Window) -> Pixels:
            parts = [image.bands[number].pixels(window) for image in images]
            stack = np.stack([np.where(valid, values.astype(float), np.nan) for values, valid in parts])
            valid = np.any([there for _, there in parts], axis=0)
            stack[:, ~valid] = 0
            return _STACKED[name](stack, axis=0), valid

        return Band(f"{band.name}_{name}", "float64", pixels)

    first = images[0].bands if images else ()
    return Image(tuple(band_of(number, band) for number, band in enumerate(first)))


def _difference(image: Image, names: list[str] | None) -> Image:
    first, second = image.select(names) if names else image.bands[:2]

    def pixels(window: Window) -> Pixels:
        (one, valid), (other, there) = first.pixels(window), second.pixels(window)
        one, other = one.astype(float), other.astype(float)
        total = one + other
        return np.divide(one - other, total, out=np.zeros_like(one), where=total != 0), valid & there

    return Image((Band("nd", "float32", pixels),))


def _placed(projection: Projection, transform: list[float] | None, scale: float | None) -> Projection:
    if transform is not None:
        return replace(projection, transform=tuple(float(one) for one in transform))
    if scale is None:
        return projection
    unit = scale / 111_319.49079327358 if projection.crs == "EPSG:4326" else scale
    return replace(projection, transform=(unit, 0.0, 0.0, 0.0, -unit, 0.0))


def _reproject(image: Image, crs: Projection, transform: Any, scale: Any) -> Image:
    return replace(image, projection=_placed(crs, transform, scale))


def _projection(image: Image) -> Projection:
    return image.projection or WGS84


def _clip_to(
    image: Image,
    geometry: Geometry | None,
    width: float | None,
    height: float | None,
    largest: float | None,
    scale: float | None,
) -> Image:
    """Cut an exact rectangle of pixels out of the image's projection.

    Without a size, the pixels are those of the projection that the region touches; with a scale or a size they
    are fitted to the region.
    """
    projection = _projection(image)
    region = geometry or image.footprint
    if region is None:
        raise GraphError("a region is required.")
    left, bottom, right, top = region.bounds_in(projection.crs)
    xres, yres = abs(projection.transform[0]), abs(projection.transform[4])
    if scale is not None:
        xres = yres = _placed(projection, None, scale).transform[0]
        projection = replace(projection, transform=(xres, 0.0, 0.0, 0.0, -yres, 0.0))
    if largest is not None:
        xres = yres = max(right - left, top - bottom) / largest
    if width and height:
        xres, yres = (right - left) / width, (top - bottom) / height
    if (width and height) or largest is not None:
        projection = replace(projection, transform=(xres, 0.0, left, 0.0, -yres, top))
    x0, y0 = projection.transform[2], projection.transform[5]
    first, last = _span((left - x0) / xres, (right - x0) / xres)
    upper, lower = _span((y0 - top) / yres, (y0 - bottom) / yres)
    moved = (xres, 0.0, x0 + first * xres, 0.0, -yres, y0 - upper * yres)
    grid = Grid(replace(projection, transform=moved), last - first, lower - upper)
    return replace(image, grid=grid, projection=grid.projection)


def _span(start: float, stop: float) -> tuple[int, int]:
    first, last = math.floor(start + 1e-6), math.ceil(stop - 1e-6)
    return first, max(last, first + 1)


def _clip(image: Image, geometry: Any) -> Image:
    region = to_geometry(geometry)
    if image.projection is None:
        return replace(image, footprint=region)
    return replace(_clip_to(image, region, None, None, None, None), footprint=region)


def _metadata(image: Image, name: str, new: str | None) -> Image:
    value = value_of(image, name)
    if value is None:
        raise GraphError(f"Property '{name}' is missing.")
    return constant(value).renamed([new or name])


def _date(image: Image) -> Date:
    millis = value_of(image, "system:time_start")
    if millis is None:
        raise GraphError("Image has no system:time_start.")
    return Date(millis)


_MATHEMATICS: dict[str, Function] = {
    **{f"Image.{name}": _binary(one, "divide" if name == "divide" else "number") for name, one in _BINARY.items()},
    **{f"Image.{name}": _binary(one, "test") for name, one in _TESTS.items()},
    **{f"Image.{name}": _binary(one, "bits") for name, one in _BITS.items()},
    **{f"Image.{name}": _unary(one) for name, one in _UNARY.items()},
    **{f"Image.to{name}": _cast(dtype) for name, dtype in _CASTS.items()},
    **{f"Image.{name[0].lower()}{name[1:]}": _cast(dtype) for name, dtype in _CASTS.items()},
    "Image.not": _not,
    "Image.cast": _cast_bands,
    "Image.clamp": lambda image, low, high: _unary(lambda values: np.clip(values, low, high))(image),
    "Image.normalizedDifference": _difference,
    "Image.unmask": _unmask,
    "Image.updateMask": _masked,
    "Image.mask": _mask,
    "Image.selfMask": lambda image: _masked(image, image),
}
_STRUCTURE: dict[str, Function] = {
    "Image.constant": constant,
    "Image.id": lambda image: value_of(image, "system:index"),
    "Image.date": _date,
    "Image.metadata": _metadata,
    "Image.select": _select,
    "Image.slice": lambda image, start, end: replace(
        image, bands=image.bands[int(start) : None if end is None else int(end)]
    ),
    "Image.rename": lambda image, names: image.renamed(names),
    "Image.bandNames": lambda image: [band.name for band in image.bands],
    "Image.bandTypes": lambda image: {band.name: band.document for band in image.bands},
    "Image.addBands": _add_bands,
    "Image.cat": _cat,
    "Image.blend": lambda bottom, top: mosaic([bottom, top]),
    "ImageCollection.fromImages": _from_images,
    "ImageCollection.mosaic": mosaic,
    "ImageCollection.toBands": _to_bands,
    "ImageCollection.reduce": _stacked,
}
_PLACES: dict[str, Function] = {
    "Image.projection": _projection,
    "Image.geometry": lambda image, *rest: to_geometry(image),
    "Image.reproject": _reproject,
    "Image.setDefaultProjection": _reproject,
    "Image.resample": lambda image, mode: image,
    "Image.clip": _clip,
    "Image.clipToBoundsAndScale": _clip_to,
    "Projection": lambda crs, transform, wkt: _placed(Projection(str(crs)), transform, None),
    "Projection.crs": lambda projection: projection.crs,
    "Projection.nominalScale": lambda projection: abs(projection.transform[0]),
    "GeometryConstructors.Rectangle": lambda coordinates, crs, *rest: _drawn("Rectangle", coordinates, crs),
    "GeometryConstructors.Polygon": lambda coordinates, crs, *rest: _drawn("Polygon", coordinates, crs),
    "GeometryConstructors.LinearRing": lambda coordinates, crs, *rest: _drawn("LinearRing", coordinates, crs),
    "GeometryConstructors.MultiPolygon": lambda coordinates, crs, *rest: _drawn("MultiPolygon", coordinates, crs),
    "GeometryConstructors.LineString": lambda coordinates, crs, *rest: _drawn("LineString", coordinates, crs),
    "GeometryConstructors.Point": lambda coordinates, crs: _drawn("Point", coordinates, crs),
    "GeometryConstructors.BBox": lambda *edges: _drawn("Rectangle", list(edges), None),
    "Geometry.bounds": lambda geometry, *rest: Geometry(shapely.box(*geometry.bounds)),
    "Geometry.coordinates": lambda geometry: geometry.document["coordinates"],
    "Geometry.transform": lambda geometry, *rest: geometry,
    "Geometry.intersects": lambda left, right, *rest: bool(left.shape.intersects(right.shape)),
}


def _drawn(kind: str, coordinates: Any, crs: Projection | None) -> Geometry:
    return geometry_of(kind, coordinates, crs or WGS84)
