"""The release before the one name, run from a checkout of it with its own environment."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REVISION = "a70d9b4"
"""The last commit with the old names."""
SECONDS = 600.0

_STACK = """
import asyncio, json, sys
from pathlib import Path
from deployments.interruption import run_until_stopped
from deployments.stack import Stack, StackOptions

state, ready, url, other = sys.argv[1:]

def register(urls, at):
    places = ["--sandbox-url", url, "--other-url", other, "--state-dir", str(at.root)]
    return [sys.executable, "-m", "deployments.register", "--logos", f"{urls.ui}/logos", *places]

async def serve():
    names = ["sandbox", "sandbox-service", "track-jobs/default", "rerun-dead/default"]
    deployments = [part for name in names for part in ("--name", name)]
    options = StackOptions(sandbox=None, register=register, deployments=deployments)
    async with Stack(Path(state), options) as stack:
        part = Path(f"{ready}.part")
        part.write_text(json.dumps({"ui": stack.urls.ui, "environment": stack.environment}))
        part.replace(ready)
        await asyncio.Event().wait()

sys.exit(run_until_stopped(serve()))
"""

_KEYS = """
import asyncio, json, sys
from eokit.jobs.models import intent_key
from eokit.ledger import JobFilter, Ledger
from tasks.submit import AnyRequest
from pydantic import TypeAdapter

read = TypeAdapter(AnyRequest).validate_python

async def keys():
    found = {}
    async with Ledger(sys.argv[1]) as ledger:
        for row in await ledger.jobs(JobFilter()):
            asked = read(row.request)
            assert intent_key(row.endpoint, asked, row.run_key) == row.key
            where = asked.service, row.endpoint, asked.process_name
            found[row.key] = [*where, asked.canonical(), row.run_key]
    print(json.dumps(found))

asyncio.run(keys())
"""


class OldRelease:
    """A checkout of the old release whose `make venv` has run."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout.resolve()
        self.python = self.checkout / ".venv/bin/python"

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run its interpreter, and give what it prints."""
        command = [str(self.python), *arguments]
        done = subprocess.run(
            command, cwd=self.checkout, env=environment, check=True, stdout=subprocess.PIPE, timeout=SECONDS
        )
        return done.stdout.decode()

    def keys(self, ledger: Path) -> dict[str, list[Any]]:
        """Give, by the key of each job, what its key is made of."""
        return json.loads(self.run("-c", _KEYS, str(ledger)))

    @contextmanager
    def stack(self, state: Path, sandbox: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Run its Prefect server and worker in a folder, with the blocks of a sandbox that runs already."""
        ready = state.with_name(f"{state.name}.ready.json")
        arguments = [str(state), str(ready), sandbox["url"], sandbox["other_url"]]
        with running([str(self.python), "-c", _STACK, *arguments], self.checkout, ready) as places:
            yield places


@contextmanager
def running(command: Sequence[str], directory: Path, ready: Path) -> Iterator[dict[str, Any]]:
    """Run a program that says in a file that it is ready, and end it."""
    ready.unlink(missing_ok=True)
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "EOFLOWS_"))
    }
    with ready.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, env=clean, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + SECONDS
        while not ready.exists():
            assert process.poll() is None, f"{command[:3]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[:3]} was not ready in {SECONDS} s"
            time.sleep(0.1)
        yield json.loads(ready.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def sandbox(python: Path, directory: Path, module: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run a sandbox of either release."""
    ready = folder / "sandbox.ready.json"
    with running(
        [str(python), "-m", module, "--port", "0", "--ready-file", str(ready)], directory, ready
    ) as urls:
        yield urls
