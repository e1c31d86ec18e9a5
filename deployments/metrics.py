"""Figures of an installation in Prometheus's text format, read from ledger and catalogue.

    python -m eoflows.deployments.metrics --ledger default [--environment NAME --owner OWNER] [--bytes]
    python -m eoflows.deployments.metrics --ledger default --port 9464

Without --port it prints them once, for node_exporter's textfile collector. Blocks are those of the Prefect
server of `PREFECT_API_URL`. docs/operations.md lists the figures.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from eoflows.base.errors import EoError, public_url
from eoflows.jobs.ledger import Balance, Figures
from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.environment import opened
from eoflows.tasks.servers import open_desk

__all__ = ["Family", "exposition", "read_all", "serve"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Samples = Sequence[tuple[Mapping[str, str], float]]


@dataclass(frozen=True)
class Family:
    """One figure with its samples: labels and value of each."""

    name: str
    help: str
    samples: Samples
    type: str = "gauge"


def exposition(families: Iterable[Family]) -> str:
    """Write figures in Prometheus's text format 0.0.4."""
    lines = []
    for family in families:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.type}"]
        for labels, value in family.samples:
            shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(f"{family.name}{{{shown}}} {value:.15g}" if shown else f"{family.name} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


async def read_all(ledgers: Sequence[str], env: FlowEnvArgs | None, *, sizes: bool = False) -> list[Family]:
    """Read all figures; a ledger or catalogue that cannot be read is down, and harms no other.

    Args:
        ledgers: Names of Job Ledger blocks.
        env: Whose products are counted, and in which environment; None: nobody's.
        sizes: Whether their bytes are counted too, which lists the whole storage.
    """
    families: list[Family] = []
    up: list[tuple[Mapping[str, str], float]] = []
    for name in ledgers:
        up.append(await _try({"ledger": name}, families, partial(_ledger, name)))
    if env is not None:
        where = {"environment": env.environment, "owner": env.owner_id}
        up.append(await _try(where, families, partial(_products, env, sizes=sizes)))
    state = Family("eoflows_up", "Whether a ledger or catalogue could be read.", up)
    return [state, *_merged(families)]


async def _try(
    where: Mapping[str, str], families: list[Family], read: Callable[[], Awaitable[list[Family]]]
) -> tuple[Mapping[str, str], float]:
    try:
        families += await read()
    except EoError:
        return where, 0.0
    return where, 1.0


def _merged(families: Iterable[Family]) -> list[Family]:
    """Put the samples of one figure together, whatever ledger they come from."""
    merged: dict[str, Family] = {}
    for one in families:
        known = merged.get(one.name)
        samples = [*(known.samples if known else ()), *one.samples]
        merged[one.name] = Family(one.name, one.help, samples, one.type)
    return list(merged.values())


async def _ledger(name: str) -> list[Family]:
    async with open_desk(name) as desk:
        figures, balances = await desk.ledger.figures(), await desk.ledger.balances()
    return [*_jobs(name, figures), *_endpoints(name, figures), _budgets(name, balances)]


def _jobs(name: str, figures: Figures) -> list[Family]:
    def by_service(values: Mapping[str, float]) -> Samples:
        return [({"ledger": name, "service": service}, value) for service, value in values.items()]

    return [
        Family(
            "eoflows_jobs",
            "Jobs by service and phase.",
            [
                ({"ledger": name, "service": service, "phase": phase}, number)
                for (service, phase), number in figures.jobs.items()
            ],
        ),
        Family(
            "eoflows_results_wanted",
            "Jobs whose results are not fetched yet.",
            by_service(figures.wanted),
        ),
        Family("eoflows_results_bytes", "Bytes of the results that were fetched.", by_service(figures.bytes)),
        Family("eoflows_result_files", "Files of the results that were fetched.", by_service(figures.files)),
        Family("eoflows_jobs_untold", "Ends that were not told yet.", [({"ledger": name}, figures.untold)]),
    ]


def _endpoints(name: str, figures: Figures) -> list[Family]:
    return [
        Family(
            "eoflows_endpoint_failures",
            "Rounds in a row in which an endpoint did not answer.",
            [
                ({"ledger": name, "service": service, "endpoint": public_url(endpoint)}, failures)
                for (service, endpoint), failures in figures.failures.items()
            ],
        )
    ]


def _budgets(name: str, balances: Iterable[Balance]) -> Family:
    samples = [
        ({"ledger": name, "budget": one.name, "kind": kind}, float(credits))
        for one in balances
        for kind, credits in (("limit", one.credits), ("reserved", one.reserved), ("spent", one.spent))
    ]
    return Family("eoflows_budget_credits", "Credits of budgets in their present period.", samples)


async def _products(env: FlowEnvArgs, *, sizes: bool) -> list[Family]:
    mark = {"environment": env.environment, "owner": env.owner_id}
    async with opened(env, writable=False) as flow_env:
        collections = await flow_env.catalog.collections()
        items = [({**mark, "collection": one.id}, float(one.items)) for one in collections]
        families = [Family("eoflows_products", "Items of the catalogue by collection.", items)]
        if sizes:
            found: dict[str, int] = {}
            async for page in flow_env.storage.list(f"{env.owner_id}/"):
                for one in page:
                    folder = one.key.split("/")[1]
                    found[folder] = found.get(folder, 0) + one.size
            stored = [({**mark, "collection": name}, float(size)) for name, size in found.items()]
            families.append(Family("eoflows_stored_bytes", "Bytes in the storage by collection.", stored))
    return families


def serve(host: str, port: int, read: Callable[[], Awaitable[list[Family]]]) -> ThreadingHTTPServer:
    """Open a server that reads the figures anew for each question at `/metrics`.

    Args:
        host: Address to listen on.
        port: Its port; 0 takes a free one.
        read: Reads the figures.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            body = exposition(asyncio.run(_awaited(read))).encode()
            self.send_response(200)
            self.send_header("content-type", CONTENT_TYPE)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: object) -> None:
            pass

    return ThreadingHTTPServer((host, port), Handler)


async def _awaited(read: Callable[[], Awaitable[list[Family]]]) -> list[Family]:
    return await read()


def main() -> None:
    """Read the command line, then print or serve."""
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.deployments.metrics",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--ledger", action="append", default=[], help="Job Ledger block; may be repeated")
    parser.add_argument("--environment", help="EO Environment block whose products are counted")
    parser.add_argument("--owner", help="owner of the products")
    parser.add_argument("--bytes", action="store_true", help="count their bytes: lists the whole storage")
    parser.add_argument("--port", type=int, help="serve on this port; without it, print once")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    given = parser.parse_args()
    if (given.environment is None) != (given.owner is None):
        parser.error("--environment and --owner go together")
    env = given.owner and FlowEnvArgs(owner_id=given.owner, environment=given.environment)

    async def read() -> list[Family]:
        return await read_all(given.ledger, env, sizes=given.bytes)

    if given.port is None:
        print(exposition(asyncio.run(read())), end="")
        return
    with serve(given.host, given.port, read) as server:
        print(f"http://{given.host}:{server.server_port}/metrics", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
