"""Processes: what they take, what they cost, and how inputs are checked against their description."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["PROCESSES", "Process", "cost_document", "schema_error"]

_ITEM_PATH = (
    "The path to a STAC item in the '/v2/assets/stac/collections/{collection-id}/items/{item-id}' format."
)
_URI = {"type": "string", "format": "uri", "description": _ITEM_PATH}
_WEIGHT = {
    "type": "object",
    "properties": {"band": {"type": "string"}, "weight": {"type": "number"}},
    "required": ["band", "weight"],
}


def _input(title: str, schema: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    about = {"title": title, "description": f"{title} of the process."}
    return {**about, "minOccurs": int(required), "maxOccurs": 1, "schema": dict(schema)}


INPUTS: Mapping[str, Mapping[str, Any]] = {
    "title": _input("Title", {"type": "string", "minLength": 1, "maxLength": 250}),
    "item": _input("STAC item", _URI),
    "items": _input("STAC items", {"type": "array", "items": _URI, "minItems": 1}),
    "sourceItem": _input("Source STAC item", _URI),
    "referenceItem": _input("Reference STAC item", _URI),
    "sensitivity": _input("Sensitivity", {"type": "integer", "minimum": 1, "maximum": 5}, required=False),
    "greyWeights": _input("Grey weights", {"type": "array", "items": _WEIGHT}, required=False),
}
"""Descriptions of all inputs, by name, as OGC API - Processes writes them."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
ITEM_INPUTS = ("item", "items", "sourceItem", "referenceItem")


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that can be run."""

    id: str
    title: str
    inputs: tuple[str, ...] = ("title", "item")
    """Names of its inputs; see `INPUTS`."""
    credits: float = 1
    """Price of a unit, or of the whole job with the strategy `none`."""
    strategy: Literal["area", "none"] = "area"
    unit: str = "SQ_KM"

    @property
    def eula_id(self) -> str:
        """Identifier of the licence agreement."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"eula:{self.id}"))

    def summary(self, credits: float) -> dict[str, Any]:
        """Return the process as a list shows it, at a price."""
        price = {"credits": credits, "unit": self.unit}
        parameters = [
            {"name": "eula-id", "value": [self.eula_id]},
            {"name": "price", "value": [price]},
        ]
        return {
            "id": self.id,
            "title": self.title,
            "version": "1.0.0",
            "description": f"{self.title}, as the sandbox does it.",
            "jobControlOptions": ["async-execute"],
            "outputTransmission": ["reference"],
            "additionalParameters": {"parameters": parameters},
        }

    def document(self, credits: float) -> dict[str, Any]:
        """Return the whole description."""
        inputs = {name: INPUTS[name] for name in self.inputs}
        return {**self.summary(credits), "inputs": inputs, "outputs": {}}

    def item_hrefs(self, inputs: Mapping[str, Any]) -> list[str]:
        """Return the addresses of the items among inputs that fit the description."""
        found: list[str] = []
        for name in ITEM_INPUTS:
            if name in self.inputs and name in inputs:
                found += inputs[name] if isinstance(inputs[name], list) else [inputs[name]]
        return found


def schema_error(process: Process, inputs: Any) -> str | None:
    """Return what is formally wrong with inputs, worded like the service; None if nothing is."""
    if not isinstance(inputs, dict):
        return "data.inputs must be object"
    missing = [name for name in process.inputs if INPUTS[name]["minOccurs"] and name not in inputs]
    if missing:
        return f"data.inputs must contain {missing} properties"
    unknown = set(inputs) - set(process.inputs)
    if unknown:
        return f"data.inputs must not contain {sorted(unknown)} properties"
    for name, value in inputs.items():
        for problem in _problems(f"data.inputs.{name}", value, INPUTS[name]["schema"]):
            return problem
    return None


def _problems(name: str, value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, _KINDS[schema["type"]]) or isinstance(value, bool):
        yield f"{name} must be {schema['type']}"
    elif isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield f"{name} must be longer than or equal to {schema['minLength']} characters"
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{name} must contain at least {schema['minItems']} items"
        for position, part in enumerate(value):
            yield from _problems(f"{name}[{position}]", part, schema["items"])
    elif isinstance(value, dict):
        missing = [key for key in schema["required"] if key not in value]
        if missing:
            yield f"{name} must contain {missing} properties"
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{name} must be from {schema['minimum']} to {schema['maximum']}"


def cost_document(process: Process, credits: float, areas: Sequence[float]) -> dict[str, Any]:
    """Return the estimate for items of these areas (km²), at a price."""
    if process.strategy == "none":
        return {"pricingStrategy": "none", "totalCredits": round(credits)}
    size = round(sum(areas), 3)
    total = max(1, round(size * credits))
    return {"pricingStrategy": "area", "totalCredits": total, "totalSize": size, "unit": process.unit}


def _single(name: str, title: str, credits: float) -> Process:
    return Process(id=name, title=title, credits=credits)


PROCESSES: tuple[Process, ...] = (
    _single("detection-buildings-spacept", "Building detection", 1),
    _single("detection-trees-spacept", "Tree detection", 1),
    _single("detection-shadows-spacept", "Shadow detection", 1),
    _single("detection-ships-airbus", "Ship detection", 2),
    _single("detection-wind-turbines-airbus", "Wind turbine detection", 2),
    _single("detection-storage-tanks-airbus", "Storage tank detection", 2),
    _single("detection-trucks-oi", "Truck detection", 3),
    _single("detection-cars-oi", "Car detection", 3),
    _single("detection-aircraft-oi", "Aircraft detection", 3),
    _single("upsampling-ns", "Upsampling", 5),
    _single("upsampling-ns-sentinel", "Upsampling of Sentinel-2", 0.2),
    _single("orthorectification-intermap", "Orthorectification", 2),
    Process(id="true-color-conversion", title="True colour conversion", strategy="none"),
    Process(id="pansharpening", title="Pansharpening", inputs=("title", "item", "greyWeights"), credits=4),
    Process(
        id="coregistration-simularity",
        title="Coregistration",
        inputs=("title", "sourceItem", "referenceItem"),
        credits=2,
    ),
    Process(
        id="detection-change-simularity",
        title="Change detection",
        inputs=("title", "sourceItem", "referenceItem", "sensitivity"),
        credits=6,
    ),
    Process(id="mosaicking-sandbox", title="Mosaic", inputs=("title", "items"), credits=2),
)
"""The named processes of the SDK, and one that takes many items, which only the sandbox has."""
