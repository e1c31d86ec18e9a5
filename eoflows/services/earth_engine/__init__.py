"""Earth Engine pre-ARD: tile grids, collections, orders, tracking, verified downloads and conversion."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.services.earth_engine.client import EarthEngineClient
    from eoflows.services.earth_engine.collections import (
        BandSpec,
        CollectionSpec,
        collection_spec,
        known_collections,
        load_collections,
    )
    from eoflows.services.earth_engine.convert import open_ard, preard_to_cogs, preard_to_zarr
    from eoflows.services.earth_engine.documents import is_complete, is_ended, outcomes, progress
    from eoflows.services.earth_engine.failures import Failure, FailureKind, judge
    from eoflows.services.earth_engine.filters import read_filter
    from eoflows.services.earth_engine.grid import TileGrid, TileIndexError, known_grids, load_grids
    from eoflows.services.earth_engine.orders import EmptyCollectionError, Layout, Order, Wanted, plan_orders
    from eoflows.services.earth_engine.periods import split_periods
    from eoflows.services.earth_engine.project import EarthEngineProject, EarthEngineServer
    from eoflows.services.earth_engine.request import EarthEngineRequest
    from eoflows.services.earth_engine.service import EarthEngineService
    from eoflows.services.earth_engine.stores import GCSStore, LocalStore, PreArdStore
    from eoflows.services.earth_engine.submission import submission_of, submit_orders
    from eoflows.services.earth_engine.tiles import Tile
    from eoflows.services.earth_engine.tracker import Tracker, clean_tracked, download_tracked
    from eoflows.services.earth_engine.tracking import Session, update_tracking
    from eoflows.stores.transfer.google_token import GoogleToken
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "BandSpec",
    "CollectionSpec",
    "EarthEngineClient",
    "EarthEngineProject",
    "EarthEngineRequest",
    "EarthEngineServer",
    "EarthEngineService",
    "EmptyCollectionError",
    "Failure",
    "FailureKind",
    "GCSStore",
    "GoogleToken",
    "Layout",
    "LocalStore",
    "Order",
    "PreArdStore",
    "Session",
    "Tile",
    "TileGrid",
    "TileIndexError",
    "Tracker",
    "Wanted",
    "clean_tracked",
    "collection_spec",
    "download_tracked",
    "is_complete",
    "is_ended",
    "judge",
    "known_collections",
    "known_grids",
    "load_collections",
    "load_grids",
    "open_ard",
    "outcomes",
    "plan_orders",
    "preard_to_cogs",
    "preard_to_zarr",
    "progress",
    "read_filter",
    "split_periods",
    "submission_of",
    "submit_orders",
    "update_tracking",
]
