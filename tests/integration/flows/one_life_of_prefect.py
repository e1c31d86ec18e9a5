"""One life of a Prefect server: it begins with an empty database, which is gone when this process ends.

python one_life_of_prefect.py begin|go-on SANDBOX OTHER STATE JOBS
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect_server import own_prefect_server

from eoflows.blocks.logos import PUBLIC
from eoflows.deployments.register import register_types, write_sandbox
from eoflows.flows.run_job import run_job
from eoflows.flows.track_jobs import track_jobs
from eoflows.services.dummy import DummyRequest

SERVER = "dummy-server/sandbox-inputs"


async def live(act: str, url: str, other: str, state: Path, jobs: int) -> str:
    await register_types(PUBLIC)
    await write_sandbox(url, other, state)
    asked = [DummyRequest(inputs={"n": n, "seconds": 2}) for n in range(jobs)]
    if act == "begin":
        begun = await run_job(asked, SERVER, "sandbox", wait_seconds=0, return_state=True)
        return str(begun.message)
    ended = await track_jobs("sandbox")
    done = await run_job(asked, SERVER, "sandbox", return_state=True)
    return f"{ended} ended, {done.message}"


if __name__ == "__main__":
    act, url, other, state, jobs = sys.argv[1:]
    with TemporaryDirectory() as folder, own_prefect_server(Path(folder, "server")):
        print(asyncio.run(live(act, url, other, Path(state), int(jobs))))
