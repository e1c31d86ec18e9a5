"""What tests in other processes may see and change of a region, below `/_sandbox/up42`."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.stac.documents import json_response
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.up42.jobs import Job
from eoflows.sandbox.up42.schedule import Rule
from eoflows.sandbox.up42.service import Up42

__all__ = ["up42_admin_routes"]


def up42_admin_routes(up42: Up42) -> list[Route]:
    """Return the routes."""
    admin, here = _Admin(up42), f"/_sandbox{up42.prefix}"
    return [
        Route(f"{here}/state", admin.state),
        Route(f"{here}/state", admin.change, methods=["PATCH"]),
        Route(f"{here}/reset", admin.reset, methods=["POST"]),
        Route(f"{here}/expire-tokens", admin.expire_tokens, methods=["POST"]),
        Route(f"{here}/revoke-signatures", admin.revoke_signatures, methods=["POST"]),
        Route(f"{here}/jobs/{{job}}", admin.job),
        Route(f"{here}/jobs/{{job}}", admin.move, methods=["PATCH"]),
    ]


class _Admin:
    def __init__(self, up42: Up42) -> None:
        self._up42 = up42

    async def state(self, request: Request) -> Response:
        """Everything: credits by account, prices, licences, jobs and source items."""
        up42 = self._up42
        processes = up42.settings.processes
        users = {
            login: {"account": user.account, "workspace": user.workspace}
            for login, user in up42.settings.users.items()
        }
        document = {
            "url": up42.url,
            "auth_url": up42.auth_url,
            "users": users,
            "accounts": {name: account.to_dict() for name, account in up42.jobs.accounts.items()},
            "prices": {process.id: up42.terms.price(process) for process in processes},
            "licenses": {process.id: up42.terms.is_licensed(process) for process in processes},
            "jobs": [self._job(job) for job in up42.jobs.all],
            "sources": {login: [up42.item_url(item) for item in up42.sources(login)] for login in users},
        }
        return json_response(document)

    async def change(self, request: Request) -> Response:
        """Set prices, licences (by process), paid-in credits (by account) and rules, whichever are named."""
        asked, terms = await _body(request), self._up42.terms
        accounts = self._up42.jobs.accounts
        try:
            for process, credits in asked.get("prices", {}).items():
                terms.set_price(process, float(credits))
            for process, accepted in asked.get("licenses", {}).items():
                terms.set_license(process, accepted=bool(accepted))
            for account, credits in asked.get("paid_in", {}).items():
                accounts[account].paid_in = int(credits)
            if "rules" in asked:
                terms.set_rules(*(_rule(one) for one in asked["rules"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Refusal(422, f"{type(error).__name__}: {error}") from error
        return await self.state(request)

    async def reset(self, request: Request) -> Response:
        self._up42.reset()
        return Response(status_code=204)

    async def expire_tokens(self, request: Request) -> Response:
        self._up42.tokens.expire_all()
        return Response(status_code=204)

    async def revoke_signatures(self, request: Request) -> Response:
        self._up42.signer.revoke()
        return Response(status_code=204)

    async def job(self, request: Request) -> Response:
        """A job, without the asking being a poll."""
        return json_response(self._job(self._find(request)))

    async def move(self, request: Request) -> Response:
        """Give a job another `path`, then move it on by `steps` (all: to its end)."""
        job, asked = self._find(request), await _body(request)
        if "path" in asked:
            self._up42.jobs.redirect(job.id, *asked["path"])
        steps = asked.get("steps", 0)
        self._up42.jobs.advance(job.id, len(job.path) if steps == "all" else int(steps))
        return json_response(self._job(job))

    def _find(self, request: Request) -> Job:
        try:
            return self._up42.jobs.get(request.path_params["job"])
        except KeyError as error:
            raise Refusal(404, f"no job {error}") from error

    def _job(self, job: Job) -> dict[str, Any]:
        more = {"budget": job.budget, "credits": job.credits, "past": job.past, "to_come": job.path}
        return {**job.metadata(self._up42.settings), "_sandbox": more}


def _rule(asked: Mapping[str, Any]) -> Rule:
    path, errors = asked.get("path"), asked.get("errors", ())
    return Rule(
        process=asked.get("process", "*"),
        title=asked.get("title", "*"),
        path=None if path is None else tuple(path),
        errors=tuple((str(name), str(message)) for name, message in errors),
    )


async def _body(request: Request) -> dict[str, Any]:
    try:
        asked = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refusal(422, f"no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise Refusal(422, "no object")
    return asked
