"""Maps as pictures, by WMS."""

import io
from typing import TYPE_CHECKING

from eoflows.base.errors import ContractError, InvalidInputError, RefusedError
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.colorizers import RasterColorizer, style_of
from eoflows.services.geo_engine.errors import words_of
from eoflows.services.geo_engine.queries import QueryRectangle, SpatialResolution

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["fetch_picture"]

_MOST_PIXELS = 100_000_000


async def fetch_picture(
    client: GeoEngineClient,
    workflow: str,
    query: QueryRectangle,
    colorizer: RasterColorizer,
    resolution: SpatialResolution,
) -> "Image.Image":
    """Ask for a map.

    Raises:
        RefusedError: The server could not draw it; it tells so in XML or JSON, also with status 200.
        InvalidInputError: The picture would be larger than 100 million pixels.
        ContractError: The answer is no picture.
    """
    box = query.spatial_bounds
    width = max(1, int((box.xmax - box.xmin) / resolution.x_resolution))
    height = max(1, int((box.ymax - box.ymin) / resolution.y_resolution))
    if width * height > _MOST_PIXELS:
        raise InvalidInputError(
            f"a picture of {width} by {height} pixels is too large; use a coarser resolution"
        )
    params = {
        "service": "WMS",
        "version": "1.3.0",
        "request": "GetMap",
        "layers": workflow,
        "styles": style_of(colorizer),
        "width": str(width),
        "height": str(height),
        "bbox": query.bbox_ogc_str,
        "crs": query.srs,
        "format": "image/png",
        "time": query.time_str,
    }
    answer = await client.call("GET", f"wms/{workflow}", params=params)
    if said := words_of(answer):
        raise RefusedError(f"the map was not drawn: {said}", url=client.url, status=400, detail=said)
    from PIL import Image  # noqa: PLC0415

    try:
        picture = Image.open(io.BytesIO(answer.content))
        picture.load()
    except OSError as error:
        raise ContractError(f"the map is no picture: {error}", url=client.url) from error
    return picture
