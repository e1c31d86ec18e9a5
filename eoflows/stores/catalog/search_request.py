"""Reads a STAC API search, by GET or POST, and says exactly what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.datastructures import QueryParams

from eoflows.base.errors import InvalidInputError
from eoflows.stores.catalog.query import MOST_PER_PAGE, Query, build, read_limit

__all__ = ["SearchRequest", "from_body", "from_parameters"]

_DEFAULT_LIMIT = 100
_LISTS = ("collections", "ids")
_KNOWN = frozenset(
    {
        *("bbox", "collections", "datetime", "fields", "filter", "filter-lang"),
        *("ids", "intersects", "limit", "sortby", "token"),
    }
)


@dataclass(frozen=True)
class SearchRequest:
    """A search that was understood."""

    query: Query
    limit: int
    """Items per page."""
    token: str | None
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)


def from_parameters(parameters: QueryParams, collection: str | None = None) -> SearchRequest:
    """Read the parameters of a GET, within one collection or all.

    Raises:
        InvalidInputError: One of them cannot be understood.
    """
    found: dict[str, Any] = {name: value for name, value in parameters.items() if value}
    for name in _LISTS:
        if name in found:
            found[name] = found[name].split(",")
    if "bbox" in found:
        found["bbox"] = [_number("bbox", part) for part in found["bbox"].split(",")]
    if "limit" in found:
        found["limit"] = _whole("limit", found["limit"])
    if "intersects" in found:
        found["intersects"] = _json("intersects", found["intersects"])
    if found.get("filter-lang") == "cql2-json" and "filter" in found:
        found["filter"] = _json("filter", found["filter"])
    if "fields" in found:
        names = found["fields"].split(",")
        include = [name.lstrip("+ ") for name in names if not name.startswith("-")]
        found["fields"] = {
            "include": include,
            "exclude": [name[1:] for name in names if name.startswith("-")],
        }
    if "sortby" in found:
        # An unescaped + arrives as a space.
        found["sortby"] = [term.strip() for term in found["sortby"].split(",")]
    if collection is not None:
        found["collections"] = [collection]
    return _request(found)


def from_body(body: bytes) -> SearchRequest:
    """Read the body of a POST.

    Raises:
        InvalidInputError: It is no JSON object, or a member cannot be understood.
    """
    document = _json("body", body or b"{}")
    if not isinstance(document, Mapping):
        raise InvalidInputError(f"the body is {str(document)[:80]!r}; send a JSON object")
    return _request({name: value for name, value in document.items() if value is not None})


def _request(found: Mapping[str, Any]) -> SearchRequest:
    unknown = sorted(set(found) - _KNOWN)
    if unknown:
        raise InvalidInputError(f"{', '.join(unknown)} is not supported; use {', '.join(sorted(_KNOWN))}")
    _check_language(found)
    fields = found.get("fields", {})
    if not isinstance(fields, Mapping):
        raise InvalidInputError(f"fields is {fields!r}; give include and exclude lists")
    query = build(
        collections=found.get("collections"),
        ids=found.get("ids"),
        datetime=found.get("datetime"),
        bbox=found.get("bbox"),
        intersects=found.get("intersects"),
        filter=found.get("filter"),
        sortby=found.get("sortby"),
    )
    token = found.get("token")
    if not (token is None or isinstance(token, str)):
        raise InvalidInputError(f"token is {token!r}; take it from a next link")
    limit = found.get("limit", _DEFAULT_LIMIT)
    # The API may give fewer than asked for, but not none.
    limit = min(limit, MOST_PER_PAGE) if type(limit) is int else limit
    return SearchRequest(
        query, read_limit(limit), token, _names(fields, "include"), _names(fields, "exclude")
    )


def _check_language(found: Mapping[str, Any]) -> None:
    language, given = found.get("filter-lang"), found.get("filter")
    if language not in (None, "cql2-json", "cql2-text"):
        raise InvalidInputError(f"filter-lang is {language!r}; use cql2-json or cql2-text")
    if given is not None and language is not None and isinstance(given, str) != (language == "cql2-text"):
        raise InvalidInputError(f"the filter is no {language}; text is cql2-text, an object is cql2-json")


def _names(fields: Mapping[str, Any], key: str) -> list[str]:
    names = fields.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"fields.{key} is {names!r}; give a list of names")
    return names


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInputError(f"{name} has {text!r}, which is no number") from error


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidInputError(f"{name} is {text[:80]!r}; give a whole number") from error


def _json(name: str, text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"{name} is no JSON: {error}") from error
