"""Workflows over HTTP: registering, describing, saving as a data set."""

import io
import json
import zipfile
from typing import Any
from uuid import UUID, uuid4, uuid5

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.faults import BEHAVIOUR
from eoflows.sandbox.geo_engine.errors import EngineError
from eoflows.sandbox.geo_engine.profiles import Profile
from eoflows.sandbox.geo_engine.state import State
from eoflows.sandbox.geo_engine.workflows import Workflow

__all__ = ["WorkflowRoutes", "json_body"]

_DATASETS = UUID("36574dc3-560a-4b09-9d22-d5945f2b8093")


async def json_body(request: Request) -> Any:
    """Return a request's JSON body.

    Raises:
        EngineError: It is none.
    """
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise EngineError("BodyDeserializeError", f"Error in user input: {error}") from error


class WorkflowRoutes:
    """The calls on workflows, in the paths of one version."""

    def __init__(self, state: State, profile: Profile) -> None:
        self._state = state
        self._profile = profile

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = f"/{self._profile.workflows}/{{id}}"
        return [
            Route(f"/{self._profile.workflows}", self.register, methods=["POST"]),
            Route(one, self.definition),
            Route(f"{one}/metadata", self.metadata),
            Route(f"{one}/provenance", self.provenance),
            Route(f"{one}/allMetadata/zip", self.archive),
            Route(f"/{self._profile.save}/{{id}}", self.save, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Register a workflow."""
        self._state.sessions.of(request)
        workflow = self._state.workflows.register(await json_body(request))
        return JSONResponse({"id": str(workflow.id)})

    async def definition(self, request: Request) -> Response:
        """Return a workflow as the server writes it."""
        return JSONResponse(dict(self._workflow(request).definition))

    async def metadata(self, request: Request) -> Response:
        """Return the result descriptor."""
        return JSONResponse(self._workflow(request).descriptor(grid=self._profile.pixel_grid))

    async def provenance(self, request: Request) -> Response:
        """Return whose data are in a workflow."""
        return JSONResponse(_provenance(self._workflow(request)))

    async def archive(self, request: Request) -> Response:
        """Return definition, descriptor and citations as one archive."""
        workflow = self._workflow(request)
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name, document in (
                ("workflow.json", dict(workflow.definition)),
                ("metadata.json", workflow.descriptor(grid=self._profile.pixel_grid)),
                ("citation.json", _provenance(workflow)),
            ):
                archive.writestr(name, json.dumps(document))
        return Response(target.getvalue(), media_type="application/zip")

    async def save(self, request: Request) -> Response:
        """Start a task that saves a workflow's result; the new data set is the whole source."""
        session = self._state.sessions.of(request)
        workflow = self._state.workflows.find(request.path_params["id"])
        source, body = workflow.raster(), await json_body(request)
        missing = {"displayName", "query"} - set(body if isinstance(body, dict) else {})
        if missing:
            raise EngineError("BodyDeserializeError", f"Error in user input: missing field `{min(missing)}`")
        name = body.get("name") or f"{session.user.id}:{uuid4()}"
        if name in self._state.datasets.known:
            raise EngineError("DatasetNameAlreadyExists", f"Dataset name {name} already exists", 409)
        ordered = request.scope.get(BEHAVIOUR, {})
        task = self._state.tasks.start(
            "create-dataset",
            f"Creating dataset {body['displayName']} from workflow {workflow.id}",
            {"dataset": name, "upload": str(uuid4())},
            error=ordered.get("task_error"),
            seconds=ordered.get("task_seconds"),
            clean_up_seconds=ordered.get("clean_up_seconds"),
        )
        if task.error is None:
            self._state.datasets.known[name] = source
        return JSONResponse({"taskId": str(task.id)})

    def _workflow(self, request: Request) -> Workflow:
        self._state.sessions.of(request)
        return self._state.workflows.find(request.path_params["id"])


def _provenance(workflow: Workflow) -> list[dict[str, Any]]:
    return [
        {
            "provenance": {
                "citation": f"Sandbox, data set {name}",
                "license": "https://creativecommons.org/publicdomain/zero/1.0/",
                "uri": f"https://sandbox.example/datasets/{name}",
            },
            "data": [{"type": "internal", "datasetId": str(uuid5(_DATASETS, name))}],
        }
        for name in workflow.data
    ]
