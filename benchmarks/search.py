"""What reading 100,000 items of a search costs: our client beside pystac-client as it is.

    python -m benchmarks.search [--items 100000] [--rounds 3] [--beside CHECKOUT] [--json]

A server in a process of its own gives pages of 1,000 that it made before. Each reading is a process of its
own, and its figures are of that process alone, without imports. Another checkout, given as `--beside`, reads
from the same server in the same rounds.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pystac_client import ItemSearch

from eoflows.base.http import HttpClient, Origin
from eoflows.stores.stac import SearchRequest, StacClient

_PAGE = 1000


class Api(BaseHTTPRequestHandler):
    """A STAC API that has made its pages before it is asked."""

    protocol_version = "HTTP/1.1"
    pages: tuple[bytes, ...] = ()
    url = ""

    def do_GET(self) -> None:
        """Answer the landing page."""
        self._answer(json.dumps({"links": [_link("search", self.url, {})]}).encode())

    def do_POST(self) -> None:
        """Answer the page that the body's token names."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._answer(self.pages[int(body.get("token", 0))])

    def _answer(self, document: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/geo+json")
        self.send_header("content-length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _link(rel: str, url: str, body: dict[str, str]) -> dict[str, object]:
    return {"rel": rel, "href": f"{url}/search", "method": "POST", "merge": True, "body": body}


def _page(first: int, last: int, items: int, url: str) -> bytes:
    """A page of orbit products, each about as large as a station writes them."""
    features = []
    for number in range(first, last):
        name = f"S1A_OPER_AUX_POEORB_OPOD_20250821T070650_V20250731T225942_20250802T005942_{number:07}"
        times = {"start_datetime": "2025-07-31T22:59:42.000Z", "end_datetime": "2025-08-02T00:59:42.000Z"}
        asset = {"href": f"{url}/files/{name}.EOF", "type": "application/xml", "roles": ["data"]}
        features.append(
            {
                "type": "Feature",
                "stac_version": "1.1.0",
                "stac_extensions": ["https://stac-extensions.github.io/file/v2.1.0/schema.json"],
                "id": name,
                "collection": "s1-aux",
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, -90]]],
                },
                "bbox": [-180, -90, 180, 90],
                "properties": times
                | {"datetime": None, "product:type": "AUX_POEORB", "platform": "sentinel-1a"},
                "links": [{"rel": "self", "href": f"{url}/collections/s1-aux/items/{name}"}],
                "assets": {"file": asset | {"file:size": 4_410_000, "file:checksum": "d50110" + "0" * 32}},
            }
        )
    links = [_link("next", url, {"token": str(last // _PAGE)})] if last < items else []
    page = {"type": "FeatureCollection", "features": features, "links": links, "numberMatched": items}
    return json.dumps(page).encode()


def serve(items: int) -> None:
    """Make the pages, print the address, and answer until stopped."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Api.url = f"http://127.0.0.1:{server.server_port}"
    Api.pages = tuple(
        _page(first, min(items, first + _PAGE), items, Api.url) for first in range(0, items, _PAGE)
    )
    print(Api.url, flush=True)
    server.serve_forever()


async def _ours(url: str) -> int:
    async with HttpClient(trusted=[Origin.of(url)]) as http:
        pages = StacClient(url, http, page_size=_PAGE).pages(SearchRequest())
        return sum([len(page) async for page in pages])


def _as_dicts(url: str) -> int:
    return sum(len(page["features"]) for page in ItemSearch(f"{url}/search", limit=_PAGE).pages_as_dicts())


def _as_items(url: str) -> int:
    return sum(1 for _ in ItemSearch(f"{url}/search", limit=_PAGE).items())


READERS = {
    "eoflows": lambda url: asyncio.run(_ours(url)),
    "pystac-client, pages as dicts": _as_dicts,
    "pystac-client, items": _as_items,
}


def measure(reader: str, url: str) -> dict[str, float]:
    """Read all items, and give what that cost."""
    started, used = time.monotonic(), time.process_time()
    items = READERS[reader](url)
    cpu, wall = time.process_time() - used, time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"items": items, "cpu_s": cpu, "wall_s": wall, "peak_rss_mb": peak}


@contextmanager
def served(items: int) -> Iterator[str]:
    """Run the server, and give its address."""
    command = [sys.executable, __file__, "--items", str(items), "--serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Print a row per reader: the median, and the least and most, of its rounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--beside", metavar="CHECKOUT", help="another checkout, whose client is measured as well"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, metavar=("READER", "URL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.items)
        return
    if given.measure:
        print(json.dumps(measure(*given.measure)))
        return
    readers = [(name, None) for name in READERS]
    readers += [("eoflows", given.beside)] if given.beside else []
    rows: dict[tuple[str, str | None], list[dict[str, float]]] = {one: [] for one in readers}
    with served(given.items) as url:
        for _ in range(given.rounds):
            for one in readers:
                rows[one].append(_measured(*one, url, given.items))
    for (name, checkout), rounds in rows.items():
        _show(name + (f" of {checkout}" if checkout else ""), rounds, as_json=given.json)


def _measured(reader: str, checkout: str | None, url: str, items: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", reader, url]
    place = {"PYTHONPATH": checkout} if checkout else {}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | place)
    row: dict[str, float] = json.loads(done.stdout)
    if row["items"] != items:
        raise SystemExit(f"{reader} read {row['items']} of {items} items")
    return row


def _show(name: str, rounds: list[dict[str, float]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"reader": name, "rounds": rounds}))
        return
    figures = {key: [one[key] for one in rounds] for key in ("cpu_s", "wall_s", "peak_rss_mb")}
    shown = (
        f"{key} {statistics.median(of):.2f} ({min(of):.2f} to {max(of):.2f})" for key, of in figures.items()
    )
    print(f"{name}: {', '.join(shown)}")


if __name__ == "__main__":
    main()
