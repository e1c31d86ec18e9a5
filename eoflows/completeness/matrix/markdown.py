"""The matrix as Markdown, for an artifact."""

from eoflows.completeness.matrix.cells import CellState, Matrix

__all__ = ["SIGNS", "matrix_markdown"]

SIGNS = {
    CellState.NOTHING: "·",
    CellState.COMPLETE: "●",
    CellState.LATE: "◷",
    CellState.PARTIAL: "◐",
    CellState.MISSING: "○",
    CellState.UNKNOWN: "?",
}
"""A sign for each state, which does not need colour."""


def matrix_markdown(matrix: Matrix, page: str) -> str:
    """Write the matrix as a table, the youngest day first.

    Args:
        matrix: The matrix.
        page: Where the page with the items is.
    """
    titles = [f"{_plain(column.title)}<br>{_plain(column.origin)}" for column in matrix.columns]
    lines = [
        f"**{matrix.sentence}**",
        "",
        f"| day (UTC) | {' | '.join(titles)} |",
        f"|---|{'---|' * len(titles)}",
        *(f"| {day} | {' | '.join(_row(matrix, day))} |" for day in matrix.days),
        "",
        *(f"{_plain(column.title)}: {_plain(column.reason)}\n" for column in matrix.columns if column.reason),
        f"The page with the items: `{page}`",
    ]
    repairs = list(dict.fromkeys(column.repair for column in matrix.columns if column.repair))
    if repairs:
        lines += ["", "Stage what is missing:", "```", *repairs, "```"]
    return "\n".join(lines)


def _row(matrix: Matrix, day: str) -> list[str]:
    cells = [column.cell(day) for column in matrix.columns]
    return [
        SIGNS[cell.state] if cell.state is CellState.NOTHING else f"{SIGNS[cell.state]} {cell.told}"
        for cell in cells
    ]


def _plain(text: str) -> str:
    """Keep text from other people what it is: no markup, one line, no column of its own."""
    shown = "".join(f"&#{ord(sign)};" if sign in "|<>&[]`*_\\" else sign for sign in " ".join(text.split()))
    return shown[:1000]
