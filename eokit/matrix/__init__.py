"""The morning matrix: days by collections, complete, late, partial or missing, as one page."""

from eokit.matrix.cells import Cell, CellState, Column, Entry, Matrix, column_of
from eokit.matrix.line import MatrixLine
from eokit.matrix.markdown import matrix_markdown
from eokit.matrix.page import matrix_page
from eokit.matrix.picture import matrix_svg

__all__ = [
    "Cell",
    "CellState",
    "Column",
    "Entry",
    "Matrix",
    "MatrixLine",
    "column_of",
    "matrix_markdown",
    "matrix_page",
    "matrix_svg",
]
