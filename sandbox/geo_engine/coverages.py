"""WCS 1.1.1: capabilities, description, and one band of one time step as GeoTIFF."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from eoflows.sandbox.geo_engine.errors import EngineError, bad_query
from eoflows.sandbox.geo_engine.grid import Tiling
from eoflows.sandbox.geo_engine.queries import Query, numbers, required
from eoflows.sandbox.geo_engine.samples import first_step, over_box, shape_of
from eoflows.sandbox.geo_engine.settings import GeoEngineSettings
from eoflows.sandbox.geo_engine.sources import RasterSource

__all__ = ["capabilities", "description", "get_coverage"]

_URN = "urn:ogc:def:crs:"


def capabilities(url: str, identifier: str, source: RasterSource) -> str:
    """Return the capabilities document of a workflow's own service."""
    xmin, ymin, xmax, ymax = source.bounds
    operations = "".join(
        f'<ows:Operation name="{name}"><ows:DCP><ows:HTTP><ows:Get xlink:href="{url}"/></ows:HTTP></ows:DCP>'
        "</ows:Operation>"
        for name in ("GetCapabilities", "DescribeCoverage", "GetCoverage")
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<wcs:Capabilities version="1.1.1" xmlns:wcs="http://www.opengis.net/wcs/1.1.1"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ows="http://www.opengis.net/ows/1.1">'
        "<ows:ServiceIdentification><ows:Title>Web Coverage Service</ows:Title>"
        "<ows:ServiceType>WCS</ows:ServiceType><ows:ServiceTypeVersion>1.1.1</ows:ServiceTypeVersion>"
        "<ows:Fees>NONE</ows:Fees><ows:AccessConstraints>NONE</ows:AccessConstraints>"
        "</ows:ServiceIdentification><ows:ServiceProvider><ows:ProviderName>Sandbox</ows:ProviderName>"
        f"</ows:ServiceProvider><ows:OperationsMetadata>{operations}</ows:OperationsMetadata><wcs:Contents>"
        f"<wcs:CoverageSummary><ows:Title>Workflow {identifier}</ows:Title><ows:WGS84BoundingBox>"
        f"<ows:LowerCorner>{xmin} {ymin}</ows:LowerCorner><ows:UpperCorner>{xmax} {ymax}</ows:UpperCorner>"
        f"</ows:WGS84BoundingBox><wcs:Identifier>{identifier}</wcs:Identifier></wcs:CoverageSummary>"
        "</wcs:Contents></wcs:Capabilities>"
    )


def description(identifier: str, source: RasterSource) -> str:
    """Return the description of a workflow's coverage."""
    authority, _, code = source.spatial_reference.partition(":")
    xmin, ymin, xmax, ymax = source.bounds
    bands = "".join(f"<wcs:Key>{band.name}</wcs:Key>" for band in source.bands)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<wcs:CoverageDescriptions xmlns:wcs="http://www.opengis.net/wcs/1.1.1"'
        ' xmlns:ows="http://www.opengis.net/ows/1.1"><wcs:CoverageDescription>'
        f"<ows:Title>Workflow {identifier}</ows:Title><wcs:Identifier>{identifier}</wcs:Identifier>"
        f'<wcs:Domain><wcs:SpatialDomain><ows:BoundingBox crs="{_URN}{authority}::{code}" dimensions="2">'
        f"<ows:LowerCorner>{xmin} {ymin}</ows:LowerCorner><ows:UpperCorner>{xmax} {ymax}</ows:UpperCorner>"
        f"</ows:BoundingBox></wcs:SpatialDomain></wcs:Domain><wcs:Range><wcs:Field>{bands}</wcs:Field></wcs:Range>"
        f"<wcs:SupportedCRS>{_URN}{authority}::{code}</wcs:SupportedCRS>"
        "<wcs:SupportedFormat>image/tiff</wcs:SupportedFormat></wcs:CoverageDescription></wcs:CoverageDescriptions>"
    )


def get_coverage(source: RasterSource, query: Mapping[str, str], settings: GeoEngineSettings) -> bytes:
    """Answer GetCoverage with a GeoTIFF: the first band, the first time step.

    Raises:
        EngineError: A parameter is wrong, or the area has too many tiles.
    """
    box_text, _, box_crs = required(query, "boundingbox").partition(f",{_URN}")
    crs = query.get("crs") or query.get("gridbasecrs") or (_URN + box_crs if box_crs else "")
    crs = crs.removeprefix(_URN).replace("::", ":") or source.spatial_reference
    if crs != source.spatial_reference:
        raise EngineError("Projection", f"no projection from {source.spatial_reference} to {crs}")
    if query.get("format", "image/tiff") not in ("image/tiff", 'image/tiff; subtype="geotiff"'):
        raise bad_query(f"format: unknown variant `{query['format']}`")
    latitude_first = crs == "EPSG:4326"
    time = query.get("timesequence") or query.get("time") or ""
    where = Query.read(
        {"boundingbox": box_text, "time": time}, box="boundingbox", time="time", latitude_first=latitude_first
    )
    tiling = Tiling.of(source.grid, source.tile_size or settings.tile_size, settings.tile_origin)
    touched = sum(1 for _ in tiling.tiles(where.box))
    if touched > settings.wcs_tile_limit:
        raise EngineError(
            "TileLimitExceeded",
            f"Tile limit exceeded: {touched} tiles, the limit is {settings.wcs_tile_limit}",
        )
    step, _ = first_step(source, where.time)
    shape = shape_of(where.box, _resolution(source, query, latitude_first=latitude_first))
    values, valid = over_box(source, step, 0, where.box, shape)
    fill = query.get("nodatavalue")
    return _geotiff(values, valid, where, crs, None if fill is None else numbers(fill, 1, "nodatavalue")[0])


def _resolution(
    source: RasterSource, query: Mapping[str, str], *, latitude_first: bool
) -> tuple[float, float]:
    if "resx" not in query or "resy" not in query:
        return source.pixel_size
    first, second = (abs(numbers(query[name], 1, name)[0]) for name in ("resx", "resy"))
    return (second, first) if latitude_first else (first, second)


def _geotiff(values: Any, valid: Any, where: Query, crs: str, fill: float | None) -> bytes:
    rasterio: Any = import_module("rasterio")
    height, width = values.shape
    xmin, ymin, xmax, ymax = where.box
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": 1,
        "dtype": values.dtype.name,
        "crs": crs or None,
        "transform": rasterio.Affine((xmax - xmin) / width, 0, xmin, 0, (ymin - ymax) / height, ymax),
        "nodata": fill,
    }
    if fill is not None:
        values = np.where(valid, values, np.asarray(fill).astype(values.dtype))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(values, 1)
            if fill is None and not valid.all():
                target.write_mask(valid)
        content: bytes = memory.read()
    return content
