"""One token for all who use it: in tasks, threads and event loops, renewed once, and each account its own."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from pydantic import SecretStr

from eoflows.base.errors import CredentialsError
from eoflows.base.http import PasswordGrant, RenewedToken


class Counted(RenewedToken):
    """Gives token after token; `refusal` is raised instead of the next."""

    def __init__(self) -> None:
        self.now, self.given = 0.0, 0
        self.refusal: CredentialsError | None = None
        super().__init__(clock=lambda: self.now)

    async def _fetch(self) -> tuple[Mapping[str, str], float]:
        if self.refusal is not None:
            self.given += 1
            raise self.refusal
        await anyio.sleep(0.01)
        self.given += 1
        return {"authorization": f"Bearer {self.given}"}, 100.0


def test_threads_and_loops_share_one_renewal() -> None:
    token, together = Counted(), threading.Barrier(8)

    def one(_: int) -> list[Mapping[str, str]]:
        async def several() -> list[Mapping[str, str]]:
            return await asyncio.gather(*[token.headers() for _ in range(5)])

        together.wait()
        return asyncio.run(several())

    with ThreadPoolExecutor(8) as pool:
        found = [headers for some in pool.map(one, range(8)) for headers in some]
    assert (len(found), token.given) == (40, 1)
    assert {headers["authorization"] for headers in found} == {"Bearer 1"}


@pytest.mark.anyio
async def test_it_is_renewed_before_its_end_and_after_a_refusal_and_not_for_what_was_renewed() -> None:
    token = Counted()
    first = await token.headers()
    token.now = 69.0
    assert await token.headers() == first
    token.now = 70.0
    second = await token.headers()
    assert second != first
    assert await token.headers(rejected=first) == second
    third = await token.headers(rejected=second)
    assert (third["authorization"], token.given) == ("Bearer 3", 3)


@pytest.mark.anyio
async def test_a_refusal_is_remembered_for_a_minute() -> None:
    token = Counted()
    token.refusal = CredentialsError("no", status=401)
    for _ in range(5):
        with pytest.raises(CredentialsError):
            await token.headers()
    assert token.given == 1
    token.now, token.refusal = 60.0, None
    assert (await token.headers())["authorization"] == "Bearer 2"


def test_an_account_has_one_grant_and_what_differs_is_another() -> None:
    def grant(user: str = "a", password: str = "b", url: str = "https://x.example/token", **more: str):
        return PasswordGrant.shared(url, user, SecretStr(password), client_id="c", **more)

    assert grant() is grant()
    others = [grant("ab", ""), grant(password="B"), grant(url="https://y.example/token"), grant(scope="s")]
    assert len({id(one) for one in (grant(), *others)}) == 5
