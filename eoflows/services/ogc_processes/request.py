"""What is asked of a server of OGC API - Processes as a job: an execution of a process."""

from typing import Any, Literal

from pydantic import Field

from eoflows.jobs.models import JobRequest
from eoflows.services.ogc_processes.calls import Mode, request_body
from eoflows.services.ogc_processes.models import Output, ProcessRequest, Subscriber

__all__ = ["OgcRequest"]


class OgcRequest(JobRequest):
    """An execution of a process."""

    service: Literal["ogc-processes"] = "ogc-processes"
    process_id: str = Field(min_length=1, description="What to execute, like ndvi.")
    inputs: dict[str, Any] = Field(
        default_factory=dict,
        description='Inputs by name, as JSON. An object as a value is written {"value": {...}}; a reference '
        '{"href": URL, "type": media type}; an array is several values.',
    )
    outputs: dict[str, Output] | None = Field(
        default=None,
        description='Outputs wanted, like {"ndvi": {"transmissionMode": "reference"}}; none: all of them.',
    )
    response: Literal["raw", "document"] | None = Field(
        default=None, description="How results come, in version 1.0; none leaves it to the server."
    )
    subscriber: Subscriber | None = Field(
        default=None, description="Whom the server calls back. Another one does not make it another job."
    )
    mode: Mode = Field(
        default="async", description="async asks for a job; sync leaves it to the server whether it waits."
    )

    @property
    def process_name(self) -> str:
        """What is to run."""
        return self.process_id

    def document(self) -> dict[str, Any]:
        """The execute request as JSON.

        Raises:
            InvalidInputError: It holds what JSON cannot.
        """
        names = ("outputs", "response", "subscriber")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return request_body(ProcessRequest(inputs=self.inputs, **given))

    def canonical(self) -> Any:
        """Inputs, outputs and the form of the results; not who is told, nor how it is waited for."""
        document = self.document()
        return {name: document[name] for name in ("inputs", "outputs", "response") if name in document}
