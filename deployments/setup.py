"""Writes the blocks of a local installation and deploys, in one process that starts before its server.

It imports Prefect meanwhile, which takes longer than the work, and waits for the order: a JSON object on
standard input.
"""

import asyncio
import sys
from pathlib import Path

import prefect.cli.deploy  # noqa: F401
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import BaseModel

from eoflows.deployments.deploy import deploy
from eoflows.deployments.errors import StackError
from eoflows.deployments.register import register_types, write_sandbox


class Order(BaseModel):
    """What is to be done, and where."""

    api: str
    """Prefect's API."""
    logos: str
    """Where the pictures of the blocks are served."""
    sandbox: tuple[str, str] | None
    """Both addresses of the sandbox whose blocks are written; None: no blocks."""
    state: Path
    """The state directory."""
    prefect_file: Path
    """What describes the deployments."""
    deployments: tuple[str, ...]
    """Names of those that are wanted; empty: all."""


def main() -> int:
    """Wait for the order, do it, and return the exit code."""
    order = Order.model_validate_json(sys.stdin.read())
    with temporary_settings({PREFECT_API_URL: order.api}):
        if order.sandbox is not None:
            asyncio.run(_blocks(order.logos, order.sandbox, order.state))
        try:
            return deploy(order.deployments, order.prefect_file)
        except StackError as error:
            print(f"error: {error}")
            return 1


async def _blocks(logos: str, sandbox: tuple[str, str], state: Path) -> None:
    registered = await register_types(logos)
    await write_sandbox(*sandbox, state, registered)


if __name__ == "__main__":
    sys.exit(main())
