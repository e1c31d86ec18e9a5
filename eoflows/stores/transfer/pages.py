"""Telling an error page from a product."""

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from eoflows.base.errors import IntegrityError
from eoflows.stores.transfer.models import Download

__all__ = ["page_error", "wrong_kind"]

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
    return _told(page, name)


def _told(page: str, name: str) -> IntegrityError:
    words = " ".join(_TAG.sub(" ", page).split())
    words = "".join(char for char in _SECRET.sub(r"\1...", words) if char.isprintable())
    excerpt = words[:_MOST] + ("..." if len(words) > _MOST else "")
    return IntegrityError("error page", "the product's bytes", repr(excerpt), where=name)


_HTML = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:<\?xml[^>]*\?>\s*|<!--.*?-->\s*)*<(?:\w+:)?\w*(?:error|exception|fault)\w*[\s/>]"
    r"|\{\s*\"\w*(?:error|exception|fault)\w*\"\s*:",
    re.IGNORECASE | re.DOTALL,
)
_DOCUMENTS = {
    "html": frozenset({".html", ".htm", ".xhtml"}),
    "xml": frozenset(
        {
            ".xml",
            ".eof",
            ".kml",
            ".gml",
            ".svg",
            ".gpx",
            ".xsd",
            ".xsl",
            ".safe",
            ".dbl",
            ".hdr",
            ".html",
            ".htm",
        }
        | {".xhtml", ".txt", ".log"}
    ),
    "json": frozenset({".json", ".geojson", ".jsonl", ".ndjson", ".txt", ".log"}),
}
_BINARY = frozenset(
    {".zip", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".tar", ".z", ".7z", ".nc", ".nc4", ".cdf", ".h5", ".hdf"}
    | {".hdf5", ".he5", ".grib", ".grb", ".grb2", ".grib2", ".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg"}
    | {".gif", ".parquet", ".raw", ".bin", ".dat", ".pdf", ".ers", ".laz", ".las", ".fits", ".bufr"}
)
_SAYS_NOTHING = ("", "application/octet-stream", "binary/octet-stream", "application/x-binary")


def wrong_kind(beginning: bytes, download: Download) -> IntegrityError | None:
    """Give the error for a page or a refusal in place of a file of which no checksum is promised.

    Whatever the answer calls itself, its first bytes count: HTML is taken only where HTML is promised, XML
    and JSON not where another type is, and neither where it says that it is an error.
    """
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith((b"<", b"{", b"[{")) or b"\0" in text:
        return None
    page = text.decode("utf-8", "replace")
    form = "json" if page[0] in "{[" else "html" if _HTML.search(page) else "xml"
    kind = download.kind.partition(";")[0].strip().lower()
    suffixes = {PurePosixPath(download.name).suffix.lower()}
    suffixes |= {PurePosixPath(urlsplit(url).path).suffix.lower() for url in download.urls}
    allowed = form in kind or bool(suffixes & _DOCUMENTS[form]) or (kind == "text/plain" and form != "html")
    other = kind not in _SAYS_NOTHING or bool(suffixes & _BINARY)
    if _REFUSAL.match(page) or not (allowed or (form != "html" and not other)):
        return _told(page, download.name)
    return None
