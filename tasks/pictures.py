"""Pictures that people see in the UI: artifacts whose bytes are in the address, so no server is needed."""

import base64
from typing import TYPE_CHECKING

import anyio

from eoflows.tasks.artifacts import acreate_image_artifact

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MOST_BYTES", "publish_image", "publish_png"]

MOST_BYTES = 70_000
"""Bytes of a picture; base64 makes a third more of it, and the UI wants less than 100 kB."""


async def publish_png(key: str, picture: "Image.Image", title: str) -> None:
    """Show a picture, made smaller where it is too large.

    Args:
        key: Artifact key.
        picture: The picture.
        title: What it shows.
    """
    from eoflows.services.geo_engine.previews import small_png  # noqa: PLC0415

    await publish_image(key, await anyio.to_thread.run_sync(small_png, picture, MOST_BYTES), "png", title)


async def publish_image(key: str, content: bytes, kind: str, title: str) -> None:
    """Show an encoded picture.

    Args:
        key: Artifact key.
        content: Its bytes.
        kind: `png` or `svg+xml`.
        title: What it shows.
    """
    address = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    await acreate_image_artifact(address, key=key, description=title)
