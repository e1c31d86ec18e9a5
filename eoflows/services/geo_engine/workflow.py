"""Workflows of a server, and everything that can be asked of one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from eoflows.base.current_client import current
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.descriptors import read_descriptor
from eoflows.services.geo_engine.operators import WorkflowBuilderOperator, WorkflowId, workflow_document
from eoflows.services.geo_engine.results import Results
from eoflows.services.geo_engine.streams import RasterStreams, VectorStreams

__all__ = ["Workflow", "load_workflow", "register_workflow", "submit_workflow", "workflow_by_id"]


class Workflow(Results, RasterStreams, VectorStreams):
    """A registered workflow of one server, and everything that can be asked of it.

    `register_workflow` and `workflow_by_id` make it. Calls that are not `async` run in a background
    event loop: they also work in Jupyter.
    """


async def submit_workflow(
    client: GeoEngineClient,
    workflow: Mapping[str, Any] | WorkflowBuilderOperator,
    *,
    timeout: float = 60,
) -> Workflow:
    """Register a workflow; for async code. The same definition gives the same id, however often."""
    path = (await client.profile()).workflows
    document = await client.document("POST", path, json=workflow_document(workflow), timeout=timeout)
    return await load_workflow(client, WorkflowId.from_document(document, client.url), timeout=timeout)


async def load_workflow(
    client: GeoEngineClient, workflow_id: WorkflowId | UUID | str, *, timeout: float = 60
) -> Workflow:
    """Find a workflow by its id; for async code.

    Raises:
        AbsentError: The server does not know it.
    """
    known = workflow_id if isinstance(workflow_id, WorkflowId) else WorkflowId(workflow_id)
    path = f"{(await client.profile()).workflows}/{known}/metadata"
    document = await client.document("GET", path, timeout=timeout)
    return Workflow(client, known, read_descriptor(document, url=f"{client.url}/{path}"))


def register_workflow(
    workflow: Mapping[str, Any] | WorkflowBuilderOperator,
    timeout: int = 60,
    *,
    client: GeoEngineClient | None = None,
) -> Workflow:
    """Register a workflow. The same definition gives the same id, however often.

    Args:
        workflow: `{"type": "Raster" | "Vector" | "Plot", "operator": {...}}`, or an operator.
        timeout: Seconds to wait for each of two answers.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        RefusedError: The server does not accept it; the message says why.
    """
    server = current(GeoEngineClient, client)
    return server.wait(submit_workflow(server, workflow, timeout=timeout))


def workflow_by_id(workflow_id: UUID | str, *, client: GeoEngineClient | None = None) -> Workflow:
    """Find a workflow by its id.

    Args:
        workflow_id: A UUID, or one as text.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        AbsentError: The server does not know it.
    """
    server = current(GeoEngineClient, client)
    return server.wait(load_workflow(server, workflow_id))
