"""What the doctor says of the leases of a server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from eoflows.tasks.check import findings, leases

pytestmark = pytest.mark.anyio

FILES = "prefect.server.concurrency.lease_storage.filesystem"
REDIS = "prefect_redis.lease_storage"


async def test_a_server_that_keeps_them_in_memory_needs_attention(place) -> None:
    found = (await findings(place.env))[0]
    assert (found.subject, found.good) == ("leases", False)
    assert "forgets them at a restart" in found.line
    assert f"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE={FILES}" in found.advice


@pytest.mark.parametrize("storage", [FILES, REDIS])
async def test_what_outlives_a_restart_is_well(storage: str) -> None:
    with server(200, {"server": {"concurrency": {"lease_storage": storage}}}):
        found = await leases()
    assert found.good
    assert str(found) == f"ok  leases: outlive a restart of the server: {storage}"


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [(404, {"detail": "Not Found"}, "404"), (403, {}, "403"), (200, {"server": {}}, "something else")],
)
async def test_what_a_server_does_not_tell_is_said(status: int, answer: Any, told: str) -> None:
    with server(status, answer):
        found = await leases()
    assert f"cannot be known: GET /admin/settings answered {told}" in found.line
    assert found.advice.startswith("if the server is yours, ")


@contextmanager
def server(status: int, answer: Any) -> Iterator[None]:
    """Serve one answer as Prefect's API."""
    body = json.dumps(answer).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{http.server_port}/api"
        try:
            with temporary_settings({PREFECT_API_URL: url}):
                yield
        finally:
            http.shutdown()
            thread.join()
