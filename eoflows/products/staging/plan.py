"""What would be done for one item, decided without touching anything."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from eoflows.base.errors import InvalidInputError
from eoflows.products.staging.outcomes import ItemRecord, Outcome
from eoflows.stores.catalog import KnownAsset, KnownItem
from eoflows.stores.stac.items import ItemDict, fault_of
from eoflows.stores.storage import asset_key, check_twins
from eoflows.stores.transfer import Checksum

__all__ = ["AssetPlan", "ItemPlan", "Place", "plan_item"]


@dataclass(frozen=True)
class Place:
    """Where items go.

    Attributes:
        owner: Owner of the collection.
        collection: Collection name without its owner.
        schemes: URL schemes to use, the preferred first; assets offer alternatives (`alternate`).
    """

    owner: str
    collection: str
    schemes: tuple[str, ...] = ("https", "http", "s3")

    def __post_init__(self) -> None:
        name = self.collection
        if not name or ":" in name or name.startswith("_"):
            raise InvalidInputError(
                f"collection {name[:80]!r} cannot be used; name it without its owner, and let it begin with "
                "a letter or digit"
            )

    @property
    def catalog_collection(self) -> str:
        """The collection's id in the catalogue, `owner:collection`."""
        return f"{self.owner}:{self.collection}"


@dataclass(frozen=True)
class AssetPlan:
    """One asset to fetch.

    Attributes:
        key: Asset key.
        storage_key: Name in the storage.
        urls: Where it can be had, in the order to try.
        size: Bytes promised, or None.
        checksums: Checksums promised that can be verified.
        unverified: The one promised that cannot, for its algorithm is not known here; empty if there is none.
        kind: Media type promised; empty if none is.
    """

    key: str
    storage_key: str
    urls: tuple[str, ...]
    size: int | None
    checksums: tuple[Checksum, ...]
    unverified: str = ""
    kind: str = ""

    @property
    def promises(self) -> bool:
        """Whether anything is known of its bytes."""
        return self.size is not None or bool(self.checksums)


@dataclass(frozen=True)
class ItemPlan:
    """What to do for one item.

    Attributes:
        item: The item as its source describes it.
        assets: What to fetch; empty if the item is already there.
        keep: Keys of catalogued assets that stay as they are.
        reason: Why.
        promise: Size and checksums of each wanted asset; None if one of them promises nothing.
        known: What the catalogue had under its id, or None.
    """

    item: ItemDict
    assets: tuple[AssetPlan, ...]
    keep: tuple[str, ...]
    reason: str
    promise: frozenset[tuple[str, int | None, tuple[Checksum, ...]]] | None = None
    known: KnownItem | None = None

    def record(self, outcome: Outcome) -> ItemRecord:
        """Describe the plan as an outcome."""
        size = sum(asset.size or 0 for asset in self.assets)
        return ItemRecord(self.item["id"], outcome, self.reason, size, len(self.assets) or len(self.keep))


def plan_item(
    item: ItemDict, known: KnownItem | None, place: Place, selected: Collection[str] | None = None
) -> ItemPlan:
    """Decide what an item needs.

    Args:
        item: From a search.
        known: What the catalogue has under its id, or None.
        place: Where it goes.
        selected: Asset keys wanted; None takes all.

    Raises:
        InvalidInputError: The item, or its record, cannot be read; it has none of the selected assets, an
            asset without a usable URL, a checksum that cannot be read, or (`UnsafeNameError`) a name that
            must not become a file.
    """
    fault = fault_of(item)
    if fault:
        raise InvalidInputError(fault)
    if known is not None and known.fault:
        raise InvalidInputError(f"its record in the catalogue cannot be read: {known.fault}; remove it there")
    keys, note = _wanted(item["assets"], selected)
    assets: Mapping[str, Any] = item["assets"]
    check_twins(keys, item=item["id"])
    plans = tuple(_plan_asset(item["id"], key, assets[key], place) for key in keys)
    promise = frozenset((plan.key, plan.size, plan.checksums) for plan in plans if plan.promises)
    promised = promise if len(promise) == len(plans) else None
    if known is None:
        return ItemPlan(item, plans, (), f"not in the catalogue{note}", promised)
    if known.unpublished:
        return ItemPlan(item, plans, (), "catalogued, but unpublished", promised, known)
    lacking = tuple(plan for plan in plans if not _matches(plan, known.assets.get(plan.key)))
    keep = tuple(key for key in known.assets if key not in {plan.key for plan in lacking})
    if not lacking:
        return ItemPlan(item, (), keep, "in the catalogue", promised, known)
    without = "catalogued without: " + ", ".join(plan.key for plan in lacking)
    made = generation(known, lacking)
    new = tuple(
        elsewhere(plan, item["id"], place, made) if plan.key in known.assets else plan for plan in lacking
    )
    return ItemPlan(item, new, keep, without, promised, known)


def generation(known: KnownItem | None, assets: Collection[AssetPlan], attempt: int = 0) -> str:
    """Name what takes the place of a record's assets, for `asset_key`.

    It follows from what is replaced and what by. So a run that was killed finds its files again, runs that
    stage the same share them, and no name ever has two contents one after the other.

    Args:
        known: The record that is replaced, or None.
        assets: What is fetched.
        attempt: Another one gives another name.
    """
    before = sorted((key, asset.href) for key, asset in known.assets.items()) if known else None
    wanted = sorted((one.key, one.size, sorted(map(str, one.checksums))) for one in assets)
    return hashlib.blake2b(orjson.dumps([attempt, before, wanted]), digest_size=6).hexdigest()


def elsewhere(asset: AssetPlan, item_id: str, place: Place, made: str) -> AssetPlan:
    """Give the same asset with a name of another generation."""
    key = asset_key(place.owner, place.collection, item_id, asset.key, made)
    return replace(asset, storage_key=key)


def _wanted(assets: Mapping[str, Any], selected: Collection[str] | None) -> tuple[list[str], str]:
    """Give the keys of the assets that are wanted, and what to say of others.

    What has no href is no asset, but the form of one: it cannot be wanted where all are.
    """
    forms = {
        key
        for key, asset in assets.items()
        if isinstance(asset, Mapping) and not asset.get("href") and not asset.get("alternate")
    }
    keys = [key for key in assets if (key not in forms if selected is None else key in selected)]
    if not keys:
        asked = "" if selected is None else f" of {', '.join(sorted(selected))}"
        without = f", and without an href {', '.join(sorted(forms))}" if forms else ""
        others = ", ".join(key for key in assets if key not in forms) or "none"
        raise InvalidInputError(f"it has none{asked}; its assets are: {others}{without}")
    passed = (
        f"; passed over, having no href: {', '.join(sorted(forms))}" if forms and selected is None else ""
    )
    return keys, passed


def _matches(plan: AssetPlan, known: KnownAsset | None) -> bool:
    """Whether a catalogued asset is the one promised; what cannot be compared does not differ."""
    if known is None or (plan.size is not None and known.size not in (None, plan.size)):
        return False
    have = Checksum.read(known.checksum) if known.checksum else None
    if plan.unverified and known.checksum and have is None:
        return plan.unverified.lower() == known.checksum.lower()
    return have is None or all(want == have for want in plan.checksums if want.algorithm == have.algorithm)


def _plan_asset(item_id: str, key: str, asset: Any, place: Place) -> AssetPlan:
    storage_key = asset_key(place.owner, place.collection, item_id, key)
    if not isinstance(asset, Mapping):
        raise InvalidInputError(f"asset {key!r} is {str(asset)[:80]!r}, not an object")
    urls = _urls(key, asset, place.schemes)
    size, checksum = asset.get("file:size"), asset.get("file:checksum")
    promised = Checksum.read(str(checksum)) if checksum else None
    return AssetPlan(
        key,
        storage_key,
        urls,
        _size(key, size),
        (promised,) if promised else (),
        unverified=str(checksum).strip() if checksum and not promised else "",
        kind=str(asset.get("type") or ""),
    )


def _size(key: str, size: Any) -> int | None:
    try:
        promised = None if size is None else int(size)
    except (TypeError, ValueError, OverflowError):
        promised = -1
    if promised is not None and promised < 0:
        raise InvalidInputError(
            f"asset {key!r} has file:size {str(size)[:80]!r}, which is no number of bytes"
        )
    return promised


def _urls(key: str, asset: Mapping[str, Any], schemes: tuple[str, ...]) -> tuple[str, ...]:
    alternate = asset.get("alternate")
    offered = [asset, *(alternate.values() if isinstance(alternate, Mapping) else ())]
    hrefs = [str(entry.get("href") or "") for entry in offered if isinstance(entry, Mapping)]
    urls = [href for scheme in schemes for href in hrefs if _scheme(href) == scheme]
    if not urls:
        found = sorted({_scheme(href) or "no scheme" for href in hrefs})
        raise InvalidInputError(
            f"asset {key!r} has no URL with {', '.join(schemes)} (only {', '.join(found)})"
        )
    return tuple(dict.fromkeys(urls))


def _scheme(href: str) -> str:
    scheme, colon, rest = href.partition("://")
    if colon and scheme.isascii() and scheme.isalnum() and "[" not in rest and "]" not in rest:
        return scheme.lower()
    try:
        return urlsplit(href).scheme.lower()
    except ValueError:
        return "not a URL"
