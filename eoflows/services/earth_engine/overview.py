"""What people see of a tracking document: a table of tiles and periods, and a picture of the grid."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from eoflows.services.earth_engine.documents import check_tracking
from eoflows.services.earth_engine.tiles import Index, tile_name

__all__ = ["BAD", "grid_svg", "period_rows", "shown_state"]

BAD = ("FAILED", "LOST", "CANCELLED")
"""States of orders that have ended and have no files."""

_COLOURS = {
    "FAILED": "#d7301f",
    "LOST": "#7a3d9a",
    "CANCELLED": "#f08a24",
    "CANCEL_REQUESTED": "#fdc681",
    "UNSUBMITTED": "#c9ced6",
    "READY": "#a6cee3",
    "RUNNING": "#2f7fc1",
    "COMPLETED": "#a9d98b",
    "DOWNLOADED": "#2e8b3d",
    "CLEANED": "#b5a58a",
    "EMPTY": "#f3efe2",
}
_UNKNOWN = "#777777"
_MOST_PERIODS = 24
_SIDE = 900
_LARGEST, _SMALLEST = 36, 4
_LEFT, _TOP, _LINE = 48, 60, 18
_WIDEST_GAP = 120
_LONGEST = 120


def shown_state(order: Mapping[str, Any]) -> str:
    """Give an order's state, and once it is complete what has become of its files since."""
    state = str(order["status"].get("state"))
    if order.get("cleaned"):
        return "CLEANED"
    return "DOWNLOADED" if order.get("downloaded") and state == "COMPLETED" else state


def period_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write a tracking document as rows: one per collection and tile, those with problems first.

    Each period is a column; more than 24 periods are counted by state instead.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for order in check_tracking(document)["orders"]:
        groups.setdefault(_place(order), []).append(order)
    periods = dict.fromkeys(_period(one) for orders in groups.values() for one in orders)
    rows = []
    for (collection, tile), orders in groups.items():
        if len(periods) <= _MOST_PERIODS:
            cells = dict.fromkeys(periods, "") | {_period(one): shown_state(one) for one in orders}
        else:
            cells = {state: str(count) for state, count in Counter(map(shown_state, orders)).items()}
        row = {"collection": collection, "tile": tile, **cells, "problem": _problem(orders)}
        rows.append(row)
    return sorted(rows, key=lambda row: not row["problem"])


def _place(order: Mapping[str, Any]) -> tuple[str, str]:
    index = _index(order)
    # The original's documents name neither collection nor tile.
    return (str(order.get("collection") or ""), str(order["name"]) if index is None else tile_name(index))


def _index(order: Mapping[str, Any]) -> Index | None:
    match order.get("index"):
        case [int(row), int(column)]:
            return row, column
    return None


def _period(order: Mapping[str, Any]) -> str:
    days = [str(order.get(name) or "").removesuffix("+00:00") for name in ("date_start", "date_end")]
    return " to ".join(day.removesuffix("T00:00:00") for day in days) if any(days) else "state"


def _problem(orders: Iterable[Mapping[str, Any]]) -> str:
    for order in orders:
        error, state = order.get("error") or {}, order["status"].get("state")
        if state in BAD:
            words = f"{error.get('message') or order.get('message') or 'no reason given'}"
            advice = error.get("advice")
            return f"{state}: {words}" + (f" ({advice})" if advice else "")
        if state == "COMPLETED" and order.get("manifest_error"):
            return str(order["manifest_error"])
    return ""


def grid_svg(document: Mapping[str, Any], title: str) -> str:
    """Draw the tiles of a tracking document, each filled by the states of its orders.

    Rows grow southwards, columns eastwards. A tile with orders in several states has a stripe for each, as
    wide as its part. Where tiles lie far apart, rows and columns without any are left out.

    Args:
        document: The tracking document.
        title: Stands above, as plain text.

    Returns:
        SVG that refers to nothing else.
    """
    tiles: dict[Index, Counter[str]] = {}
    for order in check_tracking(document)["orders"]:
        if (index := _index(order)) is not None:
            tiles.setdefault(index, Counter())[shown_state(order)] += 1
    rows, columns = _places(row for row, _ in tiles), _places(column for _, column in tiles)
    down, across = max(rows.values(), default=0) + 1, max(columns.values(), default=0) + 1
    edge = max(_SMALLEST, min(_LARGEST, _SIDE // max(down, across)))
    paths: dict[str, list[str]] = {}
    for (row, column), counts in tiles.items():
        x, y = _LEFT + columns[column] * edge, _TOP + rows[row] * edge
        for state, start, width in _stripes(counts, edge - 1):
            paths.setdefault(state, []).append(f"M{x + start:g} {y}h{width:g}v{edge - 1}h{-width:g}z")
    counted = Counter(map(shown_state, document["orders"]))
    shown = [*(state for state in _COLOURS if state in counted), *sorted(set(counted) - set(_COLOURS))]
    bottom = _TOP + down * edge + 2 * _LINE
    size = (max(_LEFT + across * edge + 20, 420), bottom + len(shown) * _LINE)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
        f'viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif" font-size="11">',
        f'<rect width="{size[0]}" height="{size[1]}" fill="#ffffff"/>',
        _text(12, 22, title, size=14),
        *_labels(columns, edge, "h"),
        *_labels(rows, edge, "v"),
        *(_path(paths[state], state) for state in shown if state in paths),
    ]
    for number, state in enumerate(shown):
        y = bottom + number * _LINE
        parts.append(f'<rect x="12" y="{y - 11}" width="14" height="12" fill="{_colour(state)}"/>')
        parts.append(_text(32, y, f"{state}  {counted[state]}"))
    return "".join([*parts, "</svg>"])


def _path(outlines: Iterable[str], state: str) -> str:
    return f'<path d="{"".join(outlines)}" fill="{_colour(state)}"/>'


def _colour(state: str) -> str:
    return _COLOURS.get(state, _UNKNOWN)


def _places(numbers: Iterable[int]) -> dict[int, int]:
    """Say at which place from the edge each row or column is drawn."""
    found = sorted(set(numbers))
    if found and found[-1] - found[0] > _WIDEST_GAP:
        return {number: place for place, number in enumerate(found)}
    return {number: number - found[0] for number in found}


def _stripes(counts: Counter[str], width: int) -> Sequence[tuple[str, float, float]]:
    """Cut a tile: state, start and width of each stripe."""
    stripes, start, total = [], 0.0, counts.total()
    for state in sorted(counts, key=lambda one: [*_COLOURS, one].index(one)):
        part = round(width * counts[state] / total, 2)
        stripes.append((state, start, part))
        start += part
    return stripes


def _labels(places: Mapping[int, int], edge: int, letter: str) -> list[str]:
    every = -(-34 // edge) if letter == "h" else -(-12 // edge)
    labels = []
    for number, place in places.items():
        if place % every == 0:
            at = place * edge
            x, y = (_LEFT + at, _TOP - 8) if letter == "h" else (12, _TOP + at + min(edge, 12))
            labels.append(_text(x, y, f"{letter}{number:03d}"))
    return labels


def _text(x: float, y: float, text: str, *, size: int | None = None) -> str:
    # What is not printable may not stand in XML.
    clean = escape("".join(sign if sign.isprintable() else "?" for sign in text[:_LONGEST]))
    font = f' font-size="{size}"' if size else ""
    return f'<text x="{x}" y="{y}" fill="#17365d"{font}>{clean}</text>'
