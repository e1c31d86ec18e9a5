"""Geo Engine: workflows whose results come as frames, arrays, pictures, plots and complete streams.

The heavy libraries behind it (xarray, zarr, geopandas, rasterio, pyarrow) wait for the calls that need them.
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.services.geo_engine.accounts import (
        DataUsage,
        Quota,
        UsageSummaryGranularity,
        data_usage,
        data_usage_summary,
        get_quota,
        update_quota,
    )
    from eoflows.services.geo_engine.client import GeoEngineClient
    from eoflows.services.geo_engine.colorizers import (
        ColorBreakpoint,
        Colorizer,
        LinearGradientColorizer,
        LogarithmicGradientColorizer,
        MultiBandRasterColorizer,
        PaletteColorizer,
        RasterColorizer,
        SingleBandRasterColorizer,
    )
    from eoflows.services.geo_engine.datasets import SaveRequest, save_request
    from eoflows.services.geo_engine.descriptors import (
        Measurement,
        PlotResultDescriptor,
        RasterBandDescriptor,
        RasterDataType,
        RasterResultDescriptor,
        ResultDescriptor,
        VectorColumnInfo,
        VectorResultDescriptor,
        read_descriptor,
    )
    from eoflows.services.geo_engine.errors import IncompleteStreamError, MissingTiles, StreamBrokenError
    from eoflows.services.geo_engine.nulls import FillValueWarning
    from eoflows.services.geo_engine.operators import IdResponse, WorkflowBuilderOperator, WorkflowId
    from eoflows.services.geo_engine.plan import BeyondGridWarning, RasterPlan, plan_raster
    from eoflows.services.geo_engine.plots import VegaLite, WrappedPlotOutput
    from eoflows.services.geo_engine.profiles import Profile
    from eoflows.services.geo_engine.progress import Progress
    from eoflows.services.geo_engine.provenance import Provenance, ProvenanceEntry, citations
    from eoflows.services.geo_engine.queries import (
        BoundingBox2D,
        QueryRectangle,
        RasterQueryRectangle,
        SpatialResolution,
    )
    from eoflows.services.geo_engine.raster_stream_processing import RasterStreamProcessing
    from eoflows.services.geo_engine.session import Anonymous, EmailLogin, Login, SessionToken
    from eoflows.services.geo_engine.tasks import (
        Task,
        TaskPhase,
        TaskStatusInfo,
        fetch_tasks,
        get_task_list,
        read_task,
    )
    from eoflows.services.geo_engine.tiles import RasterTile2D
    from eoflows.services.geo_engine.times import TimeInterval
    from eoflows.services.geo_engine.workflow import (
        Workflow,
        load_workflow,
        register_workflow,
        submit_workflow,
        workflow_by_id,
    )
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "Anonymous",
    "BeyondGridWarning",
    "BoundingBox2D",
    "ColorBreakpoint",
    "Colorizer",
    "DataUsage",
    "EmailLogin",
    "FillValueWarning",
    "GeoEngineClient",
    "IdResponse",
    "IncompleteStreamError",
    "LinearGradientColorizer",
    "LogarithmicGradientColorizer",
    "Login",
    "Measurement",
    "MissingTiles",
    "MultiBandRasterColorizer",
    "PaletteColorizer",
    "PlotResultDescriptor",
    "Profile",
    "Progress",
    "Provenance",
    "ProvenanceEntry",
    "QueryRectangle",
    "Quota",
    "RasterBandDescriptor",
    "RasterColorizer",
    "RasterDataType",
    "RasterPlan",
    "RasterQueryRectangle",
    "RasterResultDescriptor",
    "RasterStreamProcessing",
    "RasterTile2D",
    "ResultDescriptor",
    "SaveRequest",
    "SessionToken",
    "SingleBandRasterColorizer",
    "SpatialResolution",
    "StreamBrokenError",
    "Task",
    "TaskPhase",
    "TaskStatusInfo",
    "TimeInterval",
    "UsageSummaryGranularity",
    "VectorColumnInfo",
    "VectorResultDescriptor",
    "VegaLite",
    "Workflow",
    "WorkflowBuilderOperator",
    "WorkflowId",
    "WrappedPlotOutput",
    "citations",
    "data_usage",
    "data_usage_summary",
    "fetch_tasks",
    "get_quota",
    "get_task_list",
    "load_workflow",
    "plan_raster",
    "read_descriptor",
    "read_task",
    "register_workflow",
    "save_request",
    "submit_workflow",
    "update_quota",
    "workflow_by_id",
]
