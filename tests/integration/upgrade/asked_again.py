"""Runs deployments one after the other in this process, each as a worker would in one of its own.

asked_again.py '[["flow/deployment", {"parameter": "value"}], ...]' prints the states that they end in.
"""

import asyncio
import json
import sys
from typing import Any

from prefect.client.orchestration import get_client
from prefect.flows import load_flow_from_entrypoint


async def ended(name: str, parameters: dict[str, Any]) -> dict[str, str]:
    """Run the flow that a deployment names, with its parameters, to its end."""
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(name)
    flow = load_flow_from_entrypoint(deployment.entrypoint or "")
    state = await flow(**deployment.parameters | parameters, return_state=True)
    return {"type": state.type.value, "name": state.name, "message": state.message}


async def all_ended(asked: list[tuple[str, dict[str, Any]]]) -> list[dict[str, str]]:
    """Run them one after the other."""
    return [await ended(*one) for one in asked]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(all_ended(json.loads(sys.argv[1])))))
