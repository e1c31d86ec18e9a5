"""Functions of whole images and of image collections."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from eoflows.sandbox.earth_engine.collections import COLLECTIONS
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.images import Band, Image, Pixels, constant, mosaic, scene_image
from eoflows.sandbox.earth_engine.pixels import Window
from eoflows.sandbox.earth_engine.scenes import Catalogue
from eoflows.sandbox.earth_engine.values import Collection, Date, Filter, Function, Reducer, value_of

__all__ = ["image_functions"]

_STACKED: dict[str, Callable[..., Any]] = {
    "min": np.nanmin,
    "max": np.nanmax,
    "mean": np.nanmean,
    "median": np.nanmedian,
    "sum": np.nansum,
}


def image_functions(catalogue: Catalogue) -> dict[str, Function]:
    """Return the functions by name; scenes come from a catalogue."""
    return {
        "ImageCollection.load": partial(_load_collection, catalogue),
        "Image.load": partial(_load, catalogue),
        **_STRUCTURE,
    }


def _load_collection(catalogue: Catalogue, name: str, version: Any) -> Collection:
    if name not in COLLECTIONS:
        raise GraphError(
            f"ImageCollection asset '{name}' not found (does not exist or caller does not have access)."
        )

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


def _select(image: Image, selectors: list[Any], names: list[str] | None) -> Image:
    chosen = replace(image, bands=image.select(selectors))
    return chosen if names is None else chosen.renamed(names)


def _add_bands(image: Image, other: Image, names: list[Any] | None, overwrite: Any) -> Image:
    new = other.bands if names is None else other.select(names)
    if overwrite:
        by_name = {band.name: band for band in new}
        old = tuple(by_name.pop(band.name, band) for band in image.bands)
        return replace(image, bands=(*old, *by_name.values()))
    return replace(image, bands=(*image.bands, *_distinct_names(new, {band.name for band in image.bands})))


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
