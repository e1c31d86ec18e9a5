"""Reading a STAC item as the plain document that services send.

Items stay dictionaries on their way through a search: building pystac objects costs seven times
more than fetching them. `pystac` is what flows give back to people.

`read_item` is the border: whatever stands in the place of an item becomes one that the code inside can
work with. What cannot be read becomes an item that says so (`fault_of`), with an id and nothing to stage:
it has an outcome of its own, and its neighbours are not touched.
"""

import hashlib
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.times import Interval, parse_utc

__all__ = [
    "FILE_EXTENSION",
    "ItemDict",
    "Meeting",
    "Seen",
    "checked_item",
    "created",
    "fault_of",
    "is_new",
    "product_type",
    "read_item",
    "unreadable",
    "validity",
]

ItemDict = dict[str, Any]

FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
"""Of `file:size` and `file:checksum`."""

_FAULT = "eoflows:fault"
"""Member of what could not be read as an item: why. It is ours alone, a stranger's is taken away."""

_DEEPEST = 100
"""Lists and objects within each other in one item; copying and writing more than twice as many fails."""

_TIMES = ("datetime", "start_datetime", "end_datetime", "created", "updated", "published")
_KEPT = ("published", "product:type", "platform")
"""Properties of an unreadable item that are kept where they are text: they say where it belongs."""


def read_item(entry: Any, url: str) -> ItemDict:
    """Make an item of whatever a service sends in the place of one; this never fails.

    Relative hrefs of assets become absolute where the item tells its own address. Links that lead nowhere
    are left out.

    Args:
        entry: From JSON.
        url: The page that it stands on; a relative address of the item is resolved against it.

    Returns:
        The item, the same object changed; or, for what cannot be worked with, one that has a fault.
    """
    fault = _fault(entry) or _time_fault(entry["properties"])
    return unreadable(entry, fault) if fault else _settled(entry, url)


def _settled(item: ItemDict, url: str) -> ItemDict:
    item.pop(_FAULT, None)
    item["links"] = list(_links(item.get("links") or (), url))
    own = next((link["href"] for link in item["links"] if link.get("rel") == "self"), "")
    if own:
        for asset in item["assets"].values():
            _resolve(asset, own)
    return item


def fault_of(item: ItemDict) -> str:
    """Say why an item could not be read, or give an empty text."""
    return str(item.get(_FAULT, ""))


def unreadable(entry: Any, fault: str) -> ItemDict:
    """Give the item that stands for something unreadable: nothing to stage, and the reason."""
    known = entry if isinstance(entry, Mapping) else {}
    properties = known.get("properties")
    given = properties if isinstance(properties, Mapping) else {}
    return {
        "type": "Feature",
        "id": _name(known.get("id"), entry),
        "collection": known["collection"] if _is_text(known.get("collection")) else None,
        "geometry": None,
        "properties": {name: given[name] for name in _KEPT if _is_text(given.get(name))},
        "assets": {},
        "links": [],
        _FAULT: fault,
    }


def checked_item(item: Any, url: str) -> ItemDict:
    """Make sure that a document can be worked with as an item, whatever its times are.

    Raises:
        ContractError: It cannot.
    """
    fault = _fault(item)
    if fault:
        raise ContractError(f"item {unreadable(item, fault)['id'][:80]!r} cannot be read: {fault}", url=url)
    return _settled(item, url)


def _fault(entry: Any) -> str:
    """Say what is wrong with the form of an item, or give an empty text."""
    if not isinstance(entry, dict):
        return f"it is no object but {_short(entry)}"
    if not isinstance(entry.get("id"), str) or not entry["id"]:
        return f"its id is {_short(entry.get('id'))}, not a text"
    if _is_too_deep(entry):
        return f"it has more than {_DEEPEST} lists and objects within each other"
    return _form_fault(entry)


def _form_fault(entry: ItemDict) -> str:
    for key in ("properties", "assets"):
        if not isinstance(entry.get(key), dict):
            return f"it has no {key} object but {_short(entry.get(key))}"
    for key in ("links", "stac_extensions"):
        if not isinstance(entry.get(key) or [], list):
            return f"its {key} are {_short(entry[key])}, not a list"
    if not isinstance(entry.get("collection"), str | None):
        return f"its collection is {_short(entry['collection'])}, not a text"
    return ""


def _time_fault(properties: Mapping[str, Any]) -> str:
    for name in _TIMES:
        value = properties.get(name)
        if value is None:
            continue
        try:
            parse_utc(value)
        except InvalidInputError as error:
            return f"its {name} cannot be read: {error}"
    if not any(properties.get(name) for name in _TIMES[:3]):
        return "it has neither datetime nor start_datetime and end_datetime"
    return ""


def _is_too_deep(entry: ItemDict) -> bool:
    level: list[Any] = [entry]
    for _ in range(_DEEPEST):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _links(links: Any, url: str) -> Iterator[dict[str, Any]]:
    for link in links:
        if not isinstance(link, dict) or not _is_text(link.get("rel")) or not _is_text(link.get("href")):
            continue
        try:
            urlsplit(link["href"])
            # Only an item's own address is resolved here: what else it names stays as its source wrote it.
            yield link | {"href": urljoin(url, link["href"])} if link["rel"] == "self" else link
        except ValueError:
            continue


def _resolve(asset: Any, own: str) -> None:
    """Make the relative hrefs of an asset, and of its alternatives, absolute."""
    if not isinstance(asset, dict):
        return
    others = asset.get("alternate")
    for place in (asset, *(others.values() if isinstance(others, dict) else ())):
        href = place.get("href") if isinstance(place, dict) else None
        if isinstance(href, str) and href and ":" not in href.partition("/")[0]:
            try:
                place["href"] = urljoin(own, href)
            except ValueError:
                continue


def _name(given: Any, entry: Any) -> str:
    """Name what may have no name, by the same name each time that it comes."""
    if _is_text(given):
        return str(given)
    try:
        text = orjson.dumps(entry)
    except TypeError:
        text = _short(entry).encode(errors="replace")
    return f"(without id) {hashlib.blake2b(text, digest_size=6).hexdigest()}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _short(value: Any) -> str:
    """Show a value of any form and depth in a few letters."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return ascii(value)[:80]


def validity(item: ItemDict) -> Interval:
    """Give the validity of a product: `start_datetime` to `end_datetime`, else the instant `datetime`.

    A null or absent end beside a known start is open, and so is any time in the year 9999.

    Raises:
        InvalidInputError: It has no time, one that cannot be read, or it ends before it starts.
    """
    properties = item["properties"]
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is None and end is None:
        if properties.get("datetime") is None:
            raise InvalidInputError("it has neither datetime nor start_datetime and end_datetime")
        return Interval.parse(properties["datetime"], properties["datetime"])
    return Interval.parse(start, end)


def product_type(item: ItemDict) -> str | None:
    """Give `product:type`, or None."""
    value = item["properties"].get("product:type")
    return value if isinstance(value, str) else None


def created(item: ItemDict) -> str:
    """Give the creation time as it stands, or an empty text."""
    return str(item["properties"].get("created") or "")


class Meeting(Enum):
    """How an item that comes compares with those that came before."""

    NEW = "new"
    AGAIN = "again"
    OTHER = "of the same id, and promises something else"


class Seen:
    """Items that came, by collection and id: two numbers each. One id in two collections is two items."""

    def __init__(self) -> None:
        self._promised: dict[int, int] = {}

    def has(self, item: ItemDict) -> bool:
        """Tell whether an item of its id came before."""
        return hash((item.get("collection"), item.get("id"))) in self._promised

    def meet(self, item: ItemDict) -> Meeting:
        """Note that an item came, and tell whether it, or another of its id, came before."""
        name, promised = hash((item.get("collection"), item.get("id"))), hash(_promise(item))
        if name not in self._promised:
            self._promised[name] = promised
            return Meeting.NEW
        return Meeting.AGAIN if self._promised[name] == promised else Meeting.OTHER


def is_new(item: ItemDict, seen: Seen) -> bool:
    """Note that an item came, and tell whether it is new."""
    return seen.meet(item) is Meeting.NEW


def _promise(item: ItemDict) -> bytes:
    """What an item says of the bytes of its assets."""
    assets = item.get("assets") or {}
    return repr(
        [
            (key, asset.get("file:size"), asset.get("file:checksum"))
            for key, asset in sorted(assets.items())
            if isinstance(asset, Mapping)
        ]
    ).encode()
