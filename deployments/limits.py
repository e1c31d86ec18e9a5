"""Sets how many connections all runs together may have to a host.

    python -m eoflows.deployments.limits stac.dataspace.copernicus.eu=4 station.example.org=8

Applied again it changes what differs; hosts that are not named keep theirs. It talks to the Prefect server of
`PREFECT_API_URL`.
"""

import argparse
import asyncio
from collections.abc import Mapping

from prefect.client.orchestration import get_client

from eoflows.tasks.limits import PREFIX

__all__ = ["apply"]


async def apply(limits: Mapping[str, int]) -> None:
    """Set the limits, by host."""
    async with get_client() as client:
        for host, limit in limits.items():
            await client.upsert_global_concurrency_limit_by_name(f"{PREFIX}{host}", limit)


def _limit(text: str) -> tuple[str, int]:
    host, _, number = text.partition("=")
    if not host or not number.isdecimal() or int(number) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not like stac.example.org=4")
    return host, int(number)


def main() -> None:
    """Read the command line and apply."""
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.deployments.limits",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("limit", nargs="*", type=_limit, metavar="HOST=NUMBER")
    asyncio.run(apply(dict(parser.parse_args().limit)))


if __name__ == "__main__":
    main()
