"""Takes uploads in parts as S3 does, counts the bytes and drops them; it prints its address.

It ends with its input. moto, which the tests use, has an object four times in memory when its parts are
put together.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

_BLOCK = 1 << 20
_BEGUN = "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>'


class Sink(BaseHTTPRequestHandler):
    """Answers for one bucket."""

    protocol_version = "HTTP/1.1"
    parts: ClassVar[dict[int, int]] = {}
    whole: ClassVar[dict[str, int]] = {}

    def do_HEAD(self) -> None:
        """Describe an object."""
        size = self.whole.get(self._path)
        if size is None:
            self._answer(404)
        else:
            self._answer(200, size=size)

    def do_POST(self) -> None:
        """Begin an upload, or complete it."""
        self._drop()
        if "uploads" in self._query:
            self._answer(200, _BEGUN)
            return
        self.whole[self._path] = sum(self.parts.values())
        self._answer(200, _COMPLETED)

    def do_PUT(self) -> None:
        """Take a part."""
        number = int(self._query["partNumber"][0])
        self.parts[number] = self._drop()
        self._answer(200, etag=f'"part-{number}"')

    def _drop(self) -> int:
        length = left = int(self.headers.get("content-length", "0"))
        while left and (block := self.rfile.read(min(left, _BLOCK))):
            left -= len(block)
        return length - left

    @property
    def _path(self) -> str:
        return urlsplit(self.path).path

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _answer(self, status: int, page: str = "", *, size: int | None = None, etag: str = '"whole"') -> None:
        body = page.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body) if size is None else size))
        self.send_header("etag", etag)
        self.send_header("last-modified", "Sat, 01 Nov 2025 10:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("http://{}:{}".format(*server.server_address), flush=True)
    sys.stdin.read()
