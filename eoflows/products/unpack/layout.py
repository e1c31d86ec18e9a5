"""What a user gets out of an archive: product folders, a folder, or a file."""

from collections.abc import Mapping
from dataclasses import dataclass

from eoflows.products.unpack.kinds import is_product_folder
from eoflows.products.unpack.members import Entry, Tree

__all__ = ["Product", "arrange"]


@dataclass(frozen=True)
class Product:
    """Something that gets a name of its own in the item's folder.

    Attributes:
        name: Name in the item's folder.
        source: Path in the unpacked content; empty for all of it.
        folder: Whether it is a folder; else it is one file.
        files: Its files by path relative to it; a single file has the path ''.
    """

    name: str
    source: str
    folder: bool
    files: Mapping[str, Entry]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files.values())


def arrange(tree: Tree, stem: str, *, use_extension: bool = False) -> list[Product]:
    """Choose what becomes a product, and its name.

    If all is in one folder that is no product folder (.SAFE, .SEN3, .zarr), that folder is left out.
    Then product folders keep their names, each is a product if there is nothing else; a single
    file keeps its name; everything else is a folder named after the archive.

    Args:
        tree: The content.
        stem: The archive's name without its suffix.
        use_extension: Add the suffix of the folder that is left out to the name of the new one.
    """
    base, suffix = "", ""
    top = tree.top
    if len(top) == 1 and tree.is_folder(top[0]) and not is_product_folder(top[0]):
        base = top[0]
        if use_extension and "." in base.strip("."):
            suffix = "." + base.rpartition(".")[2]
    entries = tree.children(base)
    if all(tree.is_folder(path) and is_product_folder(path.rpartition("/")[2]) for path in entries):
        return [Product(path.rpartition("/")[2], path, True, tree.under(path)) for path in entries]
    if len(entries) == 1 and not tree.is_folder(entries[0]):
        path = entries[0]
        return [Product(path.rpartition("/")[2], path, False, {"": tree.files[path]})]
    name = stem if stem.lower().endswith(suffix.lower()) else stem + suffix
    return [Product(name, base, True, tree.under(base))]
