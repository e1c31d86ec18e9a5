"""What the staging service is asked to stage, in whatever form it is given."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import orjson

from eoflows.base.errors import ContractError, InvalidInputError, public_url
from eoflows.stores.stac.items import ItemDict, checked_item

__all__ = ["StacInput", "read_stac_input"]

StacInput = str | dict[str, Any]
"""A Feature or FeatureCollection: as it is, as JSON text, as the path of a .json file, or as a URL."""

_LONGEST_SHOWN = 80


async def read_stac_input(
    stac_input: Mapping[str, Any] | str, fetch: Callable[[str], Awaitable[Any]]
) -> list[ItemDict]:
    """Read items.

    Args:
        stac_input: A Feature or FeatureCollection, as JSON text too; or the absolute path of a .json or
            .geojson file on the worker, or the http(s) URL where one is.
        fetch: Gives the JSON document at a URL.

    Returns:
        The items, each id once.

    Raises:
        InvalidInputError: It cannot be read, is neither, has two different items with one id, or is the
            first of several pages.
        ServiceError: The URL cannot be read.
    """
    document, where = await _document(stac_input, fetch)
    kind = document.get("type") if isinstance(document, Mapping) else None
    if kind not in ("Feature", "FeatureCollection"):
        raise InvalidInputError(f"{where} is no Feature and no FeatureCollection but {_short(document)}")
    if any(link.get("rel") == "next" for link in document.get("links") or () if isinstance(link, Mapping)):
        raise InvalidInputError(
            f"{where} is one page of several; search and stage with aux-staging, or raise the limit"
        )
    features = [document] if kind == "Feature" else document.get("features")
    if not isinstance(features, list):
        raise InvalidInputError(f"{where} has no list of features")
    return _unlike(features, where)


async def _document(stac_input: Any, fetch: Callable[[str], Awaitable[Any]]) -> tuple[Any, str]:
    if isinstance(stac_input, Mapping):
        return stac_input, "the input"
    if not isinstance(stac_input, str):
        raise InvalidInputError(f"the input is {_short(stac_input)}; give items as JSON, a path or a URL")
    text = stac_input.strip()
    if text.startswith(("http://", "https://")):
        return await fetch(text), public_url(text)
    if text.startswith(("{", "[")):
        return _json(text.encode(), "the input"), "the input"
    return await anyio.to_thread.run_sync(_from_file, text)


def _from_file(text: str) -> tuple[Any, str]:
    path = Path(text).expanduser()
    if not path.is_absolute() or path.suffix not in (".json", ".geojson"):
        raise InvalidInputError(
            f"the input is {_short(text)}: neither JSON, nor a URL, nor the absolute path of a .json file"
        )
    try:
        return _json(path.read_bytes(), str(path)), str(path)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error


def _json(content: bytes, where: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"{where} is no JSON: {error}") from error


def _unlike(features: list[Any], where: str) -> list[ItemDict]:
    found: dict[str, ItemDict] = {}
    for feature in features:
        try:
            item = checked_item(feature, "")
        except ContractError as error:
            raise InvalidInputError(f"{where}: {error}") from error
        if found.setdefault(item["id"], item) != item:
            raise InvalidInputError(f"{where} has two different items with the id {item['id'][:80]!r}")
    return list(found.values())


def _short(value: Any) -> str:
    return repr(value)[:_LONGEST_SHOWN]
