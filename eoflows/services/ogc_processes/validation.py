"""Inputs against a process description, before anything is sent."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.exceptions import UnknownType, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from eoflows.base.errors import InvalidInputError
from eoflows.services.ogc_processes.models import InputDescription, ProcessDescription

__all__ = ["InputFault", "InvalidInputsError", "validate_inputs"]

_LINK_KEYS = frozenset({"href", "rel", "type", "hreflang", "title"})
_VALUE_KEYS = frozenset({"value", "mediaType", "encoding", "schema"})
_DATA = frozenset({"enum", "const", "default", "example", "examples"})
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
    """Check inputs against a process description.

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
    most = described.maxOccurs
    if not isinstance(value, list) or most == 1:
        return _value_fault(schema, value)
    # An array may be one value of an array type, or several values.
    if _takes_arrays(schema) and _value_fault(schema, value) is None:
        return None
    if len(value) < described.minOccurs:
        return f"has {len(value)} values, and the process needs at least {described.minOccurs}"
    if isinstance(most, int) and len(value) > most:
        return f"has {len(value)} values, and the process takes at most {most}"
    for place, one in enumerate(value):
        if message := _value_fault(schema, one):
            return f"value {place + 1} of {len(value)}: {message}"
    return None


def _value_fault(schema: Any, value: Any) -> str | None:
    if isinstance(value, dict) and "href" in value and value.keys() <= _LINK_KEYS:
        href = value["href"]
        return None if isinstance(href, str) and href.strip() else "is a reference without an address"
    if isinstance(value, dict) and "value" in value and value.keys() <= _VALUE_KEYS:
        if value.get("encoding") == "base64":
            return _base64_fault(value["value"])
        return _schema_fault(schema, value["value"])
    return _schema_fault(schema, value)


def _base64_fault(text: Any) -> str | None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return "is said to be base64 and is not"
    return None


def _schema_fault(schema: Any, value: Any) -> str | None:
    if not isinstance(schema, dict):
        return None
    try:
        modern = _modern(schema)
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


def _modern(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 in the words of 2020-12; what it refers to elsewhere is left unchecked."""
    if isinstance(schema, list):
        return [_modern(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        return {}
    fresh = {
        name: value if name in _DATA else _modern(value)
        for name, value in schema.items()
        if not (name in ("$schema", "$id", "id") and isinstance(value, str))
    }
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(fresh.get(exclusive), bool) and fresh.pop(exclusive) and bound in fresh:
            fresh[exclusive] = fresh.pop(bound)
    if fresh.pop("nullable", False) is True:
        return {"anyOf": [fresh, {"type": "null"}]}
    return fresh
