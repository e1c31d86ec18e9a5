"""Lists of objects: prefix, delimiter, bounds, glob and pages."""

import base64
import binascii
import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from eoflows.sandbox.cloud_storage.errors import refusal
from eoflows.sandbox.cloud_storage.store import ObjectStore

__all__ = ["list_objects"]


def list_objects(
    store: ObjectStore, bucket: str, query: Mapping[str, str], base: str, *, most: int
) -> dict[str, Any]:
    """Return a page of a bucket's objects, and of the prefixes that stand for what lies below a delimiter.

    Args:
        store: All buckets.
        bucket: Whose objects.
        query: The request's parameters.
        base: The server's address, for links.
        most: Largest page.
    """
    limit = min(most, _number(query.get("maxResults"), most) or most)
    after = _after(query.get("pageToken"))
    entries = [
        (entry, is_prefix)
        for entry, is_prefix in _entries(_wanted(store.names(bucket), query), query)
        if after is None or entry.encode() > after.encode()
    ]
    page = entries[:limit]
    found = [store.find(bucket, name) for name, is_prefix in page if not is_prefix]
    document: dict[str, Any] = {"kind": "storage#objects"}
    items = [one.document(base) for one in found if one is not None]
    prefixes = [name for name, is_prefix in page if is_prefix]
    if items:
        document["items"] = items
    if prefixes:
        document["prefixes"] = prefixes
    if len(entries) > limit:
        document["nextPageToken"] = base64.urlsafe_b64encode(page[-1][0].encode()).decode()
    return document


def _wanted(names: list[str], query: Mapping[str, str]) -> list[str]:
    prefix, start, end = (query.get(name, "") for name in ("prefix", "startOffset", "endOffset"))
    glob = re.compile(_glob(query["matchGlob"])) if "matchGlob" in query else None
    return [
        name
        for name in names
        if name.startswith(prefix)
        and name.encode() >= start.encode()
        and (not end or name.encode() < end.encode())
        and (glob is None or glob.fullmatch(name))
    ]


def _entries(names: list[str], query: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Return names, and instead of those with a delimiter after the prefix their common beginning."""
    delimiter, skip = query.get("delimiter", ""), len(query.get("prefix", ""))
    if not delimiter:
        return [(name, False) for name in names]

    def folded(name: str) -> tuple[str, bool]:
        head, found, _ = name[skip:].partition(delimiter)
        return (name[:skip] + head + found, True) if found else (name, False)

    return [entry for entry, _ in groupby(map(folded, names))]


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refusal(400, "Invalid argument: pageToken") from error


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdigit():
        raise refusal(400, f"Invalid unsigned integer value: {text!r}")
    return int(text)


def _glob(pattern: str) -> str:
    """Translate `*` (no slash), `**` (anything), `?`, `[...]` and `{a,b}` to a regular expression."""
    signs = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = []
    for part in re.findall(r"\*\*|\[[^\]]*\]|\{[^}]*\}|.", pattern, re.DOTALL):
        if part[0] == "{" and len(part) > 1:
            parts.append(f"(?:{'|'.join(_glob(one) for one in part[1:-1].split(','))})")
        elif part[0] == "[" and len(part) > 1:
            parts.append(part.replace("[!", "[^"))
        else:
            parts.append(signs.get(part) or re.escape(part))
    return "".join(parts)
