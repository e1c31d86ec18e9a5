"""The verb `stream`: what a service computes, as it computes it, complete.

A name is loaded with its first use.

| service | |
|---|---|
| Geo Engine, the only one that streams | `stream_raster_task`, `stream_vector_task` |
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.tasks.geo_engine_stream import RasterFormat, stream_raster_task, stream_vector_task
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = ["RasterFormat", "stream_raster_task", "stream_vector_task"]
