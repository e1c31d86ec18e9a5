"""Runs a stack in a process of its own, for tests: until interrupted, or until nobody uses it."""

import argparse
import asyncio
import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Any

from eoflows.deployments.errors import StackError
from eoflows.deployments.interruption import run_until_stopped
from eoflows.deployments.stack import Stack, StackOptions, StackUrls

POLL_SECONDS = 0.2


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("state", type=Path)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--prefect-file", type=Path, help="another prefect.yaml, which needs no sandbox")
    parser.add_argument("--users", type=Path, help="end when nobody holds a lock on this file")
    options = parser.parse_args()
    try:
        return run_until_stopped(_run(options))
    except StackError as error:
        _write(options.ready_file, {"error": str(error)})
        print(error, file=sys.stderr)
        return 1


async def _run(options: argparse.Namespace) -> int:
    if options.prefect_file is None:
        parts = StackOptions(catalog=True)
    else:
        parts = StackOptions(prefect_file=options.prefect_file, sandbox=None, deployments=())
    serving = asyncio.create_task(_serve(Stack(options.state, parts), options.ready_file))
    leaving = asyncio.create_task(_unused(options.users))
    try:
        await asyncio.wait([serving, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        serving.cancel()
        await asyncio.wait([serving])
        if not serving.cancelled():
            serving.result()
        if options.users is not None:
            options.ready_file.unlink(missing_ok=True)
    return 0


async def _serve(stack: Stack, ready_file: Path) -> None:
    async with stack:
        _write(ready_file, _places(stack, stack.urls))
        await asyncio.Event().wait()


def _places(stack: Stack, urls: StackUrls) -> dict[str, Any]:
    return {
        "ui": urls.ui,
        "api": urls.api,
        "sandbox": urls.sandbox and urls.sandbox.url,
        "sandbox_other": urls.sandbox and urls.sandbox.other_url,
        "catalog": urls.catalog,
        "state": str(stack.state.root),
        "environment": stack.environment,
    }


async def _unused(users: Path | None) -> None:
    """Wait until no process holds the shared lock; keep it then, so that a new user waits for our end."""
    if users is None:
        await asyncio.Event().wait()
        return
    descriptor = os.open(users, os.O_RDWR)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(POLL_SECONDS)
        else:
            return


def _write(path: Path, content: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
