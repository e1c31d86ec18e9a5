"""One client for API calls."""

import functools
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self

import anyio
import httpcore
import httpx
import orjson

from eoflows.base.errors import (
    ContractError,
    EoError,
    ForbiddenAddressError,
    IntegrityError,
    InvalidInputError,
    ThrottledError,
    UnreachableError,
    UnsentError,
    public_url,
)
from eoflows.base.http.addresses import AddressPolicy
from eoflows.base.http.credentials import Keyring
from eoflows.base.http.encodings import Decoder
from eoflows.base.http.origins import Origin
from eoflows.base.http.redirects import MOST_REDIRECTS, is_redirect, next_url
from eoflows.base.http.refusals import error_of
from eoflows.base.http.retry import RetryPolicy
from eoflows.base.http.witness import note
from eoflows.base.secrets import cleanse, remember_url

__all__ = ["HttpClient"]

_MOST = 128 * 2**20
_MOST_OF_ERRORS = 2**20
_WAITS = 10


class HttpClient:
    """Sends API requests and gives answers or one of the errors of `eoflows.base.errors`.

    Redirects are followed by hand, at most five: never from https to http, and credentials and
    custom headers go only to the origin they belong to. Requests with a body follow 307 and 308 only.

    Args:
        keyring: Credentials per origin.
        trusted: Origins that may have private addresses.
        retry: When a repeatable request is sent again.
        timeout: Seconds for connecting, and for each wait on the socket. An answer with all its redirects
            may take ten times as long, however busily it drips.
        most: Bytes of an answer, as they are on the way and when unpacked.
        transport: Replaces the network in tests.
        sleep: Waits the seconds it is given; replaced in tests.
    """

    def __init__(
        self,
        *,
        keyring: Keyring | None = None,
        trusted: Iterable[Origin] = (),
        retry: RetryPolicy | None = None,
        timeout: float = 30.0,
        most: int = _MOST,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.keyring = keyring or Keyring()
        self.retry = retry or RetryPolicy()
        self._sleep = sleep
        self._most = most
        self._patience = httpx.Timeout(timeout)
        self._client = httpx.AsyncClient(
            transport=transport or guarded_transport(AddressPolicy(trusted)),
            timeout=self._patience,
            follow_redirects=False,
            trust_env=False,
            headers={
                "accept": "application/json",
                "accept-encoding": "gzip, deflate",
                "user-agent": "eoflows",
            },
            # Credentials come from the keyring alone: not from a URL's user, not from cookies, which are
            # bound to a host and not to an origin.
            auth=httpx.Auth(),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def json(self, method: str, url: str, **options: Any) -> Any:
        """Send a request and read the answer's JSON; options as for `request`.

        Raises:
            ContractError: The answer is not JSON.
        """
        answer = await self.request(method, url, **options)
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            raise ContractError("the answer is not JSON", url=url) from error

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Send a request until there is an answer below 400, or an error.

        Args:
            method: HTTP method.
            url: Absolute URL.
            json: Body, sent as JSON.
            params: Query parameters.
            headers: Further headers; they go to this URL's origin only.
            repeatable: Whether sending it twice does no harm. A search by POST is; an order is not.
            timeout: Seconds for each wait for the answer, where the client's do not fit; connecting
                keeps the client's.

        Raises:
            UnreachableError: No usable answer (`ThrottledError` where the service asked for patience). One
                that was not whole after ten times the timeout is not asked for again.
            RefusedError: A definite 4xx, by its subclass.
            ForbiddenAddressError: A redirect or address that is not allowed.
            ContractError: A redirect without a place to go, or too many of them; an answer that is too
                long, or packed in a way that cannot be undone.
        """
        body = None if json is None else orjson.dumps(json)
        target = str(httpx.URL(url, params=params)) if params else url
        patience = (
            self._patience if timeout is None else httpx.Timeout(timeout, connect=self._patience.connect)
        )
        longest = _WAITS * (self._patience.read or 0.0 if timeout is None else timeout)
        attempt = 0
        while True:
            attempt += 1
            try:
                with anyio.move_on_after(longest):
                    return await self._follow(method, target, body, headers or {}, patience)
            except UnreachableError as error:
                asked = error.retry_after if isinstance(error, ThrottledError) else None
                pause = self.retry.delay(attempt, asked) if repeatable else None
                if pause is None:
                    raise
            else:
                raise UnreachableError(f"no whole answer in {longest:g} s", url=target)
            await self._sleep(pause)

    async def _follow(
        self, method: str, url: str, body: bytes | None, extra: Mapping[str, str], patience: httpx.Timeout
    ) -> httpx.Response:
        home = Origin.of(url)
        for _ in range(MOST_REDIRECTS + 1):
            own = extra if Origin.of(url) == home else {}
            answer = await self._signed(method, url, body, own, patience)
            if not is_redirect(answer.status_code):
                note(answer)
                if answer.status_code >= 400:
                    raise error_of(answer, url, {**own, **answer.request.headers})
                return answer
            if body is not None and answer.status_code not in (307, 308):
                raise ContractError(
                    f"a {method} with a body was answered with redirect {answer.status_code}", url=url
                )
            url = next_url(answer.status_code, answer.headers.get("location", ""), url)
        raise ContractError(f"more than {MOST_REDIRECTS} redirects", url=url)

    async def _signed(
        self, method: str, url: str, body: bytes | None, extra: Mapping[str, str], patience: httpx.Timeout
    ) -> httpx.Response:
        signature = await self.keyring.headers(url)
        answer = await self._send(method, url, body, {**extra, **signature}, patience)
        if answer.status_code == 401 and signature:
            renewed = await self.keyring.headers(url, rejected=signature)
            if renewed != signature:
                return await self._send(method, url, body, {**extra, **renewed}, patience)
        return answer

    async def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], patience: httpx.Timeout
    ) -> httpx.Response:
        remember_url(url, headers)
        try:
            kind = {} if body is None else {"content-type": "application/json"}
            async with self._client.stream(
                method, url, content=body, headers={**kind, **headers}, timeout=patience
            ) as answer:
                return await self._whole(answer, url)
        except ForbiddenAddressError:
            raise
        except (httpx.LocalProtocolError, httpx.InvalidURL) as error:
            # Their texts quote headers and URLs.
            raise InvalidInputError(f"{public_url(url)} cannot be asked: {type(error).__name__}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            cleanse(error)
            raise UnsentError(f"no connection: {type(error).__name__} {error}".rstrip(), url=url) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            cleanse(error)
            raise UnreachableError(f"no answer: {type(error).__name__} {error}".rstrip(), url=url) from error

    async def _whole(self, answer: httpx.Response, url: str) -> httpx.Response:
        """Read an answer, no more of it than may be; of an error's words the beginning is enough."""
        if answer.is_stream_consumed:
            return answer  # What stands in for the network in tests has read it.
        failed = answer.status_code >= 400
        most = min(self._most, _MOST_OF_ERRORS) if failed else self._most
        coding, kept = answer.headers.get("content-encoding", "").strip().lower(), answer.headers
        body = bytearray()
        try:
            decoder = Decoder(coding, public_url(url)) if coding not in ("", "identity") else None
            async for block in answer.aiter_raw():
                for part in (block,) if decoder is None else decoder.take((block,)):
                    body += part
                    if len(body) > most:
                        break
                if len(body) > most:
                    break
            else:
                if decoder is not None:
                    decoder.finish()
        except IntegrityError as error:
            raise ContractError(f"the answer cannot be unpacked: {error}", url=url) from error
        if len(body) > most and not failed:
            raise ContractError(f"the answer is longer than {most} bytes", url=url)
        if decoder is not None:
            gone = ("content-encoding", "content-length")
            kept = httpx.Headers([(name, value) for name, value in kept.multi_items() if name not in gone])
        return httpx.Response(
            answer.status_code,
            headers=kept,
            content=bytes(body[:most]),
            request=answer.request,
            extensions=answer.extensions,
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects, and hangs up at once when the address is one that the policy forbids."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        address = stream.get_extra_info("server_addr")[0]
        try:
            self._policy.check(host, port, address)
        except EoError:
            await stream.aclose()
            raise
        return stream

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


@functools.cache
def _authorities() -> ssl.SSLContext:
    """What the system trusts, read once for each process: it takes 30 ms."""
    return ssl.create_default_context()


def guarded_transport(policy: AddressPolicy) -> httpx.AsyncBaseTransport:
    """A transport that connects only where the policy allows, judged by the connected address."""
    transport = httpx.AsyncHTTPTransport(verify=_authorities(), trust_env=False)
    # httpx has no argument for httpcore's network backend; the tests would notice a renamed attribute.
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=_authorities(),
        max_connections=32,
        max_keepalive_connections=16,
        keepalive_expiry=5.0,
        network_backend=_GuardedBackend(policy),
    )
    return transport
