"""Earth Engine: which images there are over a tile."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import anyio
from prefect import task
from prefect.cache_policies import NO_CACHE

from eoflows.base.times import format_utc, parse_utc
from eoflows.blocks import TileGrid
from eoflows.services.earth_engine.collections import collection_spec
from eoflows.tasks.load import load_block
from eoflows.tasks.servers import open_server

if TYPE_CHECKING:
    from eoflows.services.earth_engine.project import EarthEngineServer

__all__ = ["search_images_task"]


@task(name="search-images", cache_policy=NO_CACHE, persist_result=False)
async def search_images_task(
    collection: str,
    tile: tuple[int, int],
    start: datetime | str,
    end: datetime | str,
    project: str = "default",
    grid: str = "default",
) -> list[dict[str, Any]]:
    """Give the images of a collection over a tile, in order of time; nothing is exported.

    Args:
        collection: Earth Engine's name of the image collection, like LANDSAT/LC09/C02/T1_L2.
        tile: Row and column of the tile.
        start: Start of the span, UTC where no zone is given.
        end: End of the span, no part of it.
        project: Name of the Earth Engine Project block.
        grid: Name of the Tile Grid block.

    Returns:
        For each image its id in the collection (`image`), when it was taken (`time`), and its properties.

    Raises:
        InvalidInputError: A block is missing, or there is no such collection or tile.
        ServiceError: Earth Engine cannot be asked.
    """
    spec, block = collection_spec(collection), await load_block(TileGrid, grid)
    place = await anyio.to_thread.run_sync(lambda: block.open()[tile])
    async with open_server("earth_engine", f"earth-engine-project/{project}") as server:
        asked = cast("EarthEngineServer", server)
        found = await asked.scenes(spec, place, (parse_utc(start), parse_utc(end)))
    return [{**one.properties, "image": one.name, "time": format_utc(one.time)} for one in found]
