"""A station whose products change, runs that stage from it, and what they leave in files and catalogue."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from eoflows.base.http import AddressPolicy, Keyring, Origin, RetryPolicy
from eoflows.products.staging import ItemRecord, Place, Stager, StagingReport, stage_pages
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.storage import LocalStorage, Storage
from eoflows.stores.transfer import Checksum, TransferEngine, TransferSettings
from eoflows.stores.transfer.room import Disks

PLACE = Place("demo", "aux")
Item = dict[str, Any]


def multihash(body: bytes, algorithm: str = "md5") -> str:
    return Checksum.of_bytes(body, algorithm).multihash()


@dataclass(frozen=True)
class Answer:
    """What a path answers; `before` is called first."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/octet-stream"),)
    sent: int | None = None
    before: Callable[[], None] = lambda: None


@dataclass
class Station:
    """Serves files; what a path gives may change at any time."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def item(self, name: str, at: str = "", *, promise: bool = True, **assets: bytes) -> Item:
        """Make an item and serve its assets.

        Args:
            name: Item id.
            at: Folder in the URL; another one has other files.
            promise: Whether sizes and checksums are told.
            assets: Bytes by asset key.
        """
        described = {}
        for key, body in assets.items():
            path = f"/{at or 0}/{name}/{key}"
            self.answers[path] = Answer(body)
            told = {"file:size": len(body), "file:checksum": multihash(body)} if promise else {}
            described[key] = {"href": self.url + path, **told}
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": name,
            "collection": "c",
            "geometry": None,
            "links": [],
            "properties": {"datetime": "2025-01-01T00:00:00Z"},
            "assets": described,
        }


class _Server(ThreadingHTTPServer):
    """A client that hangs up is no news; one that was killed does."""

    daemon_threads = True
    # A crowd of connections at once.
    request_queue_size = 128
    station: Station

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        station = self.server.station
        station.asked.append(self.path)
        answer = station.answers.get(self.path, Answer(b"no such file", 404))
        answer.before()
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: answer.sent])
        if answer.sent is not None:
            self.close_connection = True


@contextmanager
def served_station() -> Iterator[Station]:
    """Serve a station on a port of its own."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.station = Station(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.station
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Shop:
    """What a run needs; several may be open on one folder, as several processes are."""

    folder: Path
    catalog: LocalCatalog
    stager: Stager

    async def run(self, *items: Item, **options: Any) -> dict[str, ItemRecord]:
        """Stage items, and give the outcome of each."""

        async def pages() -> AsyncIterator[list[Item]]:
            yield list(items)

        with StagingReport() as report:
            await stage_pages(pages(), self.stager, report, **options)
        return {record.item: record for record in (*report.others, *report.failures)}


@asynccontextmanager
async def opened_shop(
    folder: Path,
    url: str,
    *,
    storage: Storage | None = None,
    retry: RetryPolicy | None = None,
    disks: Disks | None = None,
    **settings: Any,
) -> AsyncIterator[Shop]:
    """Open a shop on a folder."""
    os.makedirs(folder, exist_ok=True)
    policy = AddressPolicy([Origin.of(url)])
    patience = retry or RetryPolicy(attempts=2, base=0.001)
    how = TransferSettings(**{"threads": 2} | settings)
    engine = TransferEngine(how, Keyring(), policy, patience, disks=disks or Disks())
    storage = storage or LocalStorage(folder / "storage")
    async with engine, LocalCatalog(folder / "catalog.sqlite") as catalog:
        yield Shop(folder, catalog, Stager(PLACE, catalog, storage, engine))


@dataclass(frozen=True)
class Left:
    """What is left in a folder.

    Attributes:
        bodies: By item and asset key, the bytes that the record's href leads to.
        wrong: Records that do not say what is there.
        strays: Files that no record names, below the storage.
    """

    bodies: dict[str, dict[str, bytes]]
    wrong: list[str]
    strays: list[str]


async def left_in(folder: Path) -> Left:
    """Read catalogue and files."""
    bodies: dict[str, dict[str, bytes]] = {}
    wrong, named = [], set[Path]()
    async with LocalCatalog(folder / "catalog.sqlite") as catalog:
        items = [item async for page in catalog.search([PLACE.catalog_collection]) for item in page]
    for item in items:
        for key, asset in item["assets"].items():
            path = Path(unquote(urlsplit(asset["href"]).path))
            named.add(path)
            body = _read(path)
            told = Checksum.parse(asset["file:checksum"])
            if body is None or len(body) != asset["file:size"] or not _proves(told, body):
                wrong.append(f"{item['id']}/{key}: {asset['href']}")
            else:
                bodies.setdefault(item["id"], {})[key] = body
    root = folder / "storage"
    files = [path for path in root.rglob("*") if path.is_file()] if root.exists() else []
    return Left(
        bodies, wrong, sorted(path.relative_to(root).as_posix() for path in files if path not in named)
    )


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _proves(told: Checksum, body: bytes) -> bool:
    return Checksum.of_bytes(body, told.algorithm) == told


def versions(url: str, number: int) -> Item:
    """Describe the first or second version of a product of two assets, without serving it."""
    bodies = {key: version_body(key, number) for key in ("a", "b")}
    return Station(url).item("P", f"v{number}", **bodies)


def version_body(key: str, number: int) -> bytes:
    return f"{key} of version {number}".encode() * 1000


async def _stage(folder: Path, url: str, number: int) -> dict[str, ItemRecord]:
    async with opened_shop(folder, url) as shop:
        return await shop.run(versions(url, number))


def replaced(name: str, root: str, url: str) -> None:
    """Stage the first version and then the second; the test kills this at each step."""
    for number in (1, 2):
        asyncio.run(_stage(Path(root) / name, url, number))


def completed(name: str, root: str, url: str) -> dict[str, Any]:
    """Say what a killed run left, then stage the second version and say what is left by that."""
    folder = Path(root) / name
    before = asyncio.run(left_in(folder)) if (folder / "catalog.sqlite").exists() else Left({}, [], [])
    outcomes = asyncio.run(_stage(folder, url, 2))
    after = asyncio.run(left_in(folder))
    return {
        "before": _number(before),
        "wrong": before.wrong + after.wrong,
        "outcome": outcomes["P"].outcome,
        "after": _number(after),
        "strays": after.strays,
    }


def _number(left: Left) -> int | str:
    """Which version is there whole: 0 is none."""
    if "P" not in left.bodies:
        return 0
    whole = [n for n in (1, 2) if left.bodies["P"] == {key: version_body(key, n) for key in ("a", "b")}]
    return whole[0] if whole else "mixed"
