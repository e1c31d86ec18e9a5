"""Teaching the client package what functions there are: graphs are made without its connection.

The package keeps one connection for the whole process. Graphs need none: they are the same for all
projects, and only the list of functions must be known. Where a program has called `ee.Initialize`, that is
used.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from eoflows.base.errors import ContractError

__all__ = ["functions_known", "learn_functions"]

_LOCK = threading.Lock()
_PREFIX = "algorithms/"


def functions_known() -> bool:
    """Tell whether graphs can be made."""
    import ee  # noqa: PLC0415

    # There is no public way to ask; the tests would notice a renamed attribute.
    return bool(ee.ApiFunction._api)


def learn_functions(document: Mapping[str, Any]) -> None:
    """Take over the functions that the service names.

    Args:
        document: Its answer to the question for all algorithms.

    Raises:
        ContractError: It is no such answer.
    """
    import ee  # noqa: PLC0415

    signatures = _signatures(document)
    with _LOCK:
        if functions_known():
            return
        ask = ee.data.getAlgorithms
        ee.data.getAlgorithms = lambda: signatures
        try:
            ee.ApiFunction.initialize()
        finally:
            ee.data.getAlgorithms = ask


def _signatures(document: Mapping[str, Any]) -> dict[str, Any]:
    listed = document.get("algorithms")
    if not isinstance(listed, Sequence) or not listed:
        raise ContractError("Earth Engine names no functions")
    try:
        return {
            one["name"].removeprefix(_PREFIX): {
                "name": one["name"].removeprefix(_PREFIX),
                "description": one.get("description", ""),
                "returns": one.get("returnType", ""),
                "args": [_argument(argument) for argument in one.get("arguments", ())],
            }
            for one in listed
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ContractError(f"Earth Engine's list of functions cannot be read: {error!r}") from error


def _argument(document: Mapping[str, Any]) -> dict[str, Any]:
    argument = {
        "name": document["argumentName"],
        "description": document.get("description", ""),
        "type": document.get("type", ""),
        "optional": bool(document.get("optional", False)),
    }
    return argument | ({"default": document["defaultValue"]} if "defaultValue" in document else {})
