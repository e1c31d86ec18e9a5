"""Partial answers: the `fields` parameter of Google's JSON APIs."""

import re
from typing import Any

from eoflows.sandbox.cloud_storage.errors import refusal

__all__ = ["partial"]

_TOKENS = re.compile(r"[^,/()]+|[,/()]")
Mask = dict[str, "Mask"]


def partial(document: Any, fields: str | None) -> Any:
    """Return the parts of a document that `fields` names, as `items(name,size),nextPageToken` or `a/b`.

    Raises:
        Refusal: 400, the text cannot be read.
    """
    if not fields or fields == "*":
        return document
    tokens = _TOKENS.findall(fields.replace(" ", ""))
    mask = _list(tokens)
    if tokens:
        raise refusal(400, f"Invalid field selection {fields}")
    return _masked(document, mask)


def _list(tokens: list[str]) -> Mask:
    mask: Mask = {}
    while True:
        mask.update(_path(tokens))
        if not tokens or tokens[0] != ",":
            return mask
        tokens.pop(0)


def _path(tokens: list[str]) -> Mask:
    name = tokens.pop(0) if tokens else ""
    if not name or name in ",/()":
        raise refusal(400, f"Invalid field selection {name}")
    if tokens and tokens[0] == "/":
        tokens.pop(0)
        return {name: _path(tokens)}
    if tokens and tokens[0] == "(":
        tokens.pop(0)
        inner = _list(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise refusal(400, "Invalid field selection: a parenthesis is open")
        return {name: inner}
    return {name: {}}


def _masked(value: Any, mask: Mask) -> Any:
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [_masked(one, mask) for one in value]
    if isinstance(value, dict):
        return {name: _masked(one, mask[name]) for name, one in value.items() if name in mask}
    return value
