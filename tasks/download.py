"""The verb `download`, for every service: files, whole or not at all.

A name is loaded with its first use.

| service | |
|---|---|
| all that run jobs (OGC API - Processes, UP42, Geo Engine, RS-Server) | `collect_task`: the results of jobs |
| RS-Server, any STAC API | `aux_staging_task`: the assets of what a search finds |
| Earth Engine | `download_pre_ard_task` |
| Geo Engine | `download_raster_task`, `plot_task`; features: `stream_vector_task` of the verb `stream` |
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.tasks.collect import collect_task
    from eoflows.tasks.earth_engine_files import download_pre_ard_task
    from eoflows.tasks.geo_engine_download import download_raster_task
    from eoflows.tasks.plot import plot_task
    from eoflows.tasks.stage import aux_staging_task
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "aux_staging_task",
    "collect_task",
    "download_pre_ard_task",
    "download_raster_task",
    "plot_task",
]
