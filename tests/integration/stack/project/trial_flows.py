"""Flows that need nothing but Prefect."""

import asyncio
import subprocess
import sys
from pathlib import Path

from prefect import flow


@flow
async def double(number: int) -> int:
    """End at once."""
    return 2 * number


@flow
async def endless(mark: str) -> None:
    """Start a process in a session of its own and wait; end at once when the file is there."""
    if _begin(Path(mark)):
        await asyncio.Event().wait()


def _begin(mark: Path) -> bool:
    if mark.exists():
        return False
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    mark.write_text(str(child.pid))
    return True
