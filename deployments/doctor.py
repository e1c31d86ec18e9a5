"""`make doctor`: a line for everything that a run needs, and what to do.

It talks to the Prefect server of `PREFECT_API_URL`, and says so when there is none.
"""

import argparse
import asyncio
import sys

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from eoflows.products.checks import CheckFinding
from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.check import findings


async def server() -> CheckFinding:
    """Ask the Prefect server whether it is well."""
    url = PREFECT_API_URL.value()
    if not url:
        advice = "set PREFECT_API_URL, or start one with `make up` and take the address that it prints"
        return CheckFinding("server", False, "no Prefect server is named", advice)
    async with get_client() as client:
        fault = await client.api_healthcheck()
    if fault is None:
        return CheckFinding("server", True, f"answers at {url}")
    advice = "start it, or correct PREFECT_API_URL"
    return CheckFinding("server", False, f"{url}: {type(fault).__name__} {fault}".rstrip(), advice)


async def examine(env: FlowEnvArgs) -> list[CheckFinding]:
    """Look at the server, and at the rest if there is one."""
    first = await server()
    return [first, *(await findings(env) if first.good else [])]


def main() -> None:
    """Read the command line; the exit code is 1 if something needs attention."""
    parser = argparse.ArgumentParser(prog="python -m eoflows.deployments.doctor", description=__doc__)
    parser.add_argument("--environment", default="default", help="name of the EO Environment block")
    parser.add_argument("--owner", default="demo", help="owner to check for")
    given = parser.parse_args()
    env = FlowEnvArgs(owner_id=given.owner, environment=given.environment)
    found = asyncio.run(examine(env))
    print(*found, sep="\n")
    sys.exit(0 if all(finding.good for finding in found) else 1)


if __name__ == "__main__":
    main()
