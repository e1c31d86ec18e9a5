"""What a product costs through the `aux-staging` deployment: first staging, and run again.

    python -m benchmarks.deployment [--sizes 100 1000 10000]

A private installation is started (sandbox, Prefect server on SQLite, one worker). Seconds are those
of the flow run, from its first line to its end.
"""

import argparse
import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.stream import TYPE, write_list
from eoflows.deployments.stack import Stack, StackOptions

DEPLOYMENT = "aux-staging/sandbox"
ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


async def staged(api: httpx.AsyncClient, size: int) -> float:
    """Run the deployment for `size` products and give its seconds."""
    deployment = (await api.get(f"/deployments/name/{DEPLOYMENT}")).raise_for_status().json()
    search = {"filter": TYPE, "sortby": "-created", "limit": size}
    parameters = deployment["parameters"] | {
        "cql2_filter": search,
        "catalog_collection_identifier": f"bench-{size}",
    }
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    created = await api.post(f"/deployments/{deployment['id']}/create_flow_run", json=body)
    run: dict[str, Any] = created.raise_for_status().json()
    while run["state_type"] not in ENDED:
        await asyncio.sleep(0.2)
        run = (await api.get(f"/flow_runs/{run['id']}")).raise_for_status().json()
    if run["state_type"] != "COMPLETED":
        raise SystemExit(f"the run ended {run['state_type']}: {run['state']['message']}")
    start, end = (datetime.fromisoformat(run[key]) for key in ("start_time", "end_time"))
    return (end - start).total_seconds()


async def measure(sizes: list[int]) -> None:
    """Print a row per size."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "products.jsonl"
        write_list(listed, max(sizes))
        options = StackOptions(sandbox=["--days", "1", "--load", str(listed)])
        async with (
            Stack(Path(folder) / "stack", options) as stack,
            httpx.AsyncClient(base_url=stack.urls.api, timeout=60, trust_env=False) as api,
        ):
            print("| products | first run s | ms a product | again s | ms a product |\n|---|---|---|---|---|")
            for size in sizes:
                first, again = await staged(api, size), await staged(api, size)
                cells = (
                    f"{first:.1f}",
                    f"{1000 * first / size:.1f}",
                    f"{again:.1f}",
                    f"{1000 * again / size:.2f}",
                )
                print(f"| {size:,} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployment", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    asyncio.run(measure(parser.parse_args().sizes))


if __name__ == "__main__":
    main()
