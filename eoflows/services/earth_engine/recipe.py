"""The image of an order, and the request that exports it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.services.earth_engine.collections import BandSpec, CollectionSpec
from eoflows.services.earth_engine.scenes import Layer, area_of
from eoflows.services.earth_engine.tiles import Tile

__all__ = ["MOST_BANDS", "VERSION", "export_body", "export_options", "file_edges"]

VERSION = 1
"""Goes up with each change of the recipe that changes the numbers in the files."""

MOST_BANDS = 5000
"""Bands that an image of many layers may have (documented)."""

_FIXED = ("crs", "crsTransform", "crs_transform", "dimensions", "region", "scale", "bucket", "image")
_OWN = ("description", "fileNamePrefix", "fileFormat", "skipEmptyTiles")
_EDGE = 2560
_BLOCK = 256


def export_options(given: Mapping[str, Any], spec: CollectionSpec) -> dict[str, Any]:
    """Give the keywords of an export: those given, on top of working defaults.

    Args:
        given: Keywords as `ee.batch.Export.image.toCloudStorage` knows them; `cloudOptimized` and `noData`
            may stand beside the others.
        spec: The collection.

    Raises:
        InvalidInputError: One of them is not for the caller to choose: the tile says it.
    """
    wrong = [name for name in given if name in (*_FIXED, *_OWN)]
    if wrong:
        raise InvalidInputError(
            f"{wrong[0]!r} is no option of an export here; tile, store and templates say it"
        )
    rest = {**given}
    how = {"cloudOptimized": True, "noData": spec.bands[0].nodata, **rest.pop("formatOptions", {})}
    how |= {name: rest.pop(name) for name in ("cloudOptimized", "noData") if name in rest}
    return {"shardSize": _BLOCK, "fileDimensions": _EDGE, "maxPixels": 10**13, **rest, "formatOptions": how}


def file_edges(options: Mapping[str, Any]) -> tuple[int, int]:
    """Give columns and rows of pixels of one file.

    Raises:
        InvalidInputError: They are no multiples of the blocks' edge.
    """
    asked, block = options["fileDimensions"], options["shardSize"]
    edges = tuple(asked) if isinstance(asked, list | tuple) else (asked, asked)
    if len(edges) != 2 or any(not isinstance(one, int) or one < 1 or one % block for one in edges):
        raise InvalidInputError(f"fileDimensions {asked!r} must be multiples of shardSize {block!r}")
    return edges[0], edges[1]


def export_body(
    spec: CollectionSpec,
    tile: Tile,
    layers: Sequence[Layer],
    *,
    bucket: str,
    path: str,
    options: Mapping[str, Any],
) -> str:
    """Write the body of an export's request.

    The images are named one by one, so that the same body always means the same numbers. Bands are those of
    the first layer, then those of the second, and so on.

    Args:
        spec: The collection.
        tile: Where; its grid is the files' grid.
        layers: Which images.
        bucket: Where the files go.
        path: Whole name of the files in it, without ending; its last part is also the operation's
            description.
        options: As from `export_options`.

    Returns:
        JSON without a `requestId`.

    Raises:
        InvalidInputError: There are too many bands, or the client package refuses an option.
    """
    import ee  # noqa: PLC0415

    bands, name = len(layers) * len(spec.bands), path.rpartition("/")[2]
    if not 0 < bands <= MOST_BANDS:
        raise InvalidInputError(
            f"{name} would have {bands} bands of {len(layers)} layers; from 1 to {MOST_BANDS} are allowed, "
            "order shorter periods"
        )
    try:
        task = ee.batch.Export.image.toCloudStorage(
            _image(spec, tile, layers),
            description=name,
            bucket=bucket,
            fileNamePrefix=path,
            fileFormat="GeoTIFF",
            crs=tile.crs if tile.crs.upper().startswith("EPSG:") else tile.wkt,
            crsTransform=list(tile.transform),
            dimensions=f"{tile.width}x{tile.height}",
            # The client package takes the options apart.
            **deepcopy(dict(options)),
        )
        config = {**(task.config or {})}
        config["expression"] = ee.serializer.encode(config["expression"], for_cloud_api=True)
    except ee.EEException as error:
        raise InvalidInputError(f"{name} cannot be exported so: {error}") from error
    return orjson.dumps(config).decode()


def _image(spec: CollectionSpec, tile: Tile, layers: Sequence[Layer]) -> Any:
    import ee  # noqa: PLC0415

    area = area_of(tile)
    nodata = ee.Image.constant([band.nodata for band in spec.bands])

    def layer(one: Layer) -> Any:
        day = ee.Date(one.date)
        # Names alone would do; place and day are what the service finds images by.
        chosen = ee.ImageCollection(spec.id).filterBounds(area).filterDate(day, day.advance(1, "day"))
        chosen = chosen.filter(ee.Filter.inList("system:index", list(one.scenes)))
        return chosen.map(lambda image: _stored(image, spec)).mosaic().unmask(nodata, False)

    stacked = ee.ImageCollection.fromImages([layer(one) for one in layers]).toBands()
    # Again, because filling may have widened the type.
    return _cast(stacked, spec.dtype)


def _stored(element: Any, spec: CollectionSpec) -> Any:
    """Give an image in the numbers of the files; flags are never touched."""
    import ee  # noqa: PLC0415

    image = ee.Image(element).select([band.source for band in spec.bands], [band.name for band in spec.bands])
    if all(band.factor == 1 for band in spec.bands):
        return _cast(image, spec.dtype)
    return ee.Image.cat(
        [_cast(_multiplied(image.select([band.name]), band), spec.dtype) for band in spec.bands]
    )


def _multiplied(image: Any, band: BandSpec) -> Any:
    return image if band.factor == 1 else image.multiply(band.factor).round()


def _cast(image: Any, dtype: str) -> Any:
    casts = {"uint8": "toUint8", "int16": "toInt16", "uint16": "toUint16", "int32": "toInt32"}
    return getattr(image, casts[dtype])()
