"""The matrix as a picture: a row per collection, a column per day, the youngest at the right."""

from html import escape

from eoflows.completeness.matrix.cells import CellState, Matrix

__all__ = ["COLOURS", "matrix_svg"]

COLOURS = {
    CellState.NOTHING: ("#eceff3", "#5b6573"),
    CellState.COMPLETE: ("#2e7d46", "#ffffff"),
    CellState.LATE: ("#ffd166", "#3a2c00"),
    CellState.PARTIAL: ("#bf4408", "#ffffff"),
    CellState.MISSING: ("#b3141f", "#ffffff"),
    CellState.UNKNOWN: ("#6741a8", "#ffffff"),
}
"""Of each state: its colour, and that of text on it."""

_LETTERS = dict(zip(COLOURS, ["", "", "L", "P", "M", "?"], strict=True))
_LEFT, _TOP, _WIDE, _HIGH, _GAP = 230, 62, 34, 30, 3
_LONGEST = 30


def matrix_svg(matrix: Matrix) -> str:
    """Draw the matrix; a letter says what the colour says.

    Returns:
        SVG that refers to nothing else.
    """
    days = matrix.days[::-1]
    bottom = _TOP + len(matrix.columns) * _HIGH + 30
    wide, high = max(_LEFT + len(days) * _WIDE + 16, 760), bottom + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" role="img" '
        f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(matrix.sentence)}</title>",
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
        _text(12, 24, f"{matrix.owner}: {matrix.sentence}", size=15),
        *(_text(_LEFT + n * _WIDE + 8, _TOP - 10, day[8:]) for n, day in enumerate(days)),
        _text(12, _TOP - 10, f"{days[0]} to {days[-1]}"),
    ]
    for row, column in enumerate(matrix.columns):
        y = _TOP + row * _HIGH
        parts.append(_text(12, y + 19, column.title))
        for n, day in enumerate(days):
            cell = column.cell(day)
            fill, ink = COLOURS[cell.state]
            told = escape(f"{column.title}, {day}: {cell.told}")
            x, side, tall = _LEFT + n * _WIDE, _WIDE - _GAP, _HIGH - _GAP
            parts.append(
                f'<rect x="{x}" y="{y}" width="{side}" height="{tall}" rx="4" fill="{fill}">'
                f"<title>{told}</title></rect>"
            )
            parts.append(_text(x + side / 2, y + 18, _LETTERS[cell.state], ink=ink, anchor="middle"))
    return "".join([*parts, *_legend(bottom), "</svg>"])


def _legend(y: int) -> list[str]:
    parts = []
    for n, (state, (fill, ink)) in enumerate(COLOURS.items()):
        x = 12 + n * 122 + (20 if n else 0)
        parts.append(f'<rect x="{x}" y="{y - 12}" width="16" height="16" rx="3" fill="{fill}"/>')
        parts.append(_text(x + 8, y, _LETTERS[state], ink=ink, anchor="middle"))
        parts.append(_text(x + 22, y, str(state)))
    return parts


def _text(
    x: float, y: float, text: str, *, size: int | None = None, ink: str = "#17365d", anchor: str = "start"
) -> str:
    # What is not printable may not stand in XML.
    longest = _LONGEST if size is None else 200
    clean = escape("".join(sign if sign.isprintable() else "?" for sign in text[:longest]))
    font = f' font-size="{size}"' if size else ""
    return f'<text x="{x:g}" y="{y}" fill="{ink}" text-anchor="{anchor}"{font}>{clean}</text>'
