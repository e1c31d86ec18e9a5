"""Unpacking: archives become the products in them, verified, and nothing outside their folder."""

from eoflows.products.unpack.archives import archives_of
from eoflows.products.unpack.catalogued import CataloguedUnpacking, UnpackOutcome, UnpackRecord
from eoflows.products.unpack.errors import ArchiveError
from eoflows.products.unpack.extract import extract
from eoflows.products.unpack.kinds import ArchiveKind, archive_kind, without_suffix
from eoflows.products.unpack.layout import Product, arrange
from eoflows.products.unpack.limits import Limits
from eoflows.products.unpack.record import Change, changed_item
from eoflows.products.unpack.unpacker import Unpacker

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
    "without_suffix",
]
