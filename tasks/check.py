"""Check: can a run do its work here?"""

from eoflows.base.errors import EoError
from eoflows.products.checks import Finding, examine
from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.environment import opened

__all__ = ["findings"]


async def findings(env: FlowEnvArgs) -> list[Finding]:
    """Look at the environment's blocks, and at all that they name.

    Args:
        env: Who for, and in which environment.
    """
    try:
        async with opened(env) as flow_env:
            blocks = Finding("blocks", True, f"environment {env.environment!r} serves {env.owner_id!r}")
            return [blocks, *await examine(flow_env)]
    except EoError as error:
        return [Finding("blocks", False, str(error))]
