"""Orders that were brought home: metadata and files, checked against each other."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from eoflows.base.errors import IntegrityError, InvalidInputError
from eoflows.base.times import parse_utc
from eoflows.services.earth_engine.shards import ShardGrid
from eoflows.services.earth_engine.tiles import Tile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Band", "Block", "PreArd", "limited_memory", "read_preard"]

CHUNK = 256
_MEMORY = 64 << 20
_CACHE = 64


@dataclass(frozen=True)
class Band:
    """A band of all layers.

    Attributes:
        name: Its name.
        nodata: The number that says that there is no value.
        scale: Physical value = number * scale + offset.
        offset: See `scale`.
        unit: Unit of the physical value.
        bits: Whether the numbers are flags or classes.
        source: Its name in Earth Engine.
    """

    name: str
    nodata: int
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    bits: bool = False
    source: str = ""


@dataclass(frozen=True)
class Block:
    """Pixels of all bands of an order.

    Attributes:
        row: First row in the tile.
        column: First column in the tile.
        values: As (layer, band, row, column).
    """

    row: int
    column: int
    values: "npt.NDArray[np.generic]"


@dataclass(frozen=True)
class PreArd:
    """An order at home.

    Attributes:
        metadata: The file that describes it.
        collection: Name of the image collection.
        tile: Where.
        dtype: Type of the numbers.
        bands: Bands of each layer.
        times: When the first image of each layer was taken, aware UTC.
        scenes: Properties of each layer's images.
        files: Image files by the row and column of their first pixel.
    """

    metadata: Path
    collection: str
    tile: Tile
    dtype: str
    bands: tuple[Band, ...]
    times: tuple[datetime, ...]
    scenes: tuple[list[Mapping[str, Any]], ...]
    files: Mapping[tuple[int, int], Path]

    @property
    def name(self) -> str:
        """Name of the order."""
        return self.metadata.stem

    def blocks(self, layers: Sequence[int] | None = None) -> Iterator[Block]:
        """Read all pixels, block by block, in memory that does not depend on the tile's size.

        Args:
            layers: Only these layers, by number; None: all.

        Raises:
            IntegrityError: A file does not fit the metadata.
        """
        import rasterio  # type: ignore[import-untyped]  # noqa: PLC0415
        from rasterio.windows import Window  # type: ignore[import-untyped]  # noqa: PLC0415

        chosen = range(len(self.times)) if layers is None else layers
        count = len(self.bands)
        indexes = [layer * count + band + 1 for layer in chosen for band in range(count)]
        for (row, column), path in sorted(self.files.items()):
            with rasterio.open(path) as file:
                self._check(file, path, row, column)
                rows = _rows(len(indexes), file.dtypes[0])
                for y in _cuts(row, row + file.height, rows):
                    for x in _cuts(column, column + file.width, CHUNK):
                        window = Window(x[0] - column, y[0] - row, x[1] - x[0], y[1] - y[0])
                        values = file.read(indexes, window=window)
                        yield Block(y[0], x[0], values.reshape(len(chosen), count, *values.shape[1:]))

    def _check(self, file: Any, path: Path, row: int, column: int) -> None:
        a, _, left, _, e, top = self.tile.transform
        found = {"bands": file.count, "dtype": file.dtypes[0]}
        for what, value in {"bands": len(self.times) * len(self.bands), "dtype": self.dtype}.items():
            if found[what] != value:
                raise IntegrityError(what, value, found[what], where=str(path))
        expected = (a, 0.0, left + column * a, 0.0, e, top + row * e)
        if any(
            abs(one - other) > abs(a) * 1e-6 for one, other in zip(file.transform, expected, strict=False)
        ):
            raise IntegrityError("transform", expected, tuple(file.transform)[:6], where=str(path))


def _rows(bands: int, dtype: str) -> int:
    """Rows that are read at a time: a part of a block's if many bands would need too much memory."""
    import numpy as np  # noqa: PLC0415

    rows = CHUNK
    while rows > 16 and bands * rows * CHUNK * np.dtype(dtype).itemsize > _MEMORY:
        rows //= 2
    return rows


def _cuts(start: int, stop: int, step: int) -> list[tuple[int, int]]:
    """Cut a span where multiples of a step are."""
    edges = [start, *range((start // step + 1) * step, stop, step), stop]
    return list(pairwise(edges))


@contextmanager
def limited_memory() -> Iterator[None]:
    """Keep GDAL's cache small."""
    import rasterio  # noqa: PLC0415

    with rasterio.Env(GDAL_CACHEMAX=_CACHE, GDAL_NUM_THREADS=str(min(2, os.cpu_count() or 1))):
        yield


def read_preard(metadata: Path) -> PreArd:
    """Read an order's metadata, and find its files beside them.

    Args:
        metadata: The JSON file.

    Raises:
        InvalidInputError: It is none, or not of this program: CEDAR's lack what is needed.
        IntegrityError: Files are missing.
    """
    try:
        document = orjson.loads(metadata.read_bytes())
        image, options = document["image"], document["store"]["export_image_kwds"]
        tile = Tile.from_dict(document["tile"])
        bands = tuple(Band(name, **image["band_info"][name]) for name in image["bands"])
        times = tuple(parse_utc(layer["time"]) for layer in image["layers"])
        edges = options["fileDimensions"]
        edge_x, edge_y = edges if isinstance(edges, list) else (edges, edges)
        grid = ShardGrid(tile.width, tile.height, int(edge_x), int(edge_y))
        collection, dtype = str(document["order"]["collection"]), str(image["dtype"])
        scenes = tuple(image["images"])
    except OSError as error:
        raise InvalidInputError(f"{metadata} cannot be read: {error.strerror}") from error
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{metadata} is no metadata of pre-ARD: {type(error).__name__} {error}"
        ) from error
    files = _files(metadata, grid) if times else {}
    return PreArd(metadata, collection, tile, dtype, bands, times, scenes, files)


def _files(metadata: Path, grid: ShardGrid) -> dict[tuple[int, int], Path]:
    files = {}
    for suffix in grid.suffixes():
        path = metadata.with_name(metadata.stem + suffix)
        if not path.is_file():
            raise IntegrityError("file", suffix, "nothing", where=str(metadata.with_suffix("")))
        _, *offsets = suffix.removesuffix(".tif").split("-")
        row, column = map(int, offsets) if offsets else (0, 0)
        files[row, column] = path
    return files
