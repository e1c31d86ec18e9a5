"""Names of stored objects, built from validated parts and from nothing else.

An id or asset key comes from a catalogue that may be wrong or hostile. It becomes part of a name as
it is, or is refused; it is never repaired, so one asset has one name for ever.
"""

import unicodedata
from collections.abc import Iterable

from eokit.errors import UnsafeNameError

__all__ = ["MOST_KEY_BYTES", "MOST_PART_BYTES", "asset_key", "check_key", "check_twins"]

MOST_PART_BYTES = 255
MOST_KEY_BYTES = 1024


def asset_key(owner: str, collection: str, item: str, asset: str) -> str:
    """Build the name `{owner}/{collection}/{item}/{asset}` of an asset.

    Raises:
        UnsafeNameError: A part is empty, `.` or `..`, begins with a dot or space or ends with one,
            has a slash, a backslash, a control or invisible character, or is longer than 255 bytes in
            UTF-8. The whole then has 1023 at most.
    """
    parts = {"owner": owner, "collection": collection, "item": item, "asset": asset}
    for role, part in parts.items():
        fault = _fault(part)
        if fault:
            raise UnsafeNameError(
                f"asset {_show(asset)} of item {_show(item)} cannot be stored: {role} {_show(part)} {fault}"
            )
    return "/".join(parts.values())


def check_key(key: str) -> tuple[str, ...]:
    """Split a key into its parts.

    Raises:
        UnsafeNameError: A part breaks the rules of `asset_key`, or the whole has more than 1024 bytes.
    """
    parts = tuple(key.split("/"))
    for part in parts:
        fault = _fault(part)
        if fault:
            raise UnsafeNameError(f"key {_show(key)} cannot be stored: part {_show(part)} {fault}")
    if len(key.encode()) > MOST_KEY_BYTES:
        raise UnsafeNameError(f"key {_show(key)} is longer than {MOST_KEY_BYTES} bytes")
    return parts


def check_twins(names: Iterable[str], *, item: str = "") -> None:
    """Refuse asset keys of one item that would be one file on some file systems.

    Args:
        names: The item's asset keys.
        item: The item's id, for the message.

    Raises:
        UnsafeNameError: Two of them are equal after Unicode normalisation (NFC) and case folding.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = _folded(name)
        other = seen.get(folded)
        seen[folded] = name
        if other is not None:
            where = f" of item {_show(item)}" if item else ""
            raise UnsafeNameError(
                f"assets {_show(other)} and {_show(name)}{where} differ only in case or in Unicode form; "
                "they would overwrite each other, rename one at the source"
            )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _fault(part: str) -> str | None:
    if not part:
        return "is empty"
    if part in (".", ".."):
        return "would leave its folder"
    if "/" in part or "\\" in part:
        return "has a slash or backslash"
    bad = next((char for char in part if unicodedata.category(char) in _HIDDEN), None)
    if bad is not None:
        return f"has the control or invisible character U+{ord(bad):04X}"
    if part[0] in ". " or part[-1] in ". ":
        return "begins or ends with a dot or a space"
    length = len(part.encode())
    return f"has {length} bytes, at most {MOST_PART_BYTES} are allowed" if length > MOST_PART_BYTES else None


# Control, format (writing direction, zero width), surrogate, line and paragraph separator.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _show(text: str, most: int = 80) -> str:
    return ascii(text if len(text) <= most else text[:most] + "...")
