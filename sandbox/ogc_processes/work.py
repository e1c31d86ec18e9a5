"""Runs a job, and tells its subscriber."""

import asyncio
from typing import Any

import httpx

from eoflows.sandbox.ogc_processes.documents import Addresses, status
from eoflows.sandbox.ogc_processes.jobs import Job, JobStore, Output
from eoflows.sandbox.ogc_processes.orders import Order, fetched
from eoflows.sandbox.ogc_processes.problems import Problem
from eoflows.sandbox.ogc_processes.processes import Process, ProcessError, Run
from eoflows.sandbox.ogc_processes.results import results_document
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings

__all__ = ["work"]


async def work(
    job: Job,
    process: Process,
    order: Order,
    jobs: JobStore,
    addresses: Addresses,
    settings: OgcProcessesSettings,
) -> None:
    """Bring a job to its end."""
    told: list[asyncio.Task[None]] = []

    def progress(percent: int, message: str) -> None:
        jobs.change(job, progress=percent, message=message)
        told.append(asyncio.create_task(tell("inProgressUri", status(job, addresses, settings))))

    async def tell(which: str, document: Any) -> None:
        if settings.callbacks and which in job.subscriber:
            await _post(job.subscriber[which], document)

    jobs.change(job, status="running", message="Running")
    formats = {name: media_type for name, (media_type, _) in order.outputs.items() if media_type}
    try:
        run = Run(await fetched(order.values), formats, progress, settings.pace)
        made = await process.run(run)
    except ProcessError as error:
        jobs.change(job, status="failed", message=str(error), http_status=error.http_status)
        await asyncio.gather(*told)
        problem = Problem(error.http_status, "Process failed", str(error))
        await tell("failedUri", problem.document(f"/jobs/{job.id}"))
        return
    wanted = {
        name: Output(made[name].value, made[name].media_type, by_reference)
        for name, (_, by_reference) in order.outputs.items()
    }
    jobs.change(job, status="successful", progress=100, message="Finished", outputs=wanted)
    await asyncio.gather(*told)
    await tell("successUri", results_document(job, addresses, settings))


async def _post(address: str, document: Any) -> None:
    """Tell a subscriber; one that cannot be reached is passed over."""
    try:
        async with httpx.AsyncClient(timeout=10, verify=False) as http:  # noqa: S501
            await http.post(address, json=document)
    except (httpx.HTTPError, httpx.InvalidURL):
        return
