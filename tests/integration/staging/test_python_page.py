"""The programs of the page on Python do what it says, against a sandbox."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from eoflows import ApiKey, HttpClient, Keyring, Origin, TransferEngine
from eoflows.base.http import AddressPolicy
from eoflows.sandbox import Sandbox, SandboxSettings

PAGE = Path(__file__).parents[3] / "docs" / "python.md"

pytestmark = pytest.mark.anyio


def program(name: str) -> Any:
    """Give a function of the page."""
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    (example,) = [one for one in examples if f"async def {name}(" in one]
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)
    return names[name]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(days=3)) as found:
        yield found


@pytest.fixture
def keys(box: Sandbox) -> Keyring:
    return Keyring([(Origin.of(box.url), ApiKey(SecretStr("sandbox-demo-key")))])


@pytest.fixture
async def http(box: Sandbox, keys: Keyring) -> AsyncIterator[HttpClient]:
    async with HttpClient(keyring=keys, trusted=[Origin.of(box.url)]) as client:
        yield client


async def test_staging(box: Sandbox, http: HttpClient, keys: Keyring, tmp_path: Path) -> None:
    policy = AddressPolicy([Origin.of(box.url), Origin.of(box.other_url)])
    async with TransferEngine(keyring=keys, policy=policy) as engine:
        stage_day = program("stage_day")
        first = (await stage_day(f"{box.url}/auxip", http, engine, tmp_path)).summary()
        again = (await stage_day(f"{box.url}/auxip", http, engine, tmp_path)).summary()
    assert (first["found"], first["staged"], first["failed"]) == (20, 20, 0)
    assert (again["found"], again["already"]) == (20, 20)
    assert len([path for path in (tmp_path / "data").rglob("*") if path.is_file()]) == 20


async def test_a_job(box: Sandbox, http: HttpClient, tmp_path: Path) -> None:
    run_job, url = program("run_job"), f"{box.url}/dummy/inputs-page"
    ledger = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    first = await run_job(url, ledger, http)
    again = await run_job(url, ledger, http)
    assert first.phase == again.phase == "succeeded"
    assert first.remote_id == again.remote_id
