"""A block that this release cannot read is named, with what is wrong and without its secret; it stays."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentCreate

from eoflows.blocks import GoogleCredentials, Up42Credentials
from eoflows.deployments.upgrade.block_types import block_steps

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "data", "wrong"),
    [
        (GoogleCredentials, {"key": '{"client_email": "a", "private_key": "hush"}'}, "as a whole"),
        (Up42Credentials, {"username": "ada", "password": "hush", "region": "moon"}, "region"),
        (Up42Credentials, {"password": "hush", "region": "moon"}, "region, username"),
    ],
)
async def test_what_is_wrong_with_it_is_said(prefect_server, kind, data, wrong):
    slug = kind.get_block_type_slug()
    async with get_client() as client:
        schema = await client.read_block_schema_by_checksum(kind._calculate_schema_checksum())
        made = BlockDocumentCreate(
            name="refused", data=data, block_type_id=schema.block_type_id, block_schema_id=schema.id
        )
        document = await client.create_block_document(made)
        try:
            (step,) = await block_steps(client)
            kept = await client.read_block_document(document.id, include_secrets=True)
        finally:
            await client.delete_block_document(document.id)
    assert str(step) == f"block {slug}/refused: this release refuses it ({wrong}): edit it in the UI"
    assert step.carry_out is None
    assert kept.data == data
