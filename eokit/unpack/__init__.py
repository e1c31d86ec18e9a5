"""Unpacking: archives become the products in them, verified, and nothing outside their folder."""

from eokit.unpack.archives import archives_of
from eokit.unpack.catalogued import CataloguedUnpacking, UnpackOutcome, UnpackRecord
from eokit.unpack.errors import ArchiveError
from eokit.unpack.extract import extract
from eokit.unpack.kinds import ArchiveKind, archive_kind, without_suffix
from eokit.unpack.layout import Product, arrange
from eokit.unpack.limits import Limits
from eokit.unpack.record import Change, changed_item
from eokit.unpack.unpacker import Unpacker
from eokit.unpack.workplace import stale_workplaces, sweep_workplaces

__all__ = [
    "ArchiveError",
    "ArchiveKind",
    "CataloguedUnpacking",
    "Change",
    "Limits",
    "Product",
    "UnpackOutcome",
    "UnpackRecord",
    "Unpacker",
    "archive_kind",
    "archives_of",
    "arrange",
    "changed_item",
    "extract",
    "stale_workplaces",
    "sweep_workplaces",
    "without_suffix",
]
