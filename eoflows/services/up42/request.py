"""What is asked of UP42 as a job."""

from typing import Any, Literal

from pydantic import Field

from eoflows.jobs.models import JobRequest

__all__ = ["Up42Request"]


class Up42Request(JobRequest):
    """A processing job of UP42. Its region and workspace are those of the credentials."""

    service: Literal["up42"] = "up42"
    process: str = Field(min_length=1, description="What to run, like pansharpening.")
    inputs: dict[str, Any] = Field(
        description="Its inputs. `title` is the title of the results; items are given as their self hrefs."
    )
    budget_id: str | None = Field(
        default=None,
        description="A budget kept by UP42 that pays for it. Another one does not make it another job.",
    )

    @property
    def process_name(self) -> str:
        """What is to run."""
        return self.process

    def canonical(self) -> Any:
        """The inputs. Who pays is no part of what is asked for: nothing is bought twice by that."""
        return self.inputs
