"""The matrix as one HTML file that needs nothing else: no server, no script, no other file."""

from html import escape
from urllib.parse import quote

from eoflows.completeness.matrix.cells import Cell, CellState, Column, Matrix
from eoflows.completeness.matrix.markdown import SIGNS
from eoflows.completeness.matrix.picture import COLOURS

__all__ = ["matrix_page"]

_CLASSES = {state: state.name.lower() for state in CellState}
_MEANINGS = {
    CellState.COMPLETE: "all that was published is recorded, and stored as recorded",
    CellState.LATE: "all of it is there, and some of it was published later than expected",
    CellState.PARTIAL: "some of it is missing, or not stored as recorded",
    CellState.MISSING: "the source has it, and the catalogue has none of it",
    CellState.UNKNOWN: "source, catalogue or storage could not be read",
    CellState.NOTHING: "the source published nothing that day",
}
_STYLE = """
:root { color-scheme: light dark; --back: #fbfcfd; --ink: #1c2733; --soft: #5b6573; --line: #d4dae1;
  --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14191f; --ink: #e6ebf0; --soft: #a3afbc; --line: #36414d; --link: #8ab4f8; }
}
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; } h2 { margin: 2.2rem 0 .6rem; font-size: 1.25rem; }
h3 { margin: 1.4rem 0 .4rem; font-size: 1rem; }
.lede { font-size: 1.15rem; margin: .3rem 0; } .soft { color: var(--soft); margin: .2rem 0; }
.wide { overflow-x: auto; } table { border-collapse: separate; border-spacing: 3px; }
caption { text-align: left; color: var(--soft); padding: .3rem 0; }
th { text-align: left; vertical-align: bottom; font-weight: 600; padding: .3rem .5rem; }
th small { display: block; font-weight: 400; color: var(--soft); }
tbody th { white-space: nowrap; font-variant-numeric: tabular-nums; }
td { padding: 0; border-radius: 6px; white-space: nowrap; }
td a, td span { display: block; padding: .35rem .6rem; border-radius: 6px; color: inherit; }
td a { text-decoration: none; } td a:hover { text-decoration: underline; }
a { color: var(--link); } a:focus-visible, .wide:focus-visible { outline: 3px solid var(--link); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem .8rem; } dd { margin: 0; }
dt { border-radius: 6px; padding: 0 .6rem; }
li { overflow-wrap: anywhere; } pre { overflow-x: auto; border: 1px solid var(--line); padding: .7rem;
  border-radius: 6px; }
@media print { .wide { overflow: visible; } }
"""


def matrix_page(matrix: Matrix, up: str) -> str:
    """Write the page.

    Its links are relative, so that they hold wherever the storage is opened: as a folder, or through a
    gateway of a bucket.

    Args:
        matrix: The matrix.
        up: From the page to the storage's root, like `../../`.

    Returns:
        HTML that refers to nothing but the items' places.
    """
    title = f"Morning matrix of {matrix.owner}, {matrix.days[0]}"
    made = f"Made {matrix.made:%Y-%m-%d %H:%M} UTC in environment {matrix.environment}."
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title>\n<style>{_STYLE}{_colours()}</style>\n</head>\n<body>\n<main>",
            f'<h1>{escape(title)}</h1>\n<p class="lede">{escape(matrix.sentence)}</p>',
            f'<p class="soft">{escape(made)} Days are UTC days of publication, up to '
            f"{matrix.span.end:%Y-%m-%d %H:%M}.</p>",
            *_table(matrix),
            *_legend(),
            *_reasons(matrix),
            *_repairs(matrix),
            *_details(matrix, up),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _colours() -> str:
    quiet = f".{_CLASSES[CellState.NOTHING]} {{ background: none; color: var(--soft); }}\n"
    return quiet + "".join(
        f".{_CLASSES[state]} {{ background: {fill}; color: {ink}; }}\n"
        for state, (fill, ink) in COLOURS.items()
        if state is not CellState.NOTHING
    )


def _table(matrix: Matrix) -> list[str]:
    heads = "".join(
        f'<th scope="col">{escape(column.title)}<small>{escape(column.origin)}</small></th>'
        for column in matrix.columns
    )
    rows = []
    for day in matrix.days:
        cells = "".join(_cell(column.cell(day), number) for number, column in enumerate(matrix.columns))
        rows.append(f'<tr><th scope="row"><time datetime="{day}">{day}</time></th>{cells}</tr>')
    return [
        '<div class="wide" role="region" aria-label="Days by collections" tabindex="0">\n<table>',
        "<caption>A cell leads to its items.</caption>",
        f'<thead><tr><th scope="col">Day</th>{heads}</tr></thead>\n<tbody>',
        *rows,
        "</tbody>\n</table>\n</div>",
    ]


def _cell(cell: Cell, number: int) -> str:
    text = f"{SIGNS[cell.state]} {escape(cell.told)}"
    inner = f'<a href="#{_anchor(cell, number)}">{text}</a>' if cell.entries else f"<span>{text}</span>"
    return f'<td class="{_CLASSES[cell.state]}">{inner}</td>'


def _anchor(cell: Cell, number: int) -> str:
    return f"c{number}-{cell.day}"


def _legend() -> list[str]:
    rows = "".join(
        f'<dt class="{_CLASSES[state]}">{SIGNS[state]} {state}</dt><dd>{meaning}</dd>'
        for state, meaning in _MEANINGS.items()
    )
    return ["<h2>What the words mean</h2>", f"<dl>{rows}</dl>"]


def _reasons(matrix: Matrix) -> list[str]:
    rows = [
        f"<li>{escape(column.title)} ({escape(column.origin)}): {escape(column.reason)}</li>"
        for column in matrix.columns
        if column.reason
    ]
    return ["<h2>What could not be read</h2>", "<ul>", *rows, "</ul>"] if rows else []


def _repairs(matrix: Matrix) -> list[str]:
    commands = dict.fromkeys(column.repair for column in matrix.columns if column.repair)
    shown = [f"<pre><code>{escape(command)}</code></pre>" for command in commands]
    return ["<h2>Stage what is missing</h2>", *shown] if shown else []


def _details(matrix: Matrix, up: str) -> list[str]:
    parts = ["<h2>Items</h2>"]
    for number, column in enumerate(matrix.columns):
        for day in matrix.days:
            cell = column.cell(day)
            if cell.entries:
                parts += _items(column, cell, _anchor(cell, number), up)
    return parts if len(parts) > 1 else []


def _items(column: Column, cell: Cell, anchor: str, up: str) -> list[str]:
    rows = []
    for entry in cell.entries:
        name = escape(entry.item)
        place = f'<a href="{up}{escape(quote(entry.key))}">{name}</a>' if entry.key else name
        rows.append(f"<li>{place}: {escape(entry.told)}</li>")
    left = cell.offered - len(cell.entries)
    more = f"<li>and {left} more</li>" if left else ""
    head = f'<h3 id="{anchor}">{escape(column.title)}, {cell.day}: {escape(cell.told)}</h3>'
    return [head, f"<ul>{''.join(rows)}{more}</ul>"]
