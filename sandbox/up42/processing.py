"""Processes, licences, jobs: the part of the API that costs money."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.stac.documents import json_response
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.up42.answers import problem
from eoflows.sandbox.up42.items import StoredItem
from eoflows.sandbox.up42.jobs import JobStore
from eoflows.sandbox.up42.listing import next_query, read_query, select
from eoflows.sandbox.up42.processes import Process, cost_document, schema_error
from eoflows.sandbox.up42.schedule import natural_path, rule_for
from eoflows.sandbox.up42.settings import User
from eoflows.sandbox.up42.storage import Storage
from eoflows.sandbox.up42.terms import Terms

__all__ = ["Processing"]

_Finding = tuple[str, str]
_JOBS = "/v2/processing/jobs"


class Processing:
    """The processing API of a region."""

    def __init__(
        self,
        *,
        terms: Terms,
        jobs: JobStore,
        storage: Storage,
        who: Callable[[Request], User],
        next_base: str,
    ) -> None:
        self._terms = terms
        self._settings = terms.settings
        self._jobs = jobs
        self._storage = storage
        self._who = who
        self._next_base = next_base

    def routes(self, prefix: str) -> list[Route]:
        """Return the routes below the API host."""
        process = f"{prefix}/v2/processing/processes/{{process}}"
        return [
            Route(f"{prefix}/v2/processing/processes", self._list_processes),
            Route(process, self._get_process),
            Route(f"{process}/validation", self._validate, methods=["POST"]),
            Route(f"{process}/cost", self._cost, methods=["POST"]),
            Route(f"{process}/execution", self._execute, methods=["POST"]),
            Route(f"{prefix}{_JOBS}", self._list_jobs),
            Route(f"{prefix}{_JOBS}/{{job}}", self._get_job),
            Route(f"{prefix}/v2/eulas/{{eula}}", self._eula),
            Route(f"{prefix}/accounts/me/credits/balance", self._balance),
        ]

    async def _list_processes(self, request: Request) -> Response:
        self._who(request)
        listed = [process.summary(self._terms.price(process)) for process in self._settings.processes]
        return json_response({"processes": listed, "links": []})

    async def _get_process(self, request: Request) -> Response:
        self._who(request)
        process = self._process(request)
        return json_response(process.document(self._terms.price(process)))

    async def _eula(self, request: Request) -> Response:
        self._who(request)
        asked = request.path_params["eula"]
        known = next((process for process in self._settings.processes if process.eula_id == asked), None)
        if known is None:
            raise problem(404, "Not Found", detail=f"EULA {asked} does not exist.")
        return json_response({"isAccepted": self._terms.is_licensed(known)})

    async def _validate(self, request: Request) -> Response:
        user, process = self._who(request), self._process(request)
        _, errors = self._examine(user, process, await _inputs(request, process))
        if errors:
            found = [{"name": name, "message": message} for name, message in errors]
            raise problem(422, "Unprocessable Entity", errors=found)
        return Response()

    async def _cost(self, request: Request) -> Response:
        user, process = self._who(request), self._process(request)
        items, _ = self._examine(user, process, await _inputs(request, process))
        return json_response(self._estimate(process, items))

    async def _execute(self, request: Request) -> Response:
        user, process = self._who(request), self._process(request)
        inputs = await _inputs(request, process)
        workspace, budget = (request.query_params.get(name) for name in ("workspaceId", "budgetId"))
        self._check_owner(user, workspace, budget)
        items, errors = self._examine(user, process, inputs)
        rule = rule_for(self._terms.rules, process.id, inputs["title"])
        usual = natural_path(
            licensed=self._terms.is_licensed(process), valid=not errors, ending=self._settings.ending
        )
        job = self._jobs.create(
            process_id=process.id,
            account=user.account,
            workspace=workspace,
            budget=budget,
            inputs=inputs,
            credits=self._estimate(process, items)["totalCredits"],
            errors=errors,
            path=usual if rule.path is None else rule.path,
        )
        return json_response(job.metadata(self._settings))

    async def _list_jobs(self, request: Request) -> Response:
        user, asked = self._who(request), dict(request.query_params)
        settings = self._settings
        query = read_query(asked, page_size=settings.page_size, max_page_size=settings.max_page_size)
        if query.ids is not None:
            self._jobs.asked(user.account, query.ids)
        found = select(self._jobs.listed(user.account), query, self._terms.clock())
        links = []
        if query.offset + query.limit < len(found):
            href = f"{self._next_base}{_JOBS}?{next_query(asked, query)}"
            links.append({"rel": "next", "href": href})
        page = found[query.offset : query.offset + query.limit]
        return json_response({"jobs": [job.metadata(settings) for job in page], "links": links})

    async def _get_job(self, request: Request) -> Response:
        user, asked = self._who(request), request.path_params["job"]
        for job in self._jobs.asked(user.account, [asked]):
            return json_response(job.metadata(self._settings))
        raise problem(404, "Not Found", detail=f"Job {asked} does not exist.")

    async def _balance(self, request: Request) -> Response:
        user = self._who(request)
        balance = self._jobs.accounts[user.account].balance
        return json_response({"error": None, "data": {"balance": balance}})

    def _process(self, request: Request) -> Process:
        asked = request.path_params["process"]
        for process in self._settings.processes:
            if process.id == asked:
                return process
        raise problem(404, "Not Found", detail=f"Process {asked} does not exist.")

    def _check_owner(self, user: User, workspace: str | None, budget: str | None) -> None:
        known = {one.workspace for one in self._settings.users.values() if one.account == user.account}
        if workspace is not None and workspace not in known:
            raise problem(403, "Forbidden", detail=f"Workspace {workspace} is not yours.")
        if budget is not None and budget not in self._settings.budgets:
            raise problem(404, "Not Found", detail=f"Budget {budget} does not exist.")

    def _estimate(self, process: Process, items: list[StoredItem]) -> dict[str, Any]:
        return cost_document(process, self._terms.price(process), [item.area for item in items])

    def _examine(
        self, user: User, process: Process, inputs: Mapping[str, Any]
    ) -> tuple[list[StoredItem], tuple[_Finding, ...]]:
        """Return the items that inputs name, and what is wrong with their meaning."""
        errors: list[_Finding] = []
        items: list[StoredItem] = []
        if len(inputs["title"]) > 250:
            errors.append(("InvalidTitle", "title is too long"))
        for href in process.item_hrefs(inputs):
            item = self._storage.find(user.account, href)
            if item is None:
                errors.append(("ItemNotFound", f"The item {href} does not exist."))
                continue
            items.append(item)
            if not item.processable:
                errors.append(("UnsupportedCollection", f"The item {item.id} cannot be processed."))
            if process.id == "pansharpening" and not item.panchromatic:
                errors.append(("MissingPanchromaticAsset", "The panchromatic band is missing."))
        errors.extend(rule_for(self._terms.rules, process.id, inputs["title"]).errors)
        return items, tuple(errors)


async def _inputs(request: Request, process: Process) -> dict[str, Any]:
    """Return the inputs of a request, which fit the process's description.

    Raises:
        Refusal: 400 with `schema-error`.
    """
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise _schema(f"no JSON: {error}") from error
    if not isinstance(body, dict) or "inputs" not in body:
        raise _schema("data must contain ['inputs'] properties")
    wrong = schema_error(process, body["inputs"])
    if wrong is not None:
        raise _schema(wrong)
    inputs: dict[str, Any] = body["inputs"]
    return inputs


def _schema(text: str) -> Refusal:
    return problem(400, "Bad Request", **{"schema-error": text})
