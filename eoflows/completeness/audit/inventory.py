"""Three lists side by side in a temporary SQLite file: memory does not grow with them.

Their orders differ (a bucket sorts `a-b/x` before `a/x`, a catalogue the ids `a` before `a-b`), so they are
joined here instead of being merged as they come.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import parse_utc
from eoflows.completeness.audit.findings import Day, Finding, Kind, OfferedItem
from eoflows.completeness.audit.statements import CHECKABLE, DAYS, FINDINGS, ITEMS, SCHEMA, WANTED
from eoflows.products.systematic.publications import published
from eoflows.stores.catalog.interface import UNPACKED_FROM
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import StoredObject, asset_top
from eoflows.stores.transfer import Checksum

__all__ = ["Inventory"]


class Inventory:
    """What source, catalogue and storage have; blocks, so use it in a worker thread, one at a time.

    Args:
        path: A file that does not exist yet; the caller removes it.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def offer(
        self,
        items: Iterable[ItemDict],
        selected: Sequence[str] | None,
        stream: str = "",
        since: str | None = None,
    ) -> None:
        """Add what the source offers.

        Args:
            items: Its items.
            selected: Asset keys wanted; None is all.
            stream: What they were found in.
            since: Property with the time from which their way to publication is counted.
        """
        self._add(
            "INSERT OR REPLACE INTO offered VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (item["id"], key, f"{published(item):%Y-%m-%d}", *_promise(asset), stream, hours)
                for item in items
                for hours in [_hours(item, since)]
                for key, asset in item["assets"].items()
                if selected is None or key in selected
            ),
        )

    def record(self, items: Iterable[ItemDict], key_of: Callable[[str], str | None]) -> None:
        """Add what the catalogue records.

        Args:
            items: Its items.
            key_of: From an href to the name in the storage; None if it is elsewhere.
        """
        items = list(items)
        self._add(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
            ((item["id"], _day(item), bool(item["properties"].get("unpublished"))) for item in items),
        )
        self._add(
            "INSERT OR REPLACE INTO recorded VALUES (?, ?, ?, ?, ?, ?)",
            (
                (item["id"], name, key, _top(key), *_promise(asset))
                for item in items
                for name, asset in item["assets"].items()
                for key in [key_of(str(asset.get("href") or ""))]
            ),
        )
        self._add(
            "INSERT OR IGNORE INTO recorded VALUES (?, ?, NULL, NULL, ?, ?)",
            (
                (item["id"], origin["key"], *_promise(origin))
                for item in items
                for asset in item["assets"].values()
                # The archive that it was unpacked from is what the source offers.
                if isinstance(origin := asset.get(UNPACKED_FROM), dict) and "key" in origin
            ),
        )

    def store(self, objects: Iterable[StoredObject]) -> None:
        """Add what the storage holds."""
        self._add(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    one.key,
                    parts[2],
                    "/".join(parts[3:]),
                    asset_top(one.key),
                    one.size,
                    one.modified.timestamp(),
                )
                for one in objects
                for parts in [one.key.split("/")]
            ),
        )

    def spoil(self, key: str, found: str) -> None:
        """Add an object whose bytes were read and have another checksum."""
        self._add("INSERT OR REPLACE INTO spoiled VALUES (?, ?)", [(key, found)])

    def checkable(self) -> Iterator[tuple[str, str]]:
        """Give names and recorded checksums of all objects whose size is right."""
        yield from self._select(CHECKABLE)

    def findings(self, before: float) -> Iterator[Finding]:
        """Give all findings, by day and item.

        Args:
            before: Objects without a record that changed later, in seconds since 1970, are on their way.
        """
        for day, kind, item, asset, key, expected, found, offered in self._select(
            FINDINGS + " ORDER BY 1, 3, 2, 4", {"before": before}
        ):
            yield Finding(day, Kind(kind), item, asset, key, expected, found, bool(offered))

    def days(self, before: float) -> list[Day]:
        """Give the matrix by day."""
        counts: dict[str, dict[Kind, int]] = {}
        for day, kind, number in self._select(
            f"SELECT day, kind, count(*) FROM ({FINDINGS}) GROUP BY 1, 2",  # noqa: S608
            {"before": before},
        ):
            counts.setdefault(day, {})[Kind(kind)] = number
        known = {day: (offered, whole, expired) for day, offered, whole, expired in self._select(DAYS)}
        return [
            Day(day, *known.get(day, (0, 0, 0)), counts.get(day, {})) for day in sorted({*known, *counts})
        ]

    def offered_items(self) -> Iterator[OfferedItem]:
        """Give what the source offers and what became of it, by stream, day and item."""
        for stream, day, item, hours, key, expired, kinds in self._select(ITEMS):
            faults = frozenset(map(Kind, kinds.split(","))) if kinds else frozenset[Kind]()
            yield OfferedItem(stream, day, item, hours, key, bool(expired), faults)

    def wanted(self) -> list[tuple[str, int]]:
        """Give the days of which items must be staged again and are offered, and how many; call it once."""
        self._database.execute(WANTED)
        return list(self._select("SELECT day, count(*) FROM wanted GROUP BY 1 ORDER BY 1"))

    def wanted_on(self, day: str) -> frozenset[str]:
        """Give the ids of those items of one of these days."""
        sql = "SELECT item FROM wanted WHERE day = :day"
        return frozenset(item for (item,) in self._select(sql, {"day": day}))

    def _add(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(sql, rows)
        self._database.execute("COMMIT")

    def _select(self, sql: str, values: dict[str, Any] | None = None) -> Iterator[Any]:
        with closing(self._database.execute(sql, values or {})) as rows:
            yield from rows


def _promise(asset: Any) -> tuple[int | None, str | None]:
    """Size and checksum as an asset states them; what cannot be read is not stated."""
    size, checksum = None, None
    with suppress(TypeError, ValueError):
        size = int(asset["file:size"]) if asset.get("file:size") is not None else None
    with suppress(InvalidInputError):
        checksum = str(Checksum.parse(str(asset["file:checksum"]))) if asset.get("file:checksum") else None
    return size, checksum


def _hours(item: ItemDict, since: str | None) -> float | None:
    """How long an item took to be published; None where it does not say."""
    with suppress(InvalidInputError):
        return (published(item) - parse_utc(item["properties"].get(since or "") or "")).total_seconds() / 3600
    return None


def _day(item: ItemDict) -> str:
    with suppress(InvalidInputError):
        return f"{parse_utc(item['properties'].get('published') or ''):%Y-%m-%d}"
    return "unknown"


def _top(key: str | None) -> str | None:
    return None if key is None else asset_top(key)
