"""What a workflow may be given as, and how its id comes back."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.geo_engine.client import checked_id

__all__ = ["IdResponse", "WorkflowBuilderOperator", "WorkflowId", "workflow_document"]

_KINDS = ("Raster", "Vector", "Plot")


@runtime_checkable
class WorkflowBuilderOperator(Protocol):
    """An operator that knows its own workflow, as those of the official client do."""

    def to_workflow_dict(self) -> dict[str, Any]:
        """Give `{"type": "Raster" | "Vector" | "Plot", "operator": {...}}`."""


def workflow_document(workflow: Mapping[str, Any] | WorkflowBuilderOperator) -> dict[str, Any]:
    """Give a workflow as the server takes it.

    Raises:
        InvalidInputError: It is an operator without its type, or no workflow at all.
    """
    found = workflow.to_workflow_dict() if isinstance(workflow, WorkflowBuilderOperator) else dict(workflow)
    if found.get("type") not in _KINDS or not isinstance(found.get("operator"), Mapping):
        raise InvalidInputError(
            f"a workflow is {{'type': 'Raster', 'Vector' or 'Plot', 'operator': ...}}, not one of type "
            f"{found.get('type')!r} with {sorted(map(str, found))}"
        )
    return found


class IdResponse(BaseModel):
    """The server's answer to a registration.

    Attributes:
        id: The id.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID


class WorkflowId:
    """The id of a workflow: a hash of what it is, the same each time that it is registered.

    Args:
        workflow_id: A UUID, or one as text.

    Raises:
        InvalidInputError: It is no UUID.
    """

    def __init__(self, workflow_id: UUID | str) -> None:
        self._id = checked_id(workflow_id)

    @classmethod
    def from_response(cls, response: IdResponse) -> "WorkflowId":
        """Take the id of an answer."""
        return cls(response.id)

    @classmethod
    def from_document(cls, document: Any, url: str = "") -> "WorkflowId":
        """Read the JSON of an answer.

        Raises:
            ContractError: It has no id.
        """
        try:
            return cls.from_response(IdResponse.model_validate(document))
        except ValidationError as error:
            raise ContractError("the answer to a registration has no id", url=url) from error

    @property
    def uuid(self) -> UUID:
        """The id."""
        return self._id

    def __str__(self) -> str:
        return str(self._id)

    def __repr__(self) -> str:
        return f"WorkflowId({str(self._id)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkflowId) and self._id == other._id

    def __hash__(self) -> int:
        return hash(self._id)
