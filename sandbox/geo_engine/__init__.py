"""A Geo Engine: generated rasters and features behind its HTTP interface and its two websocket streams.

This package imports the standard library only. What computes (numpy, pyarrow, rasterio) is loaded by the
first request below `/geoengine`.
"""

from eoflows.sandbox.geo_engine.settings import GeoEngineSettings, GeoUser
from eoflows.sandbox.geo_engine.sources import Band, Column, RasterSource, VectorSource
from eoflows.sandbox.geo_engine.stream_faults import stream_fault
from eoflows.sandbox.geo_engine.time_steps import IrregularTime, RegularTime

__all__ = [
    "Band",
    "Column",
    "GeoEngineSettings",
    "GeoUser",
    "IrregularTime",
    "RasterSource",
    "RegularTime",
    "VectorSource",
    "stream_fault",
]
