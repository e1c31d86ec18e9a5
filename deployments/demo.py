"""`eoflows demo` and `eoflows up`: the main job on a local installation, shown as a user would see it."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

import httpx

from eoflows.deployments.prefect_api import PrefectApi
from eoflows.deployments.prefect_database import template
from eoflows.deployments.report import read_report, report_files, table
from eoflows.deployments.stack import Stack, StackOptions

__all__ = ["demo", "up"]

DEPLOYMENT = "on-demand-aux-staging/sandbox"
RUN_SECONDS = 900.0

_ENDED: Final = {
    "sandbox": "the sandbox answers",
    "catalog": "the catalogue answers",
    "server": "Prefect's server answers",
    "setup": "blocks are written, deployments made",
    "worker": "the worker waits for runs",
}


async def demo(state: Path) -> int:
    """Run the main job once, show what it staged, and return the exit code."""
    said = _Progress()
    wanted = StackOptions(catalog=True, deployments=[DEPLOYMENT], prefect_blocks=False, progress=said)
    async with _starting(state, wanted) as stack:
        code = await _staging_run(stack, said)
    if code == 0:
        print("\nNext: `demo` again fetches nothing twice; `up` shows it, and all else, in Prefect's UI.")
    return code


async def up(state: Path) -> int:
    """Deploy all that runs on the sandbox, stage if nothing is staged, and stay until cancelled."""
    said = _Progress()
    async with _starting(state, StackOptions(catalog=True, progress=said)) as stack:
        if await _catalog_is_empty(stack):
            code = await _staging_run(stack, said)
            if code != 0:
                return code
        print(_OPEN.format(urls=stack.urls), flush=True)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("\nstopping", flush=True)  # To be stopped is how this program is meant to end.
    return 0


_OPEN = """
Prefect    {urls.ui}
catalogue  {urls.catalog}

Next: start a run there, or in another shell:
  PREFECT_API_URL={urls.api} prefect deployment run search-aux/sandbox --watch

Ctrl-C ends all of it."""


class _Progress:
    """Says what has happened, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, phase: str) -> None:
        if phase in _ENDED:
            self.say(_ENDED[phase])

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {what}", flush=True)


def _starting(state: Path, options: StackOptions) -> Stack:
    stack = Stack(state, options)
    print(f"starting the sandbox, a Prefect server and a worker in {stack.state.root}", flush=True)
    if not (template(options.cache).exists() or (stack.state.prefect_home / "prefect.db").exists()):
        print("(half a minute longer this once: Prefect's database is made, and kept for later)", flush=True)
    return stack


async def _catalog_is_empty(stack: Stack) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"{stack.urls.catalog}/search", params={"limit": 1})
        response.raise_for_status()
        return not response.json()["features"]


async def _staging_run(stack: Stack, said: _Progress) -> int:
    """Start the deployment as a user would, and say what became of it."""
    before = report_files(stack.state.storage)
    async with PrefectApi(stack.urls.api) as api:
        run = await api.start_run(DEPLOYMENT)
        said.say(f"a run is started, as by: prefect deployment run {DEPLOYMENT}")
        said.say(f"{run.name}: {stack.urls.ui}/runs/flow-run/{run.id}")
        ended = await api.ended_run(run, seconds=RUN_SECONDS)
    said.say(f"{run.name}: {ended.name}{ended.message and f': {ended.message}'}")
    written = report_files(stack.state.storage) - before
    if not written:
        print(f"error: the run left no report; its log: {stack.state.logs / 'worker.log'}", file=sys.stderr)
        return 1
    report = read_report(max(written, key=lambda path: path.stat().st_mtime_ns))
    print(table(report))
    print(f"\nfiles      {stack.state.storage}\ncatalogue  {stack.state.catalog}\nreport     {report.path}")
    return 0 if ended.good and not report.failed else 1
