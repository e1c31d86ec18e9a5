"""Image collections of Earth Engine, as data: what is exported of them, and how its numbers are meant."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eoflows.base.errors import InvalidInputError

__all__ = ["BandSpec", "CollectionSpec", "collection_spec", "known_collections", "load_collections"]

_RANGES = {"uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535), "int32": (-(2**31), 2**31 - 1)}


class BandSpec(BaseModel):
    """A band of the exported files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="Its name in the files.")
    source: str = Field(min_length=1, description="Its name in Earth Engine.")
    nodata: int = Field(description="The number that says that there is no value.")
    scale: float = Field(default=1.0, description="Physical value = number * scale + offset.")
    offset: float = Field(default=0.0, description="See `scale`.")
    factor: float = Field(default=1.0, description="Earth Engine's value times this, rounded, is the number.")
    unit: str = Field(default="", description="Unit of the physical value, as UDUNITS writes it.")
    bits: bool = Field(default=False, description="Whether the numbers are flags or classes.")


class CollectionSpec(BaseModel):
    """What is exported of an image collection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, description="Earth Engine's name of it.")
    dtype: Literal["uint8", "int16", "uint16", "int32"] = Field(description="Type of the files' numbers.")
    day: tuple[str, ...] = Field(
        default=("date",),
        description="What images have in common that become one layer: the UTC `date`, and properties.",
    )
    properties: tuple[str, ...] = Field(default=(), description="Properties of the images that are kept.")
    bands: tuple[BandSpec, ...] = Field(min_length=1, description="Bands, in the files' order.")

    def model_post_init(self, context: Any) -> None:
        """Check that the type can hold what is to be stored."""
        low, high = _RANGES[self.dtype]
        for band in self.bands:
            if not low <= band.nodata <= high:
                raise ValueError(
                    f"band {band.name} of {self.id}: {self.dtype} cannot hold nodata {band.nodata}"
                )
        if self.day[0] != "date":
            raise ValueError(f"{self.id}: `day` begins with 'date', not with {self.day[0]!r}")

    @property
    def names(self) -> list[str]:
        """Names of the bands in the files."""
        return [band.name for band in self.bands]

    @property
    def safe_name(self) -> str:
        """Its name without slashes, as templates use it."""
        return self.id.replace("/", "_")

    @property
    def version(self) -> str:
        """Changes with anything that changes the numbers in the files; 16 hex digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def load_collections(path: str | Path) -> dict[str, CollectionSpec]:
    """Read a YAML or JSON file of collections, by name.

    Raises:
        InvalidInputError: It cannot be read.
    """
    try:
        return _read(Path(path).read_text())
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error


@cache
def known_collections() -> Mapping[str, CollectionSpec]:
    """Give the collections that come along, by name."""
    return _read(files("eoflows.services.earth_engine").joinpath("collections.yaml").read_text())


def collection_spec(name: str, known: Mapping[str, CollectionSpec] | None = None) -> CollectionSpec:
    """Give a collection by name.

    Args:
        name: Earth Engine's name.
        known: Where to look; None: those that come along.

    Raises:
        InvalidInputError: Nothing is known of it.
    """
    collections = known_collections() if known is None else known
    if name not in collections:
        raise InvalidInputError(
            f"nothing is known of the image collection {name!r}; known are {', '.join(collections)}. Others "
            "can be described in a file, see load_collections"
        )
    return collections[name]


def _read(text: str) -> dict[str, CollectionSpec]:
    try:
        document = yaml.safe_load(text)
        return {
            name: CollectionSpec.model_validate({"id": name, **one, "bands": _bands(one["bands"])})
            for name, one in document.items()
            # A name that begins with a dot is an anchor for others.
            if not name.startswith(".")
        }
    except ValidationError as error:
        raise InvalidInputError(f"a collection is not described well: {error}") from error
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise InvalidInputError(f"this is no file of collections: {type(error).__name__} {error}") from error


def _bands(bands: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, **band} for name, band in bands.items()]
