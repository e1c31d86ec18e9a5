"""`eoflows demo` and `eoflows up`: the main job on a local installation, shown as a user would see it."""

import asyncio
import sys
from pathlib import Path

import httpx

from eoflows.deployments.installation import installation
from eoflows.deployments.report import read_report, report_files, table
from eoflows.deployments.stack import Stack

__all__ = ["demo", "up"]

DEPLOYMENT = "on-demand-aux-staging/sandbox"
RUN_SECONDS = 900.0


async def demo(state: Path) -> int:
    """Run the main job once, show what it staged, and return the exit code."""
    async with _starting(state, DEPLOYMENT) as stack:
        _say_ready(stack)
        return await _staging_run(stack)


async def up(state: Path) -> int:
    """Deploy all that runs on the sandbox, stage if nothing is staged, and stay until cancelled."""
    async with _starting(state) as stack:
        _say_ready(stack)
        if await _catalog_is_empty(stack):
            code = await _staging_run(stack)
            if code != 0:
                return code
        print(
            f"\nPrefect    {stack.urls.ui}\ncatalogue  {stack.urls.catalog}\n\nCtrl-C ends both.", flush=True
        )
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("\nstopping", flush=True)  # To be stopped is how this program is meant to end.
    return 0


def _starting(state: Path, only: str | None = None) -> Stack:
    stack = Stack(state, installation(catalog=True, only=only))
    print(f"starting the sandbox, a Prefect server and a worker in {stack.state.root}", flush=True)
    return stack


def _say_ready(stack: Stack) -> None:
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in stack.timings.items() if name != "total")
    print(f"ready in {stack.timings['total']:.1f} s ({phases})", flush=True)


async def _catalog_is_empty(stack: Stack) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"{stack.urls.catalog}/search", params={"limit": 1})
        response.raise_for_status()
        return not response.json()["features"]


async def _staging_run(stack: Stack) -> int:
    """Start the deployment as a user would, and say what became of it."""
    before = report_files(stack.state.storage)
    print(f"\n$ prefect deployment run '{DEPLOYMENT}' --watch", flush=True)
    command = [sys.executable, "-m", "prefect", "deployment", "run", DEPLOYMENT, "--watch"]
    code = await stack.show("deployment-run", command, seconds=RUN_SECONDS)
    written = report_files(stack.state.storage) - before
    if not written:
        print(f"error: the run left no report; its log: {stack.state.logs / 'worker.log'}", file=sys.stderr)
        return code or 1
    report = read_report(max(written, key=lambda path: path.stat().st_mtime_ns))
    print(table(report))
    print(f"\nfiles      {stack.state.storage}\ncatalogue  {stack.state.catalog}\nreport     {report.path}")
    return code or (1 if report.failed else 0)
