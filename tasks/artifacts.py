"""Artifacts of Prefect, through which a run shows people what it did: the border that no secret passes."""

from typing import Any
from uuid import UUID

from prefect import artifacts
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from eoflows.base.secrets import hide, hide_in

__all__ = [
    "acreate_image_artifact",
    "acreate_link_artifact",
    "acreate_markdown_artifact",
    "acreate_progress_artifact",
    "acreate_table_artifact",
    "aupdate_artifact",
    "aupdate_progress_artifact",
    "aupdate_table_artifact",
]


async def acreate_table_artifact(table: list[dict[str, Any]], key: str, description: str = "") -> UUID:
    """Show a table, a row per dictionary."""
    return await artifacts.acreate_table_artifact(hide_in(table), key=key, description=hide(description))


async def acreate_markdown_artifact(markdown: str, key: str, description: str = "") -> UUID:
    """Show a text."""
    return await artifacts.acreate_markdown_artifact(hide(markdown), key=key, description=hide(description))


async def acreate_link_artifact(link: str, link_text: str, key: str, description: str = "") -> UUID:
    """Show where something is."""
    return await artifacts.acreate_link_artifact(
        hide(link), link_text=hide(link_text), key=key, description=hide(description)
    )


async def acreate_image_artifact(image_url: str, key: str, description: str = "") -> UUID:
    """Show a picture."""
    return await artifacts.acreate_image_artifact(image_url, key=key, description=hide(description))


async def acreate_progress_artifact(progress: float, key: str, description: str = "") -> UUID:
    """Begin to show how far something is."""
    return await artifacts.acreate_progress_artifact(progress, key=key, description=hide(description))


async def aupdate_progress_artifact(artifact: UUID, progress: float, description: str = "") -> None:
    """Show how far it is now."""
    await artifacts.aupdate_progress_artifact(artifact, progress, description=hide(description))


async def aupdate_table_artifact(artifact: UUID, table: list[dict[str, Any]], description: str = "") -> None:
    """Show other rows."""
    data = await artifacts.TableArtifact(table=hide_in(table)).aformat()
    await aupdate_artifact(artifact, data, description)


async def aupdate_artifact(artifact: UUID, data: str, description: str = "") -> None:
    """Show another content; the description stays where none is given."""
    values = {"data": hide(data)} | ({"description": hide(description)} if description else {})
    async with get_client() as client:
        await client.update_artifact(artifact, ArtifactUpdate(**values))
