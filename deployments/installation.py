"""What a local installation of this checkout consists of: the same for demo, UI and tests."""

import sys
from collections.abc import Sequence

from eoflows.deployments.errors import StackError
from eoflows.deployments.stack import StackOptions, StackUrls
from eoflows.deployments.state import StateDirectory


def installation(
    *, catalog: bool = False, sandbox: Sequence[str] = (), only: str | None = None
) -> StackOptions:
    """Return the options of a stack with the sandbox, this checkout's blocks and its deployments.

    Args:
        catalog: Whether to serve the read-only view of the catalogue.
        sandbox: Further arguments of the sandbox.
        only: The one deployment that is wanted; None: all that work on the sandbox.
    """
    # The others name blocks that only an operator can make, and each deployment costs a second.
    names = ("sandbox", "sandbox-service") if only is None else (only,)
    deployments = [part for name in names for part in ("--name", name)]
    return StackOptions(sandbox=sandbox, catalog=catalog, register=register_command, deployments=deployments)


def register_command(urls: StackUrls, state: StateDirectory) -> list[str]:
    """Return the command that writes the blocks of the environment `sandbox`.

    Raises:
        StackError: The stack has no sandbox.
    """
    if urls.sandbox is None:
        raise StackError("the blocks of the sandbox need a sandbox")
    places = ["--sandbox-url", urls.sandbox.url, "--other-url", urls.sandbox.other_url]
    logos = ["--logos", f"{urls.ui}/logos"]
    return [
        sys.executable,
        "-m",
        "eoflows.deployments.register",
        *logos,
        *places,
        "--state-dir",
        str(state.root),
    ]
