"""The verb `submit`, for every service: jobs, each made once.

A name is loaded with its first use.

| service | |
|---|---|
| all that run jobs | `submit_task` |
| Earth Engine | `submit_pre_ard_task` sends what `plan_pre_ard_task` planned |
| Geo Engine | `dataset_request` gives what `submit_task` takes |
| UP42 | `offers_task` prices first; `run_offers` sends what may be sent |
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.tasks.earth_engine import plan_pre_ard_task, submit_pre_ard_task
    from eoflows.tasks.geo_engine import dataset_request
    from eoflows.tasks.job_submission import Submission, submit_jobs, submit_task
    from eoflows.tasks.up42 import offers_task, run_offers
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "Submission",
    "dataset_request",
    "offers_task",
    "plan_pre_ard_task",
    "run_offers",
    "submit_jobs",
    "submit_pre_ard_task",
    "submit_task",
]
