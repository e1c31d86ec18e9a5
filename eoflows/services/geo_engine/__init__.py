"""Geo Engine: workflows whose results come as frames, arrays, pictures, plots and complete streams.

The public names are loaded with the first one that is used, so that the flows of other services need none of
the libraries behind them. The heavy ones (xarray, zarr, geopandas, rasterio, pyarrow) wait for the calls that
need them.
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import names_of

if TYPE_CHECKING:
    from eoflows.services.geo_engine.public import *  # noqa: F403
else:
    __getattr__, __dir__ = names_of(__name__, "eoflows.services.geo_engine.public")
