"""One Geo Engine server and one session with it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

import anyio
import httpx
import orjson

from eoflows.base.background import wait_for
from eoflows.base.current_client import enter, leave
from eoflows.base.errors import AbsentError, ContractError, InvalidInputError, RefusedError
from eoflows.base.http import HttpClient, Keyring, Origin, RetryPolicy
from eoflows.services.geo_engine.errors import classified
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.session import Anonymous, Login, SessionKeeper

__all__ = ["GeoEngineClient", "checked_id"]

T = TypeVar("T")
_NOBODY = UUID(int=0)
_MOST = 2**31
"""Bytes of one answer: a coverage comes whole."""


class GeoEngineClient:
    """Speaks to one server. Any number of clients, of one server or several, live side by side.

    Both `with client:` and `async with client:` make it the client of all calls below that name none.
    Its session is opened by the first call that needs one.

    Args:
        url: Base URL of the API, with its prefix, like `https://geo.example/api`.
        login: Who asks.
        profile: Version of the interface; None asks the server.
        trusted: Origins that may have private addresses, besides the server's own.
        retry: When a repeatable request is sent again.
        timeout: Seconds for connecting.
        transport: Replaces the network in tests.

    Example:
        >>> client = GeoEngineClient("https://geo.example/api", profile=Profile.V0_9)
        >>> str(client.origin)
        'https://geo.example:443'
    """

    def __init__(
        self,
        url: str,
        login: Login | None = None,
        *,
        profile: Profile | None = None,
        trusted: Iterable[Origin] = (),
        retry: RetryPolicy | None = None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.origin = Origin.of(self.url)
        self.retry = retry or RetryPolicy()
        trust = (self.origin, *trusted)
        self.session = SessionKeeper.shared(
            self.url, login or Anonymous(), trusted=trust, retry=retry, transport=transport
        )
        self._profile = profile
        self._options: dict[str, Any] = {
            "keyring": Keyring([(self.origin, self.session)]),
            "trusted": trust,
            "retry": self.retry,
            "timeout": timeout,
            "most": _MOST,
            "transport": transport,
        }
        # A connection belongs to the event loop that opened it.
        self._opened: dict[asyncio.AbstractEventLoop, HttpClient] = {}
        self._used_in_background = False

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        leave(self)
        self.close()

    async def __aenter__(self) -> Self:
        self._open_here()
        enter(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        leave(self)
        await self._close_here()
        if self._used_in_background:
            await anyio.to_thread.run_sync(self.close)

    @property
    def http(self) -> HttpClient:
        """The connections of the running event loop, with this session's credentials."""
        return self._open_here()

    def close(self) -> None:
        """Close the connections of plain calls; a later call opens new ones."""
        if self._used_in_background:
            self._used_in_background = False
            wait_for(self._close_here())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one of this client's coroutines from plain code, in the house's background loop."""
        self._used_in_background = True
        return wait_for(self._in_background(work))

    async def profile(self) -> Profile:
        """Tell which version of the interface the server speaks; it is asked once.

        Raises:
            ContractError: It does not say, and knows neither of the two paths.
        """
        if self._profile is None:
            self._profile = await self._detected()
        return self._profile

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
        repeatable: bool = True,
    ) -> httpx.Response:
        """Send a request below the base URL.

        Args:
            method: HTTP method.
            path: Below the base URL, without a leading slash.
            json: Body.
            params: Query parameters.
            timeout: Seconds to wait for the answer.
            repeatable: Whether sending it twice does no harm.

        Raises:
            ServiceError: As `HttpClient.request`; what the server's error document says is in the message,
                the document itself in `document`.
        """
        url = f"{self.url}/{path}"

        async def ask() -> httpx.Response:
            options: dict[str, Any] = {"json": json, "params": params, "timeout": timeout}
            return await self._open_here().request(method, url, repeatable=repeatable, **options)

        try:
            return await self._where_open(ask)
        except RefusedError as error:
            raise classified(error, url) from error

    async def document(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and read the JSON of its answer; options as for `call`."""
        answer = await self.call(method, path, **options)
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise ContractError("the answer is not JSON", url=f"{self.url}/{path}") from error

    def socket_url(self, path: str, params: Mapping[str, str]) -> str:
        """The address of a stream: the same host and port as HTTP."""
        whole = httpx.URL(f"{self.url}/{path}", params=params)
        return str(whole.copy_with(scheme="wss" if whole.scheme == "https" else "ws"))

    async def _detected(self) -> Profile:
        try:
            info = await self.document("GET", "info")
            found = Profile.of_version(str(info.get("version", ""))) if isinstance(info, dict) else None
            if found is not None:
                return found
        except (AbsentError, ContractError):
            pass
        for profile in (Profile.V0_9, Profile.V0_10):
            if await self._knows(profile):
                return profile
        raise ContractError(
            "this is no Geo Engine, or one of an unknown version; set the profile", url=self.url
        )

    async def _knows(self, profile: Profile) -> bool:
        """Whether a path exists: there, an unknown id is answered with 400; elsewhere all is 404."""
        try:
            await self.call("GET", f"{profile.workflows}/{_NOBODY}")
        except RefusedError as error:
            return error.status == 400
        return True

    def _open_here(self) -> HttpClient:
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._opened[loop] = HttpClient(**self._options)
        return self._opened[loop]

    async def _close_here(self) -> None:
        http = self._opened.pop(asyncio.get_running_loop(), None)
        if http is not None:
            await http.aclose()

    async def _in_background(self, work: Awaitable[T]) -> T:
        self._open_here()
        return await work

    async def _where_open(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask in this loop if the client was opened in it, else in the background, where `close` reaches."""
        if asyncio.get_running_loop() in self._opened:
            return await ask()
        return await anyio.to_thread.run_sync(lambda: self.wait(ask()))


def checked_id(value: UUID | str) -> UUID:
    """Read an id of the server.

    Raises:
        InvalidInputError: It is no UUID.
    """
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError as error:
        raise InvalidInputError(f"{str(value)[:60]!r} is not an id of a Geo Engine (a UUID)") from error
