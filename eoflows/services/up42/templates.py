"""Templates as rows of data: which inputs a process takes, and how attributes become inputs.

The named rows are those of the official SDK; `row_of` makes one from the description of any process.
"""

import keyword
import re
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Literal

from eoflows.base.errors import ContractError, InvalidInputError

__all__ = [
    "MULTI_ITEM",
    "NAMED",
    "SINGLE_ITEM",
    "GreyWeight",
    "InputRow",
    "TemplateRow",
    "inputs_of",
    "row_of",
]

Kind = Literal["item", "items", "value"]
"""`item` and `items` are STAC items, sent as their self hrefs; a `value` is sent as it is."""


@dataclass(frozen=True)
class GreyWeight:
    """Weight of a band in pansharpening.

    Attributes:
        band: Name of the band.
        weight: Its weight.
    """

    band: str
    weight: float


@dataclass(frozen=True)
class InputRow:
    """One input.

    Attributes:
        attribute: Name of the template's attribute: `source_item`.
        name: Name of the process's input: `sourceItem`.
        kind: What it takes.
        required: Whether it must be given.
        default: What is sent where nothing is given; None sends nothing.
    """

    attribute: str
    name: str
    kind: Kind = "value"
    required: bool = True
    default: Any = None


@dataclass(frozen=True)
class TemplateRow:
    """One template.

    Attributes:
        name: Name of its class in the official SDK, or the process id where it has none.
        process_id: Name of the process.
        inputs: What it takes, in the order of the class's arguments.
    """

    name: str
    process_id: str
    inputs: tuple[InputRow, ...]


_TITLE = InputRow("title", "title")
_ITEM = InputRow("item", "item", "item")
SINGLE_ITEM = (_TITLE, _ITEM)
"""What a process of one STAC item takes."""
MULTI_ITEM = (_TITLE, InputRow("items", "items", "items"))
"""What a process of several STAC items takes."""
_PAIR = (
    _TITLE,
    InputRow("source_item", "sourceItem", "item"),
    InputRow("reference_item", "referenceItem", "item"),
)
_SENSITIVITY = InputRow("sensitivity", "sensitivity", required=False, default=2)
_GREY_WEIGHTS = InputRow("grey_weights", "greyWeights", required=False)
_SINGLE_ITEM = {
    "DetectionBuildingsSpacept": "detection-buildings-spacept",
    "DetectionTreesSpacept": "detection-trees-spacept",
    "DetectionShadowsSpacept": "detection-shadows-spacept",
    "DetectionShipsAirbus": "detection-ships-airbus",
    "DetectionWindTurbinesAirbus": "detection-wind-turbines-airbus",
    "DetectionStorageTanksAirbus": "detection-storage-tanks-airbus",
    "DetectionTrucksOI": "detection-trucks-oi",
    "DetectionCarsOI": "detection-cars-oi",
    "DetectionAircraftOI": "detection-aircraft-oi",
    "UpsamplingNS": "upsampling-ns",
    "UpsamplingNSSentinel": "upsampling-ns-sentinel",
    "TrueColorConversion": "true-color-conversion",
    "OrthorectificationIntermap": "orthorectification-intermap",
}

NAMED: Mapping[str, TemplateRow] = {
    row.name: row
    for row in (
        *(TemplateRow(name, process, SINGLE_ITEM) for name, process in _SINGLE_ITEM.items()),
        TemplateRow("CoregistrationSimularity", "coregistration-simularity", _PAIR),
        TemplateRow("DetectionChangeSimularity", "detection-change-simularity", (*_PAIR, _SENSITIVITY)),
        TemplateRow("Pansharpening", "pansharpening", (*SINGLE_ITEM, _GREY_WEIGHTS)),
    )
}
"""By class name."""


def row_of(description: Mapping[str, Any], *, reserved: Container[str] = ()) -> TemplateRow:
    """Make a template from a process's description, as `GET /v2/processing/processes/{id}` gives it.

    A text in the format `uri` is taken as an item, a list of such texts as items; attributes are the
    inputs' names in snake case, required ones first.

    Args:
        description: The description.
        reserved: Names that no attribute may have; one that would gets an underscore after it.

    Raises:
        ContractError: It has no id or no inputs.
    """
    process_id, inputs = description.get("id"), description.get("inputs")
    if not isinstance(process_id, str) or not isinstance(inputs, Mapping):
        raise ContractError(f"process {process_id!r:.80} is described without id or inputs")
    rows: dict[str, InputRow] = {}
    for name, about in inputs.items():
        attribute = _attribute_of(name)
        while attribute in rows or attribute in reserved or keyword.iskeyword(attribute):
            attribute += "_"
        rows[attribute] = _input_of(attribute, name, about)
    ordered = sorted(rows.values(), key=lambda row: not row.required)
    return TemplateRow(process_id, process_id, tuple(ordered))


def _attribute_of(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    found = re.sub(r"\W", "_", snake)
    return found if found.isidentifier() else f"input_{found}"


def _input_of(attribute: str, name: str, about: Mapping[str, Any]) -> InputRow:
    schema = about.get("schema") or {}
    return InputRow(attribute, name, _kind_of(schema), about.get("minOccurs", 1) != 0, schema.get("default"))


def _kind_of(schema: Mapping[str, Any]) -> Kind:
    if schema.get("format") == "uri":
        return "item"
    return "items" if (schema.get("items") or {}).get("format") == "uri" else "value"


def inputs_of(row: TemplateRow, values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a template's attributes into the `inputs` of a request.

    Args:
        row: The template.
        values: By attribute. An item is a pystac item or its self href.

    Raises:
        InvalidInputError: An attribute is missing or unknown, or an item has no self href.
    """
    unknown = values.keys() - {one.attribute for one in row.inputs}
    if unknown:
        known = ", ".join(one.attribute for one in row.inputs)
        raise InvalidInputError(f"{row.name} takes {known}, not {', '.join(sorted(unknown))}")
    found = {one.name: _sent(row, one, values.get(one.attribute, one.default)) for one in row.inputs}
    return {name: value for name, value in found.items() if value is not None}


def _sent(row: TemplateRow, one: InputRow, value: Any) -> Any:
    if value is None:
        if one.required:
            raise InvalidInputError(f"{row.name} needs {one.attribute}; give it")
        return None
    if one.kind == "item":
        return _href(value)
    if one.kind == "items":
        if isinstance(value, str):
            raise InvalidInputError(f"{row.name} needs a list of {one.attribute}, not one; put it in a list")
        return [_href(item) for item in value]
    parts = value if isinstance(value, list | tuple) else None
    return _plain(value) if parts is None else [_plain(part) for part in parts]


def _href(item: Any) -> str:
    href = item if isinstance(item, str) else item.get_self_href()
    if not href:
        raise InvalidInputError(f"item {getattr(item, 'id', item)!r} has no self href; take it from storage")
    return str(href)


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
