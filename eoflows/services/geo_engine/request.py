"""What is asked of a Geo Engine as a job: a workflow's raster, kept on the server as a dataset."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from eoflows.jobs.models import JobRequest

__all__ = ["DATASET", "GeoEngineRequest"]

DATASET = "create-dataset"
"""The server's word for what such a task does."""


class GeoEngineRequest(JobRequest):
    """A dataset made of a registered raster workflow."""

    service: Literal["geo-engine"] = "geo-engine"
    workflow: UUID = Field(description="Id of the workflow, which the server knows.")
    bbox: tuple[float, float, float, float] = Field(
        description="xmin, ymin, xmax, ymax in the workflow's reference system."
    )
    time_start: AwareDatetime = Field(description="Start of the time.")
    time_end: AwareDatetime | None = Field(
        default=None, description="End of the time, excluded; none: the start is the only instant."
    )
    resolution: tuple[float, float] | None = Field(
        default=None, description="Width and height of a pixel; servers of profile 0.8 need it."
    )
    name: str | None = Field(
        default=None, description="Name like namespace:name, which must be new; none: the server chooses."
    )
    display_name: str = Field(min_length=1, description="Name for people.")
    description: str = Field(default="", description="Text for people; another one asks for the same.")

    @property
    def process_name(self) -> str:
        """The server's word for it."""
        return DATASET

    def canonical(self) -> Any:
        """Everything but the description."""
        return self.model_dump(mode="json", exclude={"service", "description"})
