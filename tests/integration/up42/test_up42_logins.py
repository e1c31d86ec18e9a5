"""How often an account is asked to log in: once, however often its block is opened."""

from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from pydantic import SecretStr

from eoflows.base.errors import CredentialsError
from eoflows.blocks import Up42Credentials
from eoflows.jobs.ledger import Intent, Ledger
from eoflows.jobs.submission import submit
from eoflows.jobs.wait import wait_for_jobs
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.up42.settings import Up42Settings
from eoflows.services.up42 import Up42Request

pytestmark = pytest.mark.anyio


@pytest.fixture
def box():
    settings = Up42Settings(budgets={"large": 500}, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        yield box


def account(box: Sandbox, password: str = "demo-password") -> Up42Credentials:
    region = box.up42_regions["eu"]
    places = {"api_url": region.url, "auth_url": region.auth_url, "storage_origins": [box.other_url]}
    return Up42Credentials(username="demo", password=SecretStr(password), **places)


async def test_rounds_of_a_wait_share_one_login(box: Sandbox, tmp_path: Path) -> None:
    rounds = 0

    def open_server(service: str, name: str):
        nonlocal rounds
        rounds += 1
        return account(box).open_jobs()

    async with Ledger(str(tmp_path / "ledger.sqlite"), create=True) as ledger:
        region = box.up42_regions["eu"]
        request = Up42Request(
            process="pansharpening", inputs={"title": "A", "item": region.item_url(region.sources()[0])}
        )
        async with account(box).open_jobs() as server:
            intent = Intent(request=request, endpoint=server.endpoint, server="up42-credentials/x")
            job = await submit(ledger, server, intent)
        naps = 0

        async def nap(seconds: float) -> None:
            nonlocal naps
            naps += 1
            await anyio.lowlevel.checkpoint()

        until = ledger.now() + timedelta(seconds=20)
        await wait_for_jobs(ledger, open_server, [job.key], until=until, sleep=nap, shortest=0.0)
    assert rounds > 3
    assert box.log.count("*token*") == 1
    assert box.log.count("*userinfo*") == 1


async def test_another_password_is_another_account_and_a_wrong_one_harms_only_itself(box: Sandbox) -> None:
    with pytest.raises(CredentialsError):
        async with account(box, "wrong").open_jobs():
            pass
    async with account(box).open_jobs() as server:
        assert server.endpoint


async def test_a_token_that_was_revoked_is_renewed_once(box: Sandbox) -> None:
    async with account(box).open() as client:
        await client.processes()
    before = box.log.count("*token*")
    box.origins.expire_tokens()
    for _ in range(3):
        async with account(box).open() as client:
            await client.processes()
    assert box.log.count("*token*") == before + 1
