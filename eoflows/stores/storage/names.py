"""Names of stored objects, built from validated parts and from nothing else.

An id or asset key comes from a catalogue that may be wrong or hostile. An id becomes part of a name as it
is, or is refused. An asset key does too, unless it is no name for a file: then the characters that are in the
way are written as `~2F` and the like, which `asset_of` undoes. So one asset has one name for ever, and no two
have one.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from eoflows.base.errors import UnsafeNameError
from eoflows.base.files.leftovers import is_part

__all__ = [
    "INVISIBLE",
    "MOST_KEY_BYTES",
    "MOST_PART_BYTES",
    "asset_key",
    "asset_of",
    "asset_top",
    "check_key",
    "check_twins",
    "file_names",
    "folded",
    "is_foreign",
]

MOST_PART_BYTES = 255
MOST_KEY_BYTES = 1024

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that no name has: control, format (writing direction, zero width), surrogate, line and
paragraph separator."""

_PLAIN = re.compile(r"\w(?:[\w.-]*[\w-])?(?:/\w(?:[\w.-]*[\w-])?)*", re.ASCII)
"""Names that break no rule, as nearly all are: found so, a key need not be read letter by letter."""

_ASSET = 4
"""Parts of an asset's name; what follows are names inside an unpacked folder."""

_GENERATION = re.compile(r"gen-[0-9a-f]{12}")
_ESCAPE = re.compile(r"~([0-9A-F]{2})")
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_. ")
_LONGEST, _KEPT = 200, 160
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,254}")
_OUTER = ". "
"""Characters that no name begins or ends with."""


def asset_key(owner: str, collection: str, item: str, asset: str, generation: str = "") -> str:
    """Build the name `{owner}/{collection}/{item}/{asset}` of an asset.

    Args:
        owner: Owner of the collection.
        collection: Collection without its owner.
        item: Item id.
        asset: Asset key, any text; what cannot be in a file's name is escaped.
        generation: Twelve hex digits for an asset that takes the place of an earlier one, whose name stays
            with that: the name is `{owner}/{collection}/{item}/gen-{generation}/{asset}`.

    Raises:
        UnsafeNameError: A part is empty or longer than 255 bytes in UTF-8; or another than the asset key
            is `.` or `..`, begins with a dot or space or ends with one, or has a slash, a backslash, a
            control or invisible character. Without a generation the whole has 1023 bytes at most.
    """
    place = _placed(asset)
    parts = {"owner": owner, "collection": collection, "item": item, "asset": place}
    for role, part in parts.items():
        fault = _fault(part)
        if fault:
            raise UnsafeNameError(
                f"asset {_show(asset)} of item {_show(item)} cannot be stored: {role} {_show(part)} {fault}"
            )
    folder = f"{owner}/{collection}/{item}"
    return f"{folder}/gen-{generation}/{place}" if generation else f"{folder}/{place}"


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Give names of one folder, whatever they are, as names of files, which differ on any file system.

    `asset_of` gives a name back, unless it was empty or too long: then the file's ends with a digest.
    """
    given = dict.fromkeys(names)
    count = Counter(map(folded, given))
    # A tilde may be the beginning of what another one is escaped to, in another case.
    return {name: _short(name, _placed(name, apart=count[folded(name)] > 1 or "~" in name)) for name in given}


def _short(name: str, place: str) -> str:
    if _fault(place) is None and len(place.encode()) <= _LONGEST:
        return place
    digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    beginning = place.encode(errors="ignore")[:_KEPT].decode(errors="ignore").lower()
    return f"{beginning}~{digest}"


def _placed(asset: str, *, apart: bool = False) -> str:
    """Give the last part of an asset's name.

    Args:
        asset: The asset's key.
        apart: Whether it has to differ from names that are the same in another case or Unicode form.
    """
    if not apart and not _ESCAPE.search(asset) and not _GENERATION.fullmatch(asset) and _fault(asset) is None:
        return asset
    first, last = 0, len(asset) - 1
    return "".join(
        _escaped(char)
        if char in "/\\~"
        or unicodedata.category(char) in INVISIBLE
        or (place in (first, last) and char in _OUTER)
        or (place == first and _GENERATION.fullmatch(asset))
        or (apart and char not in _SAFE)
        else char
        for place, char in enumerate(asset)
    )


def _escaped(char: str) -> str:
    # What UTF-8 cannot say stays, and is refused with the whole.
    return "".join(f"~{byte:02X}" for byte in char.encode(errors="ignore")) or char


def asset_of(place: str) -> str:
    """Give the asset key that the last part of an asset's name was made from."""
    raw = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), place.encode().decode("latin-1"))
    return raw.encode("latin-1").decode()


def asset_top(key: str) -> str:
    """Give the name of the asset that an object belongs to; an unpacked folder is one."""
    parts = key.split("/")
    within = len(parts) > _ASSET and _GENERATION.fullmatch(parts[_ASSET - 1]) is not None
    return "/".join(parts[: _ASSET + within])


def check_key(key: str) -> tuple[str, ...]:
    """Split a key into its parts.

    Inside the folder that an asset is, from the fifth part on, a part may begin with a dot: Zarr calls its
    metadata `.zattrs`.

    Raises:
        UnsafeNameError: A part breaks the rules of `asset_key`, or is hidden where it may not be or is
            named like an unfinished file, or the whole has more than 1024 bytes.
    """
    parts = tuple(key.split("/"))
    if len(key) <= MOST_PART_BYTES and _PLAIN.fullmatch(key):
        return parts
    for place, part in enumerate(parts):
        fault = _fault(part, hidden=place >= _ASSET and not is_part(part))
        if fault:
            raise UnsafeNameError(f"key {_show(key)} cannot be stored: part {_show(part)} {fault}")
    if len(key.encode()) > MOST_KEY_BYTES:
        raise UnsafeNameError(f"key {_show(key)} is longer than {MOST_KEY_BYTES} bytes")
    return parts


def is_foreign(key: str) -> bool:
    """Whether a name is one that no key of ours has, hidden for example; others put such files there."""
    try:
        check_key(key)
    except UnsafeNameError:
        return True
    return False


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
        other = seen.get(folded(name))
        seen[folded(name)] = name
        if other is not None:
            where = f" of item {_show(item)}" if item else ""
            raise UnsafeNameError(
                f"assets {_show(other)} and {_show(name)}{where} differ only in case or in Unicode form; "
                "they would overwrite each other, rename one at the source"
            )


def folded(name: str) -> str:
    """Give what names have in common that are one name on some file systems: NFC and case folding."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _fault(part: str, *, hidden: bool = False) -> str | None:
    # Most names are plain, and judged many times.
    plain = _PLAIN.fullmatch(part) and part[-1] != "."
    return None if plain else _judged(part, hidden)


def _judged(part: str, hidden: bool) -> str | None:
    if not part:
        return "is empty"
    if part in (".", ".."):
        return "would leave its folder"
    if "/" in part or "\\" in part:
        return "has a slash or backslash"
    bad = next((char for char in part if unicodedata.category(char) in INVISIBLE), None)
    if bad is not None:
        return f"has the control or invisible character U+{ord(bad):04X}"
    if part[0] in (" " if hidden else ". ") or part[-1] in ". ":
        return "begins or ends with a dot or a space"
    length = len(part.encode())
    return f"has {length} bytes, at most {MOST_PART_BYTES} are allowed" if length > MOST_PART_BYTES else None


def _show(text: str, most: int = 80) -> str:
    return ascii(text if len(text) <= most else text[:most] + "...")
