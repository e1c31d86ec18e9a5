"""How catalogued items become inputs of a process of OGC API - Processes: pure, and checked beforehand."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import format_utc
from eoflows.products.selection.scene import Scene
from eoflows.products.staging.provenance import ITEM, PREFIX
from eoflows.services.ogc_processes import InputFault, InvalidInputsError, ProcessDescription, validate_inputs
from eoflows.stores.stac.items import ItemDict

__all__ = ["SCENE", "Feed", "Given", "check_chain", "feed_inputs", "fill_inputs"]

SCENE = "scene"
"""What a feed calls the scene itself."""

_PLACEHOLDER = re.compile(r"\{scene\.(\w*)\}")
_ANYTHING = {"href": "urn:eoflows:chosen-later"}
_CATALOGUES_OWN = frozenset({"expires", "owner", "published", "unpublished", "updated"})


class Feed(BaseModel):
    """What goes into one input of a process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str = Field(
        min_length=1,
        description="What is given: an auxiliary input of the table by name (orbit), a product type "
        "(AUX_POEORB), or scene, the catalogued scene itself.",
    )
    input: str = Field(
        min_length=1, description="Into which input of the process, by the name that describe-process shows."
    )
    give: Literal["files", "item", "link"] = Field(
        default="files",
        description="files: a link to each staged file; item: the STAC item itself; link: a link to the "
        "item in the catalogue.",
    )
    asset: str = Field(default="", description="With files: only the asset of this key; empty: all of them.")


@dataclass(frozen=True)
class Given:
    """What there is to be given.

    Attributes:
        name: The auxiliary input's name in the table, or `scene`.
        product_type: Its product type.
        items: Catalogued items.
    """

    name: str
    product_type: str
    items: Sequence[ItemDict]

    @property
    def names(self) -> tuple[str, str]:
        """What a feed may call it."""
        return self.name, self.product_type


def fill_inputs(inputs: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    """Put the scene's own values in the places of `{scene.name}`, `{scene.start}` and so on, in texts.

    Times are RFC 3339 in UTC.

    Raises:
        InvalidInputError: The scene has no such value.
    """
    values = {
        "name": scene.name,
        "mission": scene.mission,
        "platform": scene.platform,
        "product_type": scene.product_type,
        "start": format_utc(scene.interval.start),
        "end": format_utc(scene.interval.end),
    }

    def value(match: re.Match[str]) -> str:
        if found := values.get(match[1]):
            return found
        known = ", ".join(name for name in values if values[name])
        raise InvalidInputError(f"{match[0]} is nothing that scene {scene} has; it has {known}")

    def filled(part: Any) -> Any:
        if isinstance(part, str):
            return _PLACEHOLDER.sub(value, part)
        if isinstance(part, Mapping):
            return {name: filled(one) for name, one in part.items()}
        return [filled(one) for one in part] if isinstance(part, list) else part

    return {name: filled(part) for name, part in inputs.items()}


def check_chain(
    process: ProcessDescription,
    inputs: Mapping[str, Any],
    feeds: Sequence[Feed],
    *,
    products: Collection[str],
    outputs: Collection[str] = (),
) -> None:
    """Check what can be known before anything is staged: names, fixed values, and that nothing is missing.

    Args:
        process: What the server says of the process.
        inputs: Those that are given as they are.
        feeds: What goes into the others.
        products: Names that a feed may give.
        outputs: Outputs wanted.

    Raises:
        InvalidInputsError: Something does not fit; it lists all of that.
    """
    later = {feed.input: _ANYTHING for feed in feeds}
    faults = [
        InputFault(feed.input, f"nothing is called {feed.product!r}; there are {', '.join(products)}")
        for feed in feeds
        if feed.product not in products
    ]
    faults += [
        InputFault(name, "is given twice, by a feed and as a value") for name in later if name in inputs
    ]
    faults += validate_inputs(process, {**inputs, **later})
    made = ", ".join(process.outputs)
    faults += [
        InputFault(name, f"the process has no such output; it has {made}")
        for name in outputs
        if name not in process.outputs
    ]
    if faults:
        raise InvalidInputsError(f"this does not fit process {process.id!r}; nothing was done", tuple(faults))


def feed_inputs(
    process: ProcessDescription,
    inputs: Mapping[str, Any],
    feeds: Sequence[Feed],
    given: Sequence[Given],
    address: Callable[[ItemDict], str],
) -> dict[str, Any]:
    """Give all inputs of the process. One that nothing was found for is left out.

    Args:
        process: What the server says of the process.
        inputs: Those that are given as they are.
        feeds: What goes into the others.
        given: What there is.
        address: Gives the absolute address of a catalogued item.

    Raises:
        InvalidInputsError: They do not fit, as when a mandatory input got nothing or a single one several.
        InvalidInputError: An item has no asset that a feed names.
    """
    found: dict[str, list[Any]] = {}
    for feed in feeds:
        items = [item for one in given if feed.product in one.names for item in one.items]
        found.setdefault(feed.input, []).extend(
            value for item in items for value in _values(feed, item, address)
        )
    several = {name for name, one in process.inputs.items() if one.maxOccurs != 1}
    fed = {
        name: values if name in several or len(values) > 1 else values[0]
        for name, values in found.items()
        if values
    }
    whole = {**inputs, **fed}
    if faults := validate_inputs(process, whole):
        raise InvalidInputsError(
            f"what was staged does not fit process {process.id!r}; nothing was sent", tuple(faults)
        )
    return whole


def _values(feed: Feed, item: ItemDict, address: Callable[[ItemDict], str]) -> Iterator[Any]:
    if feed.give == "item":
        yield {"value": _lasting(item), "mediaType": ITEM}
    elif feed.give == "link":
        yield {"href": address(item), "type": ITEM}
    else:
        assets = {key: one for key, one in item["assets"].items() if feed.asset in ("", key)}
        if not assets:
            raise InvalidInputError(
                f"item {item['id']!r} has no asset {feed.asset or 'at all'}; it has "
                f"{', '.join(item['assets']) or 'none'}"
            )
        for asset in assets.values():
            kind = {"type": asset["type"]} if asset.get("type") else {}
            yield {"href": asset["href"], **kind}


def _lasting(item: ItemDict) -> ItemDict:
    """An item without what its catalogue and its run wrote: the same product is the same value again."""
    properties = {
        name: value
        for name, value in item["properties"].items()
        if name not in _CATALOGUES_OWN and not name.startswith(PREFIX)
    }
    return {**item, "properties": properties, "links": []}
