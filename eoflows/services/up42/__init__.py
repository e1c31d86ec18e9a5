"""UP42 processing: priced jobs on purchased imagery."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.services.up42 import processing_templates
    from eoflows.services.up42.assets import Asset, initialize_asset
    from eoflows.services.up42.client import Up42Client
    from eoflows.services.up42.cost import Cost
    from eoflows.services.up42.hosts import Hosts, Region
    from eoflows.services.up42.job import Job
    from eoflows.services.up42.job_templates import (
        JobTemplate,
        MultiItemJobTemplate,
        SingleItemJobTemplate,
        template_of,
    )
    from eoflows.services.up42.models import (
        JobMetadata,
        JobRecord,
        JobResults,
        UnfinishedJob,
        ValidationError,
    )
    from eoflows.services.up42.request import Up42Request
    from eoflows.services.up42.server import Up42Server, job_server
    from eoflows.services.up42.service import Up42Service
    from eoflows.services.up42.sorting import JobSorting, SortingField
    from eoflows.services.up42.states import TERMINAL, JobStatus
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "TERMINAL",
    "Asset",
    "Cost",
    "Hosts",
    "Job",
    "JobMetadata",
    "JobRecord",
    "JobResults",
    "JobSorting",
    "JobStatus",
    "JobTemplate",
    "MultiItemJobTemplate",
    "Region",
    "SingleItemJobTemplate",
    "SortingField",
    "UnfinishedJob",
    "Up42Client",
    "Up42Request",
    "Up42Server",
    "Up42Service",
    "ValidationError",
    "initialize_asset",
    "job_server",
    "processing_templates",
    "template_of",
]
