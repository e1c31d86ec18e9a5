"""What the children of `deadly` do: they convert a tile."""

from functools import partial
from pathlib import Path

import rasterio.shutil  # type: ignore[import-untyped]  # noqa: F401
import zarr  # noqa: F401

from eoflows.services.earth_engine.convert import preard_to_cogs, preard_to_zarr


def convert(name: str, folder: str, metadata: str, kind: str) -> None:
    """Convert a tile over what is there."""
    make = partial(preard_to_cogs if kind == "cogs" else preard_to_zarr, overwrite=True)
    make([metadata], Path(folder) / name / f"tile.{kind}")
