"""Makes orders as they are at home: metadata and GeoTIFF shards with numbers that can be told again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio

from eoflows.services.earth_engine import TileGrid, collection_spec
from eoflows.services.earth_engine.documents import image_metadata
from eoflows.services.earth_engine.recipe import export_options
from eoflows.services.earth_engine.scenes import Layer
from eoflows.services.earth_engine.shards import ShardGrid

LANDSAT = "LANDSAT/LC09/C02/T1_L2"


def numbers(layer: int, band: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What a pixel holds; uint16 with all bits in use."""
    return ((layer * 8 + band) * 4001 + rows * 211 + columns * 7 + 40_000) % 65_536


def make_order(
    folder: Path,
    name: str,
    *,
    size: tuple[int, int] = (50, 40),
    edge: int = 32,
    block: int = 16,
    layers: int = 3,
    start: datetime = datetime(2022, 1, 4, 18, tzinfo=UTC),
    collection: str = LANDSAT,
    index: tuple[int, int] = (4, 3),
    interleave: str = "pixel",
) -> Path:
    """Write an order, and give its metadata file."""
    spec = collection_spec(collection)
    tile = TileGrid((-2565585.0, 3314805.0), "EPSG:5070", (30, 30), size)[index]
    times = [start + timedelta(days=8 * number) for number in range(layers)]
    listed = [Layer(f"{time:%Y-%m-%d}", time, (f"{name}_{n}",)).to_dict() for n, time in enumerate(times)]
    document = image_metadata(
        spec=spec,
        tile=tile,
        start=start,
        end=times[-1] + timedelta(days=1) if times else start,
        filters=[],
        name=name,
        prefix="P",
        key="k",
        store="GCSStore",
        options=export_options({"fileDimensions": edge, "shardSize": block}, spec),
        layers=listed,
        scenes=[],
        now=start,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    count = layers * len(spec.bands)
    for suffix in ShardGrid(*size, edge, edge).suffixes() if layers else ():
        _, *offsets = suffix.removesuffix(".tif").split("-")
        row, column = map(int, offsets) if offsets else (0, 0)
        width, height = min(edge, size[0] - column), min(edge, size[1] - row)
        a, _, left, _, e, top = tile.transform
        profile = {
            "driver": "GTiff",
            "width": width,
            "height": height,
            "count": count,
            "dtype": spec.dtype,
            "crs": "EPSG:5070",
            "transform": rasterio.Affine(a, 0, left + column * a, 0, e, top + row * e),
            "tiled": True,
            "blockxsize": block,
            "blockysize": block,
            "interleave": interleave,
        }
        rows, columns = np.mgrid[row : row + height, column : column + width]
        with rasterio.open(folder / f"{name}{suffix}", "w", **profile) as file:
            for band in range(count):
                values = numbers(*divmod(band, len(spec.bands)), rows, columns)
                file.write(values.astype(spec.dtype), band + 1)
    return path
