"""Which files are archives, by name and by what describes them."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = [
    "ArchiveKind",
    "archive_kind",
    "asset_archive",
    "is_product_folder",
    "media_type",
    "without_suffix",
]


class ArchiveKind(Enum):
    """How an archive is read."""

    ZIP = "zip"
    TAR = "tar"
    """A tape archive, compressed with gzip or not."""
    GZIP = "gzip"
    """One compressed file."""


_SUFFIXES = (
    (".tar.gz", ArchiveKind.TAR),
    (".tgz", ArchiveKind.TAR),
    (".tar", ArchiveKind.TAR),
    (".zip", ArchiveKind.ZIP),
    (".gz", ArchiveKind.GZIP),
)
_DECLARED = {
    "application/zip": ArchiveKind.ZIP,
    "application/x-zip-compressed": ArchiveKind.ZIP,
    "application/x-tar": ArchiveKind.TAR,
    "application/tar+gzip": ArchiveKind.TAR,
    "application/x-gtar": ArchiveKind.TAR,
}
_PRODUCT = re.compile(r".+\.(safe|sen3|zarr)", re.IGNORECASE | re.DOTALL)
_MEDIA = {
    "csv": "text/csv",
    "eof": "application/xml",
    "geojson": "application/geo+json",
    "h5": "application/x-hdf5",
    "jp2": "image/jp2",
    "jpg": "image/jpeg",
    "json": "application/json",
    "nc": "application/netcdf",
    "pdf": "application/pdf",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "xml": "application/xml",
}


def archive_kind(name: str) -> ArchiveKind | None:
    """Tell by its suffix, in any case, how a file is unpacked; None if it is no archive."""
    low = name.lower()
    return next((kind for suffix, kind in _SUFFIXES if low.endswith(suffix) and low != suffix), None)


def without_suffix(name: str) -> str:
    """Give a name without its archive suffix: `X.SEN3.zip` becomes `X.SEN3`."""
    low = name.lower()
    suffix = next((suffix for suffix, _ in _SUFFIXES if low.endswith(suffix) and low != suffix), "")
    return name[: len(name) - len(suffix)]


def is_product_folder(name: str) -> bool:
    """Whether a folder of this name is a product, which keeps its name: .SAFE, .SEN3, .zarr."""
    return _PRODUCT.fullmatch(name) is not None


def media_type(name: str) -> str:
    """Give the media type of a single file by its suffix."""
    return _MEDIA.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def asset_archive(key: str, asset: Mapping[str, Any]) -> tuple[str, ArchiveKind] | None:
    """Tell whether an asset is an archive.

    Its href decides, then its key, then its `file:local_path`, then its media type. (CDSE calls all
    its archives `product`, RS-Server's keys are file names.)

    Returns:
        The archive's file name as far as it is known and how it is read, or None.
    """
    for name in (_last(str(asset.get("href") or "")), key, _last(str(asset.get("file:local_path") or ""))):
        kind = archive_kind(name)
        if kind is not None:
            return name, kind
    kind = _DECLARED.get(str(asset.get("type") or "").partition(";")[0].strip().lower())
    return None if kind is None else (key, kind)


def _last(href: str) -> str:
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    # In object stores '?' and '#' belong to the name.
    path = href if parts.scheme not in ("file", "http", "https") else unquote(parts.path)
    return path.rpartition("/")[2]
