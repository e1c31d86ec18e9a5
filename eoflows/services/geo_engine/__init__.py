"""Geo Engine: workflows whose results come as frames, arrays, pictures, plots and complete streams.

The public names are loaded with the first one that is used, so that the flows of other services need none of
the libraries behind them. The heavy ones (xarray, zarr, geopandas, rasterio, pyarrow) wait for the calls that
need them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eoflows.services.geo_engine.public import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("eoflows.services.geo_engine.public"), name)
