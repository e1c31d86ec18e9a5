"""Systematic staging: what was published since a watermark, read and settled in bounded slices."""

from eoflows.products.systematic.follow import Pace, Step, follow
from eoflows.products.systematic.progress import StreamProgress
from eoflows.products.systematic.publications import Publications, Slice, Stream
from eoflows.products.systematic.settle import Settled, Settler
from eoflows.products.systematic.stores import watermarks_beside
from eoflows.products.systematic.watermark import Failure, Reading, Recorded, Watermark, WatermarkStore

__all__ = [
    "Failure",
    "Pace",
    "Publications",
    "Reading",
    "Recorded",
    "Settled",
    "Settler",
    "Slice",
    "Step",
    "Stream",
    "StreamProgress",
    "Watermark",
    "WatermarkStore",
    "follow",
    "watermarks_beside",
]
