"""The files of an export: exact names, and whether all of them are there."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.stores.transfer import Checksum

__all__ = ["ShardGrid", "StoredObject", "image_objects", "manifest_of"]

_SHARD = re.compile(r"(?:-(\d{10})-(\d{10}))?\.tif")


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One generation of an object.

    Attributes:
        name: Whole name in its bucket.
        size: Bytes.
        checksum: What is known of its bytes, or None.
        generation: Number of its content; a later one is larger.
    """

    name: str
    size: int
    checksum: Checksum | None
    generation: int

    @property
    def file_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "name": self.name,
            "size": self.size,
            "crc32c": None if self.checksum is None else self.checksum.digest.hex(),
            "generation": str(self.generation),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "StoredObject":
        """Read what `to_dict` has written.

        Raises:
            InvalidInputError: It is none.
        """
        try:
            digest = document.get("crc32c")
            return cls(
                name=str(document["name"]),
                size=int(document["size"]),
                checksum=Checksum("crc32c", bytes.fromhex(digest)) if digest else None,
                generation=int(document["generation"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"this is no entry of a manifest: {type(error).__name__} {error}"
            ) from error


@dataclass(frozen=True)
class ShardGrid:
    """How an image is cut into files.

    Attributes:
        width: Columns of the image.
        height: Rows of the image.
        edge_x: Columns of a file; the last one in a row of files may have fewer.
        edge_y: Rows of a file.
    """

    width: int
    height: int
    edge_x: int
    edge_y: int

    def suffixes(self) -> list[str]:
        """Give what the files' names end with, row by row."""
        if self.width <= self.edge_x and self.height <= self.edge_y:
            return [".tif"]
        return [
            f"-{row:010d}-{column:010d}.tif"
            for row in range(0, self.height, self.edge_y)
            for column in range(0, self.width, self.edge_x)
        ]


def image_objects(objects: Iterable[StoredObject], name: str) -> list[StoredObject]:
    """Choose the files of an export among all that begin with its name.

    Args:
        objects: What a bucket lists.
        name: Whole name of the export; files of exports whose names begin with it are left out.
    """
    return sorted(
        (one for one in objects if one.name.startswith(name) and _SHARD.fullmatch(one.name[len(name) :])),
        key=lambda one: one.name,
    )


def manifest_of(objects: Iterable[StoredObject], name: str, grid: ShardGrid) -> list[StoredObject]:
    """Give the files of an export, each with its checksum.

    Args:
        objects: What a bucket lists.
        name: Whole name of the export.
        grid: Which files there must be.

    Raises:
        ContractError: A file is missing, there is one too many, or one has no checksum.
    """
    found = {one.name: one for one in image_objects(objects, name)}
    expected = [name + suffix for suffix in grid.suffixes()]
    missing = [one for one in expected if one not in found]
    if missing:
        raise ContractError(
            f"{name}: {len(missing)} of {len(expected)} files are not there, the first is {missing[0]}"
        )
    surplus = sorted(set(found) - set(expected))
    if surplus:
        raise ContractError(
            f"{name}: {surplus[0]} is none of its {len(expected)} files; was it exported before?"
        )
    for one in found.values():
        if one.checksum is None:
            raise ContractError(f"{one.name} has no CRC32C in the bucket's list")
    return [found[one] for one in expected]
