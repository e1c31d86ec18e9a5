"""Blocks, by the names that flows take."""

from typing import TypeVar, cast

from httpx import HTTPError
from prefect.blocks.core import Block
from prefect.exceptions import PrefectException
from pydantic import ValidationError

from eoflows.base.errors import InvalidInputError, UnreachableError
from eoflows.base.faults import faults_of

__all__ = ["block_path", "load_block", "load_server"]

Kind = TypeVar("Kind", bound=Block)


def block_path(kind: type[Block], name: str) -> str:
    """Give a block as `type-slug/name`, which its name alone is short for."""
    return name if "/" in name else f"{kind.get_block_type_slug()}/{name}"


async def load_block(kind: type[Kind], name: str) -> Kind:
    """Load a block of one type.

    Args:
        kind: The type.
        name: Its name, or `type-slug/name`.

    Raises:
        InvalidInputError: There is none of that name, it is of another type, or it cannot be used.
        UnreachableError: Prefect's server does not answer.
    """
    what = kind.get_block_type_name()
    block = await _load(block_path(kind, name), what)
    if not isinstance(block, kind):
        raise InvalidInputError(f"block {name!r} is no {what}")
    return block


async def load_server(server: str) -> Block:
    """Load a block of any type.

    Args:
        server: The block, as `type-slug/name`.

    Raises:
        InvalidInputError: The name has no slash; there is no such block, or it cannot be used.
        UnreachableError: Prefect's server does not answer.
    """
    slug, slash, name = server.partition("/")
    if not (slug and slash and name):
        raise InvalidInputError(
            f"server is {server!r}; give the block's type and name, like 'ogc-processes-server/my-server'"
        )
    return await _load(server, slug)


async def _load(path: str, what: str) -> Block:
    name = path.partition("/")[2]
    try:
        return cast(Block, await Block.aload(path))
    except ValidationError as error:
        # The cause would show the values, and some are secrets.
        raise InvalidInputError(f"the {what} block {name!r} cannot be used: {faults_of(error)}") from None
    except ValueError as error:
        raise InvalidInputError(
            f"there is no {what} block named {name!r}; make one in the UI under Blocks"
        ) from error
    except (PrefectException, HTTPError) as error:
        raise UnreachableError(f"Prefect's server did not give the {what} block {name!r}: {error}") from error
