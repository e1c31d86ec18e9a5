"""Bytes mean what they say: codings, continuations, and pages in place of products."""

import gzip
import hashlib
import random
import zlib
from typing import Any

import pytest
from hostile_server import Reply

from eoflows.base.errors import ContractError, EoError
from eoflows.stores.transfer import Checksum

pytestmark = pytest.mark.anyio

PLAIN = b"some lines of a product that packs well\n" * 4000
LARGE = random.Random(5).randbytes(400_000) * 4
PACKED = {
    "gzip": gzip.compress(PLAIN),
    "x-gzip": gzip.compress(PLAIN[:1000]) + gzip.compress(PLAIN[1000:]),
    "deflate": zlib.compress(PLAIN),
}
LOGIN = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>token=abc123</body></html>"
XML = b'<?xml version="1.0"?>\n<Earth_Explorer_File><Data/></Earth_Explorer_File>'
REFUSED = b'<?xml version="1.0"?><!-- x --><Error><Code>NoSuchKey</Code></Error>'
JSON = b'{"type": "FeatureCollection", "features": []}'
JSON_REFUSED = b'{"errors": ["quota"]}'
BINARY = b"PK\3\4" + bytes(100)


def md5(body: bytes) -> Checksum:
    return Checksum("md5", hashlib.md5(body).digest())


async def came(engine, download) -> bytes | str:
    """Give the bytes of the file, or the error; either way nothing else is left."""
    try:
        async with engine:
            await engine.fetch(download)
    except EoError as error:
        assert not download.path.exists()
        return f"{type(error).__name__}: {error}"
    folder = download.path.parent
    assert [path.name for path in folder.iterdir()] == [download.path.name]
    return download.path.read_bytes()


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("promise", ["nothing", "size", "checksum", "both"])
async def test_a_coding_that_nobody_asked_for_is_undone(server, engine_for, want, coding, promise):
    server.routes["/f"] = lambda reply: reply.send(200, PACKED[coding], content_encoding=coding, etag='"e"')
    promised: dict[str, Any] = {}
    if promise in ("size", "both"):
        promised["size"] = len(PLAIN)
    if promise in ("checksum", "both"):
        promised["checksums"] = (md5(PLAIN),)
    assert await came(engine_for(server), want(None, server.url + "/f", name="p.dat", **promised)) == PLAIN


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_a_checksum_of_the_packed_bytes_keeps_them_packed(server, engine_for, want, coding):
    body = gzip.compress(PLAIN)
    server.routes["/f"] = lambda reply: reply.send(200, body, content_encoding=coding)
    assert await came(engine_for(server), want(body, server.url + "/f", name="p.json")) == body
    assert len(server.log) == 1


async def test_what_is_packed_by_its_name_stays_so(server, engine_for, want):
    body = gzip.compress(PLAIN)
    server.routes["/f"] = lambda reply: reply.send(200, body, content_encoding="x-gzip")
    assert await came(engine_for(server), want(None, server.url + "/f", name="p.tgz")) == body


BAD = [
    ("br", b"\x0b\x02\x80hello\x03"),
    ("gzip", PLAIN),
    ("gzip", gzip.compress(PLAIN)[:-20]),
    ("gzip, br", PLAIN),
]


@pytest.mark.parametrize(("coding", "body"), BAD)
@pytest.mark.parametrize("promise", [True, False])
async def test_a_coding_that_cannot_be_undone_is_said(server, engine_for, want, coding, body, promise):
    server.routes["/f"] = lambda reply: reply.send(200, body, content_encoding=coding)
    wanted = LARGE if promise else None
    said = await came(engine_for(server), want(wanted, server.url + "/f", name="p.json"))
    assert "IntegrityError: content-encoding of p.json" in said


async def test_a_bomb_is_not_unpacked_further_than_allowed(server, engine_for, want):
    bomb = gzip.compress(bytes(50_000_000), 1)
    server.routes["/f"] = lambda reply: reply.send(200, bomb, content_encoding="gzip")
    said = await came(engine_for(server, most_bytes=2_000_000), want(None, server.url + "/f", name="p.json"))
    assert "more than 2000000" in said


@pytest.mark.parametrize(
    "headers", [{}, {"etag": '"other"'}, {"last_modified": "Mon, 01 Jan 2024 00:00:00 GMT"}]
)
async def test_a_206_without_our_validator_is_no_continuation(server, engine_for, want, headers):
    other = LARGE[::-1]
    asked: list[str] = []

    async def answer(reply: Reply) -> None:
        given = reply.request.headers.get("range", "")
        asked.append(given)
        if not given:
            await reply.part_of(LARGE, 1_200_000 if len(asked) < 4 else len(LARGE))
            reply.writer.close()
            return
        start = int(given.removeprefix("bytes=").rstrip("-"))
        span = f"bytes {start}-{len(other) - 1}/{len(other)}"
        await reply.send(206, other[start:], content_range=span, **headers)

    server.routes["/f"] = answer
    # Nothing but the validator can tell that the rest is another's.
    assert await came(engine_for(server), want(None, server.url + "/f", size=len(LARGE))) == LARGE
    # A source that once sent a wrong continuation is asked for the whole.
    assert asked == ["", "bytes=1200000-", "", ""]


PAGES = [
    (LOGIN, "product.zip", "", False),
    (LOGIN, "product", "", False),
    (LOGIN, "product", "application/xml", False),
    (LOGIN, "manifest.xml", "", False),
    (LOGIN, "quicklook", "text/html", True),
    (LOGIN, "page.html", "", True),
    (XML, "product", "", True),
    (XML, "S1A.EOF", "application/octet-stream", True),
    (XML, "product", "application/xml", True),
    (XML, "product", "application/vnd.google-earth.kml+xml", True),
    (XML, "product.zip", "", False),
    (XML, "product", "application/zip", False),
    (XML, "product", "image/tiff; application=geotiff", False),
    (REFUSED, "S1A.EOF", "application/xml", False),
    (REFUSED, "product", "", False),
    (JSON, "a.geojson", "", True),
    (JSON, "a", "application/geo+json", True),
    (JSON, "a", "application/x-netcdf", False),
    (JSON, "a.nc", "", False),
    (JSON_REFUSED, "a.json", "application/json", False),
    (BINARY, "a.json", "application/json", True),
    (BINARY, "a.zip", "application/zip", True),
    (b"", "a.zip", "application/zip", True),
]


@pytest.mark.parametrize(("body", "name", "kind", "taken"), PAGES)
@pytest.mark.parametrize(
    ("sized", "calls_itself"), [(True, "application/octet-stream"), (False, "text/html")]
)
async def test_pages_and_refusals_are_no_products(
    server, engine_for, want, body, name, kind, taken, sized, calls_itself
):
    server.routes["/f"] = lambda reply: reply.send(200, body, content_type=calls_itself)
    promised = {"size": len(body)} if sized else {}
    got = await came(engine_for(server), want(None, server.url + "/f", name=name, kind=kind, **promised))
    if taken:
        assert got == body
    else:
        assert "IntegrityError: error page" in got
        assert "abc123" not in got


async def test_what_a_checksum_proves_is_taken_whatever_it_looks_like(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.send(200, LOGIN, content_type="text/html")
    assert await came(engine_for(server), want(LOGIN, server.url + "/f", name="product.zip")) == LOGIN


async def test_an_offline_product_is_said_to_be_offline(server, engine_for, want):
    body = b'{"detail": "product is offline, ordered"}'
    server.routes["/f"] = lambda reply: reply.send(202, body, content_type="application/json")
    with pytest.raises(ContractError, match=r"not there yet.*ordered.*run again later"):
        async with engine_for(server) as engine:
            await engine.fetch(want(None, server.url + "/f"))
    assert len(server.log) == 1
