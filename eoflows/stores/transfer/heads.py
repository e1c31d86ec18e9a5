"""Reading the head of an HTTP answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Head"]

_RANGE = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """Status and headers.

    Attributes:
        status: HTTP status; 0 if the answer had no status line.
        headers: By lower-case name; the last of several wins.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, lines: Sequence[bytes]) -> "Head":
        """Read header lines as they arrived; interim answers (1xx) before the last head are skipped."""
        status = 0
        headers: dict[str, str] = {}
        for line in b"".join(lines).decode("latin-1").split("\n"):
            if line.startswith("HTTP/"):
                code = line.split(None, 2)[1:2]
                status, headers = int(code[0]) if code and code[0].isdecimal() else 0, {}
                continue
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        return cls(status, headers)

    @property
    def length(self) -> int | None:
        """Bytes of the body that follows, if announced."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isdecimal() else None

    @property
    def range(self) -> tuple[int | None, int | None] | None:
        """`Content-Range` as first byte and total, each None where it is not said; None without one."""
        match = _RANGE.fullmatch(self.headers.get("content-range", ""))
        if match is None:
            return None
        first, _, total = match.groups()
        return (int(first) if first else None, int(total) if total != "*" else None)

    @property
    def validator(self) -> str | None:
        """What `If-Range` may use: a strong ETag, else Last-Modified."""
        etag = self.headers.get("etag", "")
        if etag.startswith('"'):
            return etag
        return self.headers.get("last-modified") or None

    @property
    def encoding(self) -> str:
        """`Content-Encoding`, lower case; empty for none and for `identity`."""
        found = self.headers.get("content-encoding", "").strip().lower()
        return "" if found == "identity" else found

    @property
    def is_page(self) -> bool:
        """Whether the body calls itself a web page or an XML or JSON document."""
        return any(kind in self.headers.get("content-type", "").lower() for kind in ("html", "xml", "json"))
