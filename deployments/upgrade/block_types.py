"""Types of blocks and their forms; the documents stay, and are only looked at."""

from functools import partial

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import BlockType
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from eoflows import blocks
from eoflows.deployments.upgrade.steps import UpgradeStep

__all__ = ["block_steps"]

_TEXTS = ("code_example", "description", "documentation_url")


async def block_steps(client: PrefectClient) -> list[UpgradeStep]:
    """Plan: types whose texts or forms are an older release's, and blocks that this release cannot read."""
    steps = []
    for name in blocks.__all__:
        kind: type[Block] = getattr(blocks, name)
        slug = kind.get_block_type_slug()
        try:
            there = await client.read_block_type_by_slug(slug)
        except ObjectNotFound:
            steps.append(_registered(kind, "is new"))
            continue
        # Whoever registers it again leaves its picture where it is served.
        kind._logo_url = there.logo_url
        if news := await _news(client, kind, there):
            steps.append(_registered(kind, news))
        steps += await _unreadable(client, kind)
    return steps


async def _news(client: PrefectClient, kind: type[Block], there: BlockType) -> str:
    ours = kind._to_block_type()
    news = [text.replace("_", " ") for text in _TEXTS if getattr(ours, text) != getattr(there, text)]
    try:
        await client.read_block_schema_by_checksum(kind._calculate_schema_checksum())
    except ObjectNotFound:
        news.append("form")
    return f"gets this release's {' and '.join(news)}" if news else ""


def _registered(kind: type[Block], line: str) -> UpgradeStep:
    register = partial(_register, kind)
    return UpgradeStep(f"block type {kind.get_block_type_slug()}", line, register)


async def _register(kind: type[Block], client: PrefectClient) -> None:
    await kind.aregister_type_and_schema(client=client)


async def _unreadable(client: PrefectClient, kind: type[Block]) -> list[UpgradeStep]:
    slug = kind.get_block_type_slug()
    steps = []
    for document in await client.read_block_documents_by_type(slug):
        try:
            kind.model_validate(document.data)
        except ValidationError as error:
            # The message itself would show values, which may be secret.
            wrong = ", ".join(
                sorted({".".join(map(str, one["loc"])) or "as a whole" for one in error.errors()})
            )
            steps.append(
                UpgradeStep(
                    f"block {slug}/{document.name}", f"this release refuses it ({wrong}): edit it in the UI"
                )
            )
    return steps
