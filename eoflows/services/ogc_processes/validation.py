"""Inputs against a process description, before anything is sent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import UnknownType, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from eoflows.base.errors import InvalidInputError
from eoflows.services.ogc_processes.forms import bare_type, form_of, is_reference
from eoflows.services.ogc_processes.models import (
    InputDescription,
    ProcessDescription,
    QualifiedValue,
    from_base64,
)

__all__ = ["InputFault", "InvalidInputsError", "validate_inputs"]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMED = frozenset({"properties", "patternProperties", "definitions", "$defs", "dependentSchemas"})
"""Words of JSON Schema with schemas by name; `_LISTED`: with a list of them; `_SINGLE`: with one."""
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_CONTRARY = frozenset({"not", "if", "contains"})
"""Words that may take less where more fits the schema in them."""
_SINGLE = _CONTRARY | {"then", "else", "items", "additionalItems", "additionalProperties", "propertyNames"}
_UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_UNUSABLE = (SchemaError, Unresolvable, UnknownType, re.error, RecursionError, OverflowError)
"""What a schema of a server can do wrong; it is then the server that has to check."""


@dataclass(frozen=True)
class InputFault:
    """What is wrong with one input.

    Attributes:
        name: The input.
        message: What is wrong, and what it should be.
        value: What was given; None where nothing was.
    """

    name: str
    message: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class InvalidInputsError(InvalidInputError):
    """The inputs do not fit the process; nothing was sent.

    Attributes:
        faults: One per input.
    """

    def __init__(self, message: str, faults: tuple[InputFault, ...] = ()) -> None:
        self.faults = faults
        super().__init__("\n".join([message, *(f"  {fault}" for fault in faults)]))

    def __reduce__(self) -> Any:
        return _again, (str(self), self.faults)


def _again(text: str, faults: tuple[InputFault, ...]) -> InvalidInputsError:
    error = InvalidInputsError(text)
    error.faults = faults
    return error


def validate_inputs(description: ProcessDescription, inputs: Mapping[str, Any]) -> list[InputFault]:
    """Check inputs against a process description. What cannot be told here is left to the server.

    Values are checked against their JSON Schema (of OpenAPI 3.0 or of a draft up to 2020-12), a
    qualified value by its `value`, a reference only for having an address; their number against
    `minOccurs` and `maxOccurs`. What a schema refers to elsewhere is never fetched, and not checked.

    Args:
        description: The process. One that describes no inputs at all takes whatever it takes.
        inputs: By name, as JSON values.

    Returns:
        The faults, one per input at the most; empty if there are none.
    """
    if "inputs" not in description.model_fields_set:
        return []
    return list(_faults(description.inputs, inputs))


def _faults(described: Mapping[str, InputDescription], inputs: Mapping[str, Any]) -> Iterator[InputFault]:
    for name, value in inputs.items():
        if name not in described:
            known = ", ".join(described) or "none at all"
            yield InputFault(name, f"the process has no such input; it has {known}", value)
        elif message := _fault(described[name], value):
            yield InputFault(name, message, value)
    for name, one in described.items():
        has_default = isinstance(one.content_schema, dict) and "default" in one.content_schema
        if name not in inputs and one.minOccurs > 0 and not has_default:
            yield InputFault(name, "is missing, and the process needs it")


def _fault(described: InputDescription, value: Any) -> str | None:
    schema = described.content_schema
    if not isinstance(value, list):
        return _value_fault(schema, value) or _count_fault(described, 1)
    if described.maxOccurs == 1:
        return _value_fault(schema, value)
    # An array may be one value of an array type, or several values.
    if _takes_arrays(schema) and _value_fault(schema, value) is None:
        return None
    if message := _count_fault(described, len(value)):
        return message
    for place, one in enumerate(value):
        if message := _value_fault(schema, one):
            return f"value {place + 1} of {len(value)}: {message}"
    return None


def _count_fault(described: InputDescription, count: int) -> str | None:
    least, most = described.minOccurs, described.maxOccurs
    values = f"has {count} value{'s' if count != 1 else ''}"
    if count < least:
        return f"{values}, and the process needs at least {least}"
    if isinstance(most, int) and count > most:
        return f"{values}, and the process takes at most {most}"
    return None


def _value_fault(schema: Any, value: Any) -> str | None:
    if is_reference(value):
        href = value["href"]
        return None if isinstance(href, str) and href.strip() else "is a reference without an address"
    qualified = form_of(value)
    if not isinstance(qualified, QualifiedValue):
        return _schema_fault(schema, value)
    if (qualified.encoding or "").lower() == "base64":
        return _base64_fault(qualified.value)
    return _schema_fault(_chosen(schema, qualified.mediaType), qualified.value)


def _base64_fault(text: Any) -> str | None:
    try:
        from_base64(text)
    except (ValueError, AttributeError):
        return "is said to be base64 and is not"
    return None


def _chosen(schema: Any, media_type: str | None) -> Any:
    """Of alternatives, those of the media type; all, where none says that it is."""
    for name in ("oneOf", "anyOf") if isinstance(schema, dict) and media_type else ():
        several = schema.get(name)
        fitting = [
            one
            for one in (several if isinstance(several, list) else [])
            if isinstance(one, dict) and bare_type(str(one.get("contentMediaType"))) == bare_type(media_type)
        ]
        if fitting:
            return {**schema, name: fitting}
    return schema


def _schema_fault(schema: Any, value: Any) -> str | None:
    if not isinstance(schema, dict):
        return None
    try:
        modern, _ = _modern(schema)
        Draft202012Validator.check_schema(modern)
        # A registry of our own, which holds nothing: jsonschema's would fetch.
        found = best_match(Draft202012Validator(modern, registry=Registry()).iter_errors(value))
    except _UNUSABLE:
        return None
    if found is None:
        return None
    place = found.json_path.removeprefix("$").lstrip(".")
    text = f"{place}: {found.message}" if place else found.message
    return text if len(text) <= 300 else text[:200] + " ... " + text[-90:]


def _takes_arrays(schema: Any) -> bool:
    return isinstance(schema, dict) and ("array" in str(schema.get("type")) or "type" not in schema)


def _modern(schema: Any) -> tuple[Any, bool]:
    """Put a schema of any dialect into the words of 2020-12, and loosen what nobody can tell here.

    What lies elsewhere takes anything; one of several is any of several, because alternatives may differ by
    media type, or by what lies elsewhere. Where less may be taken if more fits there, such a schema goes.

    Returns:
        The schema, and whether something in it was loosened.
    """
    if not isinstance(schema, dict):
        return schema, False
    reference = next((schema[name] for name in _REFERENCES if isinstance(schema.get(name), str)), "#")
    if not reference.startswith("#"):
        return {}, True
    fresh, loose = _inside(
        {name: value for name, value in schema.items() if name not in ("$schema", "$id", "id")}
    )
    if "oneOf" in fresh:
        several, loose = {"anyOf": fresh.pop("oneOf")}, True
        fresh = (
            {**fresh, "allOf": [*fresh.get("allOf", ()), several]} if "anyOf" in fresh else fresh | several
        )
    if isinstance(fresh.get("items"), list):
        fresh["prefixItems"] = fresh.pop("items")
        fresh["items"] = fresh.pop("additionalItems", True)
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(fresh.get(exclusive), bool) and fresh.pop(exclusive) and bound in fresh:
            fresh[exclusive] = fresh.pop(bound)
    if fresh.pop("nullable", False) is True:
        return {"anyOf": [fresh, {"type": "null"}]}, loose
    return fresh, loose


def _inside(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The same with the schemas inside of one."""
    fresh: dict[str, Any] = {}
    loosened = set()
    for name, value in schema.items():
        if name in _NAMED and isinstance(value, dict):
            pairs = {key: _modern(one) for key, one in value.items()}
            fresh[name] = {key: one for key, (one, _) in pairs.items()}
            loose = any(one for _, one in pairs.values())
        elif name in _LISTED and isinstance(value, list):
            several = [_modern(one) for one in value]
            fresh[name], loose = [one for one, _ in several], any(one for _, one in several)
        elif name in _SINGLE:
            fresh[name], loose = _modern(value)
        else:
            fresh[name], loose = value, False
        if loose:
            loosened.add(name)
    gone = loosened & _CONTRARY | (_UNEVALUATED if loosened else set())
    return {name: value for name, value in fresh.items() if name not in gone}, bool(loosened)
