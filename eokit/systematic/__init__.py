"""Systematic staging: what was published since a watermark, read and settled in bounded slices."""

from eokit.systematic.follow import Pace, Step, follow
from eokit.systematic.progress import Progress
from eokit.systematic.publications import Publications, Slice, Stream
from eokit.systematic.settle import Settled, Settler
from eokit.systematic.stores import watermarks_beside
from eokit.systematic.watermark import Failure, Reading, Recorded, Watermark, WatermarkStore

__all__ = [
    "Failure",
    "Pace",
    "Progress",
    "Publications",
    "Reading",
    "Recorded",
    "Settled",
    "Settler",
    "Slice",
    "Step",
    "Stream",
    "Watermark",
    "WatermarkStore",
    "follow",
    "watermarks_beside",
]
