"""Stations as a stranger may run them, drawn from a seed: what they have, and how they serve it.

`Station` is a server of its own and knows nothing of our code. `judged` reads its log, the files, the
catalogue's rows and the run's table, and nothing else.
"""

import hashlib
import json
import random
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Odd = Callable[[dict[str, Any]], Any]


def deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"a": found}
    return found


def with_asset(**fields: Any) -> Odd:
    return lambda item: {**item, "assets": {"f": {**item["assets"]["f"], **fields}}}


def with_properties(**fields: Any) -> Odd:
    return lambda item: {**item, "properties": {**item["properties"], **fields}}


def without(name: str) -> Odd:
    return lambda item: {key: value for key, value in item.items() if key != name}


BAD: dict[str, Odd] = {
    "no assets": without("assets"),
    "assets null": lambda item: {**item, "assets": None},
    "assets a list": lambda item: {**item, "assets": [item["assets"]["f"]]},
    "no id": without("id"),
    "id a number": lambda item: {**item, "id": 5},
    "no properties": without("properties"),
    "properties a text": lambda item: {**item, "properties": "x"},
    "no time": with_properties(datetime=None),
    "time a list": with_properties(datetime=[1]),
    "a day that is none": with_properties(datetime="2025-02-30T00:00:00Z"),
    "created a number": with_properties(created=5),
    "deep": with_properties(x=deep(600)),
    "very deep": with_properties(x=deep(900)),
    "half a character": with_properties(x="\ud800"),
    "extensions a number": lambda item: {**item, "stac_extensions": 5},
    "links a text": lambda item: {**item, "links": "x"},
    "collection a list": lambda item: {**item, "collection": ["c"]},
    "not an object": lambda _: "x",
    "null": lambda _: None,
    "an asset that is none": lambda item: {**item, "assets": {**item["assets"], "g": 5}},
    "href a list": with_asset(href=["x"]),
    "href nowhere": with_asset(href="http://[x"),
    "no file": with_asset(href="/files/absent"),
    "size a text": with_asset(**{"file:size": "many"}),
    "another size": with_asset(**{"file:size": 3}),
    "checksum junk": with_asset(**{"file:checksum": "zz"}),
}
"""What is wrong with an item that cannot be staged."""

FINE: dict[str, Odd] = {
    "as it should be": lambda item: item,
    "a broken link": lambda item: {
        **item,
        "links": [{"rel": "license", "href": "http://[x"}, 5, {"rel": ["x"]}],
    },
    "a form": lambda item: {**item, "assets": {**item["assets"], "form": {"title": "form"}}},
    "a number that is none": lambda item: {**item, "bbox": [float("nan"), 1e999, 0, 0]},
    "a large number": with_properties(x=10**40),
    "a leap second": with_properties(datetime="2016-12-31T23:59:60Z"),
    "many digits": with_properties(datetime="2025-01-01T00:00:00.12345678901234Z"),
    "an open end": with_properties(datetime=None, start_datetime="2025-01-01", end_datetime=None),
    "an offset": with_properties(datetime="2025-01-01T00:00:00+05:30"),
    "geometry a text": lambda item: {**item, "geometry": "POINT"},
    "a fault of its own": lambda item: {**item, "eoflows:fault": "theirs"},
    "no links": without("links"),
}
"""What is odd about an item that can."""


@dataclass
class Station:
    """A STAC API, by a seed.

    Attributes:
        kept: All it has: what of, and the item as it is served.
        log: Requests, as method, path and the names of what it answered.
    """

    seed: int
    kept: list[tuple[str, str, Any]] = field(default_factory=list)
    log: list[tuple[str, str, list[str]]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = self.chance = random.Random(self.seed)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.method = chance.choice(["POST", "GET", "unsaid", "a lie"])
        self.paging = chance.choice(["merge", "whole", "get", "header", "page number"])
        if self.method in ("GET", "a lie"):
            self.paging = "get"
        self.slash = chance.choice(["with", "without", "both"])
        self.most = chance.choice([1, 3, 10, 1000])
        self.refusal = chance.choice([400, 413, 422, 502])
        self.size = chance.choice([2, 5, 100])
        self.counts = chance.random() < 0.7
        self.trouble = chance.choice(["", "", "overlaps", "overlaps always", "stops", "repeats", "sorts not"])
        for number in range(chance.randint(1, 12)):
            bad = chance.random() < 0.3
            what, name = chance.choice(sorted(BAD if bad else FINE)), f"P{number:02}"
            if what in ("null", "not an object") and any(what == other for other, _, _ in self.kept):
                # Two of those are one: nothing tells them apart.
                what = "no assets"
            item = self._item(name, alone=what in ("no links", "a broken link"))
            self.kept.append((what, name, (BAD if bad else FINE)[what](item)))
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def _item(self, name: str, *, alone: bool) -> dict[str, Any]:
        """An item; one that is alone does not tell its address, and has whole hrefs."""
        body = name.encode() * self.chance.randint(1, 400)
        self.files[f"/files/{name}/f.dat"] = body
        whole = f"{self.url}/files/{name}/f.dat"
        href = whole if alone else self.chance.choice([whole, "f.dat", "./f.dat", f"/files/{name}/f.dat"])
        asset: dict[str, Any] = {"href": href}
        if self.chance.random() < 0.7:
            asset |= {"file:size": len(body), "file:checksum": "d50110" + hashlib.md5(body).hexdigest()}
        links = [] if alone else [{"rel": "self", "href": f"{self.url}/files/{name}/item.json"}]
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": name,
            "collection": "c",
            "geometry": None,
            "links": links,
            "properties": {"datetime": "2025-01-01T00:00:00Z"},
            "assets": {"f": asset},
        }

    def landing(self, path: str) -> Any:
        if self.slash != "both" and path.endswith("/") != (self.slash == "with"):
            return None
        method = {"unsaid": {}, "a lie": {"method": "POST"}}.get(self.method, {"method": self.method})
        links = [
            {"rel": "search", "href": f"{self.url}/api/search", "type": "application/geo+json", **method}
        ]
        if self.chance.random() < 0.3:
            links.insert(0, {"rel": "search", "href": f"{self.url}/api/page", "type": "text/html"})
        return {"type": "Catalog", "links": links}

    def search(self, method: str, query: dict[str, Any], header: str) -> tuple[int, Any, list[str]]:
        """Answer a search: the status, the document, and the names of the items in it."""
        if method == "POST" and self.method in ("GET", "a lie"):
            return 405, {"detail": "Method Not Allowed"}, []
        limit, first = int(query.get("limit", 10)), int(query.get("token") or 0)
        if limit > self.most:
            return self.refusal, {"detail": "no"}, []
        if "sortby" in query and self.trouble == "sorts not":
            return 400, {"detail": "no"}, []
        if self.paging == "header" and first and header != str(first):
            return 400, {"detail": "header x-page is missing"}, []
        number = first if self.paging == "page number" else None
        size = min(limit, self.size)
        start = first if number is None else number * size
        sorted_now = "sortby" in query
        if start and (self.trouble == "overlaps always" or (self.trouble == "overlaps" and not sorted_now)):
            page = self.kept[start - 1 : start + size - 1]
        elif self.trouble == "repeats":
            page = self.kept[:size]
        else:
            page = self.kept[start : start + size]
        ended = start + size >= len(self.kept) and self.trouble != "repeats"
        if self.trouble == "stops" and start + size < len(self.kept) and start:
            ended = True
        found: dict[str, Any] = {
            "type": "FeatureCollection",
            "features": [item for _, _, item in page],
            "links": [],
        }
        if self.counts:
            found["numberMatched"] = len(self.kept)
        if not ended:
            found["links"].append(self._next(query, start + size if number is None else number + 1))
        return 200, found, [name for _, name, _ in page]

    def _next(self, query: dict[str, Any], token: int) -> dict[str, Any]:
        href = f"{self.url}/api/search"
        if self.paging == "get":
            kept = {
                key: value
                for key, value in query.items()
                if key in ("limit", "sortby") and isinstance(value, str)
            }
            kept |= {"limit": str(query.get("limit", 10))} | ({"sortby": "+id"} if "sortby" in query else {})
            return {"rel": "next", "href": f"{href}?{urlencode(kept | {'token': token})}"}
        link = {"rel": "next", "href": href, "method": "POST", "body": {"token": token}, "merge": True}
        if self.paging == "whole":
            return link | {"body": query | {"token": token}, "merge": False}
        return link | ({"headers": {"x-page": str(token)}} if self.paging == "header" else {})

    @property
    def overlapping(self) -> bool:
        return self.trouble.startswith("overlaps")


def _handler(station: Station) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: between two there may be a wait.
        wbufsize = 65536

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response_only(status)
            self.send_header("date", formatdate(usegmt=True))
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def document(self, status: int, document: Any) -> None:
            self.answer(status, json.dumps(document).encode(), "application/json")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            self.found("POST", urlsplit(self.path).path, body)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self.found("GET", parts.path, {key: value[0] for key, value in parse_qs(parts.query).items()})

        def found(self, method: str, path: str, query: dict[str, Any]) -> None:
            if path in station.files:
                station.log.append((method, path, []))
                return self.answer(200, station.files[path], "application/octet-stream")
            if path == "/api/search":
                status, document, names = station.search(method, query, self.headers.get("x-page", ""))
                station.log.append((method, self.path, names))
                return self.document(status, document)
            landing = station.landing(path) if path in ("/api", "/api/") else None
            return self.document(200 if landing else 404, landing or {"detail": "Not Found"})

    return Handler


def judged(station: Station, folder: Path, cut: bool, table: Path) -> list[str]:
    """Say what a run did wrong, from what it left behind."""
    faults: list[str] = []
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    outcomes: dict[str, list[dict[str, Any]]] = {}
    for row in rows[:-1]:
        outcomes.setdefault(row["item"], []).append(row)
    failed = [row for row in rows[:-1] if row["outcome"] == "failed"]
    given = {name for _, path, names in station.log if "/api/search" in path for name in names}
    records = _records(folder / "catalog.sqlite")
    good = {name for what, name, _ in station.kept if what in FINE}
    bad = {name for what, name, _ in station.kept if what in BAD and name in given}
    for name in sorted(good & given):
        if [row["outcome"] for row in outcomes.get(name, [])] != ["staged"] or name not in records:
            faults.append(f"{name} is good and came: {outcomes.get(name)}")
            continue
        path = Path(records[name]["assets"]["f"]["href"].removeprefix("file://"))
        if path.read_bytes() != station.files[f"/files/{name}/f.dat"]:
            faults.append(f"{name} has other bytes than its station")
        if set(records[name]["assets"]) != {"f"}:
            faults.append(f"{name} has the assets {sorted(records[name]['assets'])}")
    if set(records) - good:
        faults.append(f"published, and not good: {sorted(set(records) - good)}")
    if len(failed) < len(bad) or not all(row["reason"] for row in failed):
        faults.append(f"{len(bad)} cannot be staged, and {[(row['item'], row['reason']) for row in failed]}")
    everything = {name for _, name, _ in station.kept}
    if (
        given != everything
        and not cut
        and (station.counts or station.overlapping or station.trouble == "repeats")
    ):
        faults.append(f"called complete without {sorted(everything - given)}")
    if given == everything and cut and station.counts and not station.trouble:
        faults.append("called cut, and all came")
    if len(station.log) > 40 + 12 * len(station.kept):
        faults.append(f"{len(station.log)} requests for {len(station.kept)} items")
    stray = [
        path for path in folder.rglob("*") if path.is_file() and not _belongs(path.relative_to(folder), good)
    ]
    return faults + [f"a file of nobody: {path}" for path in stray]


def _records(catalog: Path) -> dict[str, dict[str, Any]]:
    database = sqlite3.connect(catalog)
    try:
        found = database.execute("SELECT id, doc FROM items").fetchall()
    finally:
        database.close()
    return {name: json.loads(document) for name, document in found}


def _belongs(path: Path, good: set[str]) -> bool:
    if path.parts[0] != "storage":
        return path.name.startswith(("catalog.sqlite", "table.jsonl"))
    return path.parts[:3] == ("storage", "demo", "c") and path.parts[3] in good
