"""Telling an error page from a product."""

import re

from eoflows.base.errors import IntegrityError

__all__ = ["page_error"]

_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>?", re.DOTALL | re.IGNORECASE)
_SECRET = re.compile(
    r"(?i)((?:token|key|signature|password|secret|authorization|credential)\w*[\"']?\s*[=:]\s*[\"']?)[^\s\"'&<,]+"
)
_MOST = 160
_TEXT_PRODUCTS = (".xml", ".eof", ".json", ".geojson", ".kml", ".dbl", ".hdr", ".txt", ".html")
_ERROR = re.compile(
    r"<!doctype\s+html|<html|<[\w:]*(error|exception|fault)|\"(error|exception|fault)\w*\"", re.IGNORECASE
)


def page_error(beginning: bytes, name: str) -> IntegrityError | None:
    """Give the error for a page that was delivered as a file, or None if the bytes look like no page.

    Args:
        beginning: The first bytes of what arrived; it has the wrong size or checksum.
        name: What should have arrived.
    """
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith((b"<", b"{")) or b"\0" in beginning:
        return None
    page = text.decode("utf-8", "replace")
    if name.lower().endswith(_TEXT_PRODUCTS) and not _ERROR.search(page):
        return None
    words = " ".join(_TAG.sub(" ", page).split())
    words = "".join(char for char in _SECRET.sub(r"\1...", words) if char.isprintable())
    excerpt = words[:_MOST] + ("..." if len(words) > _MOST else "")
    return IntegrityError("error page", "the product's bytes", repr(excerpt), where=name)
