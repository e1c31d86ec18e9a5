"""An export of pre-ARD, as a job's request."""

import hashlib
from typing import Any, Literal

import orjson
from pydantic import Field, field_validator

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.models import JobRequest
from eoflows.services.earth_engine.shards import ShardGrid

__all__ = ["EarthEngineRequest", "destination_of"]

_PROCESS = "image:export to gs://"


class EarthEngineRequest(JobRequest):
    """An export of an image to Cloud Storage.

    What is asked for is the `order`. The `body` is one way to say it, made when it was first planned: which
    images there were then. Another body does not make it another job.
    """

    service: Literal["earth_engine"] = "earth_engine"
    order: dict[str, Any] = Field(description="All that makes it what it is: images, place, time, format.")
    bucket: str = Field(min_length=3, max_length=63, description="Bucket that takes the files.")
    name: str = Field(
        min_length=1, max_length=180, description="Name of the files in it, without the ending."
    )
    size: tuple[int, int] = Field(description="Columns and rows of pixels.")
    shard: tuple[int, int] = Field(description="Columns and rows of pixels of one file.")
    layers: list[dict[str, Any]] = Field(
        description="Layers in the files' order: date and names of the images."
    )
    body: str = Field(description="Body of the request as JSON, without its `requestId`.")

    @field_validator("body")
    @classmethod
    def _is_object(cls, text: str) -> str:
        if not isinstance(orjson.loads(text), dict):
            raise ValueError("the body is no JSON object")
        return text

    @property
    def process_name(self) -> str:
        """What is to run, and where it goes."""
        return f"{_PROCESS}{self.bucket}/{self.name}#{'x'.join(map(str, (*self.size, *self.shard)))}"

    @property
    def body_hash(self) -> str:
        """SHA-256 of the body, hex."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def shard_grid(self) -> ShardGrid:
        """How the image is cut into files."""
        return ShardGrid(*self.size, *self.shard)

    def canonical(self) -> Any:
        """The order and where it goes."""
        return {"order": self.order, "bucket": self.bucket, "name": self.name}


def destination_of(process: str | None) -> tuple[str, str, ShardGrid]:
    """Read from a job's process where its files are: bucket, name without ending, and how they are cut.

    Raises:
        InvalidInputError: It is no export of ours.
    """
    place, _, numbers = (process or "").removeprefix(_PROCESS).rpartition("#")
    bucket, slash, name = place.partition("/")
    try:
        width, height, edge_x, edge_y = map(int, numbers.split("x"))
    except ValueError:
        slash = ""
    if not slash or not (process or "").startswith(_PROCESS):
        raise InvalidInputError(f"{(process or '')[:80]!r} is no export of pre-ARD to a bucket")
    return bucket, name, ShardGrid(width, height, edge_x, edge_y)
