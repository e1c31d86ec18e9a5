"""What is asked of the made-up service as a job."""

from typing import Any, Literal

from pydantic import Field

from eoflows.jobs.models import JobRequest

__all__ = ["DummyRequest"]


class DummyRequest(JobRequest):
    """A job of the made-up service."""

    service: Literal["dummy"] = "dummy"
    process: str = Field(default="wait", description="Any name.")
    inputs: dict[str, Any] = Field(
        default_factory=dict,
        description="What becomes of it: seconds until it ends, outcome (success or failed), size of its "
        "result in bytes, credits.",
    )

    @property
    def process_name(self) -> str:
        """What is to run."""
        return self.process

    def canonical(self) -> Any:
        """The inputs."""
        return self.inputs
