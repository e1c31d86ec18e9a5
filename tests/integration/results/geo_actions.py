"""What the children of `deadly` do: the results of a Geo Engine, as the tasks make them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import obstore  # noqa: F401
import rasterio.shutil  # type: ignore[import-untyped]  # noqa: F401
from result_actions import storage_at

from eoflows.services.geo_engine import GeoEngineClient, QueryRectangle, geotiff, parquet, submit_workflow
from eoflows.services.geo_engine.zarr_writer import ZarrSettings, object_store
from eoflows.stores.results import ResultPlace
from eoflows.stores.storage import ObjectStorage

DAY = "2014-01-0{}T00:00:00Z"
SMALL = {
    "width": 60,
    "height": 44,
    "dataType": "I16",
    "origin": [0, 0],
    "pixelSize": [1, 1],
    "tileSize": 32,
    "time": {"start": 1_388_534_400_000, "count": 2},
}
RASTER = {"type": "Raster", "operator": {"type": "SandboxRaster", "params": SMALL}}
FEATURES = {"type": "Vector", "operator": {"type": "SandboxVector", "params": {"count": 500}}}
# By WCS the server gives no more than a few tiles.
ONE_TILE = {"type": "Raster", "operator": {"type": "SandboxRaster", "params": {**SMALL, "tileSize": 512}}}
PLOT = {
    "type": "Plot",
    "operator": {"type": "Histogram", "params": {}, "sources": {"source": RASTER["operator"]}},
}
SUFFIXES = {"zarr": "zarr", "cog": "tif", "parquet": "parquet", "wcs": "tif", "plot": "json"}
loaded = (geotiff, parquet)


async def produce(
    name: str, where: str, folder: str, url: str, verb: str, east: float = 57.0, overwrite: bool = False
) -> dict[str, Any]:
    """Make a result; another east edge makes another one."""
    definition = {"parquet": FEATURES, "plot": PLOT, "wcs": ONE_TILE}.get(verb, RASTER)
    query = QueryRectangle(
        (1, -40, east, -2), (DAY.format(1), DAY.format(3)) if verb == "zarr" else DAY.format(1)
    )
    place = ResultPlace(storage_at(where, folder, name), f"maps/one.{SUFFIXES[verb]}", overwrite)
    request = {"verb": verb, "east": east}
    async with GeoEngineClient(url) as client:
        workflow = await submit_workflow(client, definition)

        async def make(path: Path) -> Mapping[str, Any]:
            match verb:
                case "parquet":
                    await workflow.vector_stream_into_parquet(query, path)
                case "wcs":
                    await workflow.save_raster(query, path)
                case "plot":
                    plot = await workflow.fetch_plot(query, None)
                    await anyio.Path(path).write_text(plot.model_dump_json())
                case _:
                    await workflow.raster_stream_into_geotiff(query, path, True, kind=verb)
            return {}

        if verb != "zarr":
            return {"found": (await place.file(request, make)).found}
        async with place.claimed(request):
            stored = await workflow.raster_stream_into_zarr(
                query, _store(place), True, settings=ZarrSettings(overwrite=overwrite)
            )
            return {"found": bool(stored.found) and not stored.received}


def _store(place: ResultPlace) -> Any:
    if isinstance(place.storage, ObjectStorage):
        return object_store(place.storage.bucket, urlsplit(place.href).path)
    return place.storage.spool(place.key)
