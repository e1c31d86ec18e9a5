"""The description of the API that the installed client package brings along, read where it lies."""

import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson

from eoflows.sandbox.earth_engine.errors import refusal

__all__ = ["Parameter", "algorithms_file", "discovery_document", "signatures"]

_PREFIX = "algorithms/"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function."""

    name: str
    type: str
    """Type as the service names it, as `List<String>`."""
    optional: bool
    default: Any


@functools.cache
def algorithms_file() -> bytes:
    """Return the list of all functions, as JSON.

    Raises:
        Refusal: 501, the client package is not installed here.
    """
    return _file("algorithms.json")


@functools.cache
def signatures() -> dict[str, tuple[Parameter, ...]]:
    """Return name of each function to its parameters, in their order."""
    return {
        one["name"].removeprefix(_PREFIX): tuple(
            Parameter(
                parameter["argumentName"],
                parameter.get("type", ""),
                bool(parameter.get("optional")),
                parameter.get("defaultValue"),
            )
            for parameter in one.get("arguments", ())
        )
        for one in orjson.loads(algorithms_file())["algorithms"]
    }


def discovery_document(address: str, version: str) -> dict[str, Any]:
    """Return the description of the REST API for a server at an address.

    Args:
        address: Origin of the server, without a slash at the end.
        version: Version that the client asks for, as `v1`.
    """
    text = _file("cloud_api_discovery_document.json").decode()
    document: dict[str, Any] = orjson.loads(text.replace("v1alpha", version))
    document |= {"rootUrl": f"{address}/", "baseUrl": f"{address}/", "servicePath": ""}
    listing = document["resources"]["projects"]["resources"]["algorithms"]["methods"]["list"]
    if "project" in listing["parameters"]:
        listing["parameters"]["parent"] = listing["parameters"].pop("project")
        listing["parameterOrder"] = ["parent"]
        listing["path"] = listing["path"].replace("{+project}", "{+parent}")
    return document


def _file(name: str) -> bytes:
    try:
        return files("ee").joinpath("tests", name).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise refusal(501, f"the package earthengine-api with its {name} is not installed here") from error
