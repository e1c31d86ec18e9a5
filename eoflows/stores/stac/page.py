"""A page of a search, from its bytes: each entry is read by itself.

A page is read in one go. Where that fails, for one entry that is nested too deep, has a NaN or half a
character, the page is cut into its entries, and only what is wrong is lost.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from eoflows.base.errors import ContractError
from eoflows.stores.stac.items import ItemDict, read_item, unreadable

__all__ = ["Page", "read_page"]

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_DIGITS = 19
"""A whole number of fewer fits into 64 bits."""
_ID = re.compile(rb'"id"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')


@dataclass(frozen=True)
class Page:
    """What a search answered.

    Attributes:
        document: All of it but the entries.
        items: The entries as items; see `read_item`.
    """

    document: dict[str, Any]
    items: list[ItemDict]


def read_page(content: bytes, url: str) -> Page:
    """Read the answer to a search.

    Raises:
        ContractError: It is no item collection.
    """
    try:
        document, pieces = orjson.loads(content), None
    except orjson.JSONDecodeError as error:
        document, pieces = _in_pieces(content)
        if pieces is None:
            raise ContractError("the answer to a search is not JSON", url=url) from error
    entries = document.get("features") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ContractError("the answer to a search is no item collection", url=url)
    del document["features"]
    if pieces is None:
        return Page(document, [read_item(entry, url) for entry in entries])
    return Page(document, [_item(piece, url) for piece in pieces])


def _in_pieces(content: bytes) -> tuple[Any, list[bytes] | None]:
    """Cut a page that is no JSON: give what is around its entries, and the bytes of each."""
    cuts = list(_cuts(content))
    if not cuts:
        return None, None
    try:
        document = orjson.loads(content[: cuts[0] + 1] + content[cuts[-1] :])
    except orjson.JSONDecodeError:
        return None, None
    pieces = [content[first + 1 : last].strip() for first, last in pairwise(cuts)]
    return document, [piece for piece in pieces if piece]


def _cuts(content: bytes) -> Iterator[int]:
    """Give the places of the list's bracket, of the commas between its entries, and of its end."""
    depth, key, inside, places = 0, b"", False, list[int]()
    for token in _TOKEN.finditer(content):
        mark = token[0]
        if mark in (b"[", b"{"):
            if depth == 1 and mark == b"[" and key == b'"features"':
                inside = True
                places.append(token.start())
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
            if inside and depth == 1:
                yield from (*places, token.start())
                return
        elif mark == b",":
            if inside and depth == 2:
                places.append(token.start())
        elif depth == 1:
            key = mark


def _item(piece: bytes, url: str) -> ItemDict:
    try:
        return read_item(_entry(piece), url)
    except (ValueError, TypeError, RecursionError) as error:
        found = _ID.search(piece)
        named = {"id": _text(found[1])} if found else piece[:1000].decode(errors="replace")
        return unreadable(named, f"it is no JSON that can be read: {error}")


def _entry(piece: bytes) -> Any:
    try:
        return orjson.loads(piece)
    except orjson.JSONDecodeError:
        read = json.loads(piece, parse_constant=lambda _: None, parse_float=_number, parse_int=_whole)
        # What is read more leniently is good if it can be written.
        return orjson.loads(orjson.dumps(read))


def _number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole(text: str) -> int | float | None:
    return int(text) if len(text) < _DIGITS else _number(text)


def _text(quoted: bytes) -> Any:
    try:
        return orjson.loads(quoted)
    except orjson.JSONDecodeError:
        return quoted[1:-1].decode(errors="replace")
