"""Real products, from a list of names and sizes; only their bodies are made up."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from eoflows.sandbox.products import Product, parse_name

__all__ = ["load_products"]


def load_products(
    path: Path, *, scale: float = 1.0, published_from: Literal["created", "last_modified"] = "created"
) -> list[Product]:
    """Read a list of orbit products: JSON lines with name, size, last_modified, etag.

    Args:
        path: The list, compressed with gzip or not.
        scale: Factor on the sizes.
        published_from: Whether the name's creation time or the list's last_modified is the publication.
    """
    return [_product(record, scale, published_from) for record in _records(path)]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    raw = path.read_bytes()
    for line in (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines():
        if line.strip():
            yield orjson.loads(line)


def _product(record: dict[str, Any], scale: float, published_from: str) -> Product:
    name = record["name"]
    parts = parse_name(name)
    if parts.start is None or parts.stop is None or parts.created is None:
        raise ValueError(f"a name with validity and creation time is needed: {name}")
    modified = datetime.fromisoformat(record["last_modified"]).astimezone(UTC)
    return Product(
        name=name,
        product_type=_product_type(name),
        platform=f"sentinel-{name[1]}{name[2].lower()}",
        start=parts.start,
        end=parts.stop,
        created=parts.created,
        published=modified if published_from == "last_modified" else parts.created,
        size=max(1, round(record["size"] * scale)),
    )


def _product_type(name: str) -> str:
    words = name.split("_")
    return "_".join(words[2:4])
