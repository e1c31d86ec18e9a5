"""The morning matrix: days by collections, complete, late, partial or missing, as one page."""

from eoflows.completeness.matrix.cells import Cell, CellEntry, CellState, Column, Matrix, column_of
from eoflows.completeness.matrix.line import MatrixLine
from eoflows.completeness.matrix.markdown import matrix_markdown
from eoflows.completeness.matrix.page import matrix_page
from eoflows.completeness.matrix.picture import matrix_svg

__all__ = [
    "Cell",
    "CellEntry",
    "CellState",
    "Column",
    "Matrix",
    "MatrixLine",
    "column_of",
    "matrix_markdown",
    "matrix_page",
    "matrix_svg",
]
