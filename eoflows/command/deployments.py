"""`eoflows deploy`: what prefect.yaml describes, on the Prefect server of the active profile."""

import sys

from eoflows.deployments.deploy import deploy as deploy_described
from eoflows.deployments.errors import StackError

__all__ = ["deploy"]


def deploy(*names: str) -> int:
    """Deploy what prefect.yaml describes.

    Args:
        names: As FLOW/NAME, or NAME for all flows that have it, like `default`; none: everything.
    """
    try:
        return deploy_described(names)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
