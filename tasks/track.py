"""The verb `track`, for every service: where jobs stand, one round at a time.

A name is loaded with its first use.

| service | |
|---|---|
| all that run jobs | `track_task`; `follow_jobs` waits for some of them |
| Earth Engine | `track_pre_ard_task` also writes what it finds into the tracking documents |
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.tasks.earth_engine import track_pre_ard_task
    from eoflows.tasks.job_tracking import (
        FINISHED,
        LOST,
        follow_jobs,
        tell_finished,
        track_jobs_once,
        track_task,
    )
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "FINISHED",
    "LOST",
    "follow_jobs",
    "tell_finished",
    "track_jobs_once",
    "track_pre_ard_task",
    "track_task",
]
