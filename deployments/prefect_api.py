"""The few requests that a runner makes to its Prefect server: importing Prefect would cost seconds."""

import asyncio
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from eoflows.deployments.errors import NotReadyInTime, ServiceFailed
from eoflows.deployments.pool_templates import QUEUES, apply_template

REQUEST_SECONDS = 60.0
"""A server that migrates its database or loads its routes answers late."""

BUSY_SECONDS = 0.2

RUN_POLL_SECONDS = 0.2

_UNFINISHED = ["PENDING", "RUNNING", "CANCELLING"]
_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


@dataclass(frozen=True)
class StartedRun:
    """A run of a deployment."""

    id: str
    name: str


@dataclass(frozen=True)
class EndedRun:
    """How a run ended."""

    name: str
    """Of the state."""
    message: str
    """What the state says; perhaps empty."""
    good: bool
    """Whether Prefect counts it as completed."""


class PrefectApi:
    """A client of one private server."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=api_url, timeout=REQUEST_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def home(self) -> str | None:
        """Return the PREFECT_HOME of the server that answers, None while nobody does."""
        try:
            response = await self._http.get("/health")
        except httpx.TransportError:
            return None
        if response.status_code != httpx.codes.OK:
            return None
        settings = await self._request("GET", "/admin/settings")
        return str(settings["home"])

    async def hold_pool(self, name: str) -> None:
        """Make the process work pool if it is not there, and let no worker take runs from it yet."""
        pools = {pool["name"]: pool for pool in await self._request("POST", "/work_pools/filter", {})}
        if name not in pools:
            pools[name] = await self._request("POST", "/work_pools/", {"name": name, "type": "process"})
        template = await self._process_template(pools[name]["base_job_template"])
        await self._request(
            "PATCH", f"/work_pools/{name}", {"base_job_template": template, "is_paused": True}
        )
        await self._make_queues(name)

    async def _make_queues(self, pool: str) -> None:
        """Make the missing work queues, each before those that it goes before."""
        found = await self._request("POST", f"/work_pools/{pool}/queues/filter", {})
        there = {queue["name"] for queue in found}
        for priority, name in enumerate(QUEUES, start=1):
            if name not in there:
                body = {"name": name, "priority": priority}
                await self._request("POST", f"/work_pools/{pool}/queues", body)

    async def release_pool(self, name: str) -> None:
        """Let workers take runs from the pool."""
        await self._request("PATCH", f"/work_pools/{name}", {"is_paused": False})

    async def _process_template(self, existing: dict[str, Any]) -> dict[str, Any]:
        workers = await self._request("GET", "/collections/views/aggregate-worker-metadata")
        prefects = workers["prefect"]["process"]["default_base_job_configuration"]
        return apply_template("process", prefects, existing, python=sys.executable).template

    async def forget_worker(self, pool: str, worker: str) -> None:
        """Remove the record of an earlier worker, which would look online for a while."""
        known = await self._request("POST", f"/work_pools/{pool}/workers/filter", {})
        if worker in {each["name"] for each in known}:
            await self._request("DELETE", f"/work_pools/{pool}/workers/{worker}")

    async def worker_online(self, pool: str, worker: str) -> bool:
        """Tell whether the worker of that name has reported to the pool."""
        found = await self._request("POST", f"/work_pools/{pool}/workers/filter", {})
        return any(each["name"] == worker and each["status"] == "ONLINE" for each in found)

    async def crash_unfinished_runs(self) -> list[str]:
        """Mark as crashed the runs whose processes ended with an earlier stack.

        They would count as running for ever, and hold the concurrency limits of their deployments.
        """
        states = {"flow_runs": {"state": {"type": {"any_": _UNFINISHED}}}, "limit": 200}
        crashed: list[str] = []
        while found := await self._request("POST", "/flow_runs/filter", states):
            for run in found:
                state = {
                    "type": "CRASHED",
                    "message": "The local installation ended while this run was going on.",
                }
                await self._request(
                    "POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True}
                )
                crashed.append(run["name"])
        return crashed

    async def start_run(self, deployment: str) -> StartedRun:
        """Start a run of a deployment, with its own parameters, now."""
        found = await self._request("GET", f"/deployments/name/{deployment}")
        run = await self._request("POST", f"/deployments/{found['id']}/create_flow_run", {})
        return StartedRun(run["id"], run["name"])

    async def ended_run(self, run: StartedRun, *, seconds: float) -> EndedRun:
        """Wait for the end of a run.

        Raises:
            NotReadyInTime: It went on for longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            state = (await self._request("GET", f"/flow_runs/{run.id}"))["state"]
            if state["type"] in _FINAL:
                return EndedRun(state["name"], state["message"] or "", state["type"] == "COMPLETED")
            if time.monotonic() > deadline:
                raise NotReadyInTime(f"run {run.name} did not end in {seconds:.0f} s: {state['name']}")
            await asyncio.sleep(RUN_POLL_SECONDS)

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request, again while the server answers that its database is busy.

        Raises:
            ServiceFailed: It was refused, or the database stayed busy.
        """
        deadline = time.monotonic() + REQUEST_SECONDS
        response = await self._http.request(method, path, json=body)
        while response.status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < deadline:
            await asyncio.sleep(BUSY_SECONDS)
            response = await self._http.request(method, path, json=body)
        if response.is_error:
            raise ServiceFailed(f"server: {method} {path} answered {response.status_code}: {response.text}")
        return response.json() if response.content else None
