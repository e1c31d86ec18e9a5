"""The session of Google's client: it signs, repeats and tells of errors as all our requests do."""

import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from eoflows.base import background
from eoflows.base.errors import (
    ForbiddenAddressError,
    StorageError,
    ThrottledError,
    UnreachableError,
    UnsentError,
    public_url,
)
from eoflows.base.http import Credentials, Origin, RetryPolicy
from eoflows.base.http.refusals import error_of
from eoflows.base.http.witness import note

__all__ = ["Session", "repeated"]

T = TypeVar("T")
_CONNECT = 30.0
_POOL = 32


class Session(requests.Session):
    """Sends what the client asks for, and gives answers below 400 only.

    Args:
        url: The only origin that is asked.
        credentials: Who asks; None: nobody.
        timeout: Seconds for each wait on the socket.
        retry: When a request is repeated.
        proxy: URL of a proxy; empty: none, whatever the environment says.
        ca_bundle: PEM file of the authorities to trust; None takes the system's.
        adapter: Replaces the network in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None,
        timeout: float,
        retry: RetryPolicy,
        proxy: str = "",
        ca_bundle: Path | None = None,
        adapter: BaseAdapter | None = None,
    ) -> None:
        super().__init__()
        self._home = Origin.of(url)
        self._credentials, self._retry, self._timeout = credentials, retry, timeout
        self.trust_env = False
        self.proxies = dict.fromkeys(("http", "https"), proxy) if proxy else {}
        self.verify = _authorities(ca_bundle)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter or HTTPAdapter(pool_maxsize=_POOL))

    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Any = None, **options: Any
    ) -> requests.Response:
        """Send a request; an answer whose body is read later is not asked for twice: its reader repeats.

        Raises:
            ForbiddenAddressError: It is for another origin than the bucket's.
            ServiceError: There is no answer below 400.
        """
        if Origin.of(url) != self._home:
            raise ForbiddenAddressError(f"{public_url(url)} is not at {self._home}, where the bucket is")
        options |= {"timeout": (_CONNECT, self._timeout), "allow_redirects": False}
        given = {name: _text(value) for name, value in (headers or {}).items()}

        def send() -> requests.Response:
            return self._signed(method, url, given, options)

        return send() if options.get("stream") else repeated(self._retry, send)

    def _signed(
        self, method: str, url: str, headers: Mapping[str, str], options: Mapping[str, Any]
    ) -> requests.Response:
        signature = self._signature(None)
        answer = self._send(method, url, {**headers, **signature}, options)
        if answer.status_code == 401 and (renewed := self._signature(signature)) != signature:
            signature = renewed
            answer = self._send(method, url, {**headers, **signature}, options)
        failed = answer.status_code >= 400
        if failed or not options.get("stream"):
            seen = _as_httpx(answer, method, url)
            note(seen)
            if failed:
                raise error_of(seen, url, {**headers, **signature})
        return answer

    def _signature(self, rejected: Mapping[str, str] | None) -> Mapping[str, str]:
        if self._credentials is None:
            return {}
        return background.wait_for(_headers(self._credentials, rejected))

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], options: Mapping[str, Any]
    ) -> requests.Response:
        try:
            return super().request(method, url, headers=headers, **options)
        except (requests.ConnectTimeout, requests.exceptions.ProxyError) as error:
            raise UnsentError(f"no connection: {type(error).__name__}", url=url) from error
        except requests.RequestException as error:
            raise UnreachableError(f"no answer: {type(error).__name__}", url=url) from error


def repeated(retry: RetryPolicy, work: Callable[[], T]) -> T:
    """Do something, again and again while the service cannot be reached; blocks.

    Args:
        retry: How often and how patiently.
        work: What to do; twice does no harm.

    Raises:
        UnreachableError: That was all its patience.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return work()
        except UnreachableError as error:
            pause = retry.delay(attempt, error.retry_after if isinstance(error, ThrottledError) else None)
            if pause is None:
                raise
        time.sleep(pause)


async def _headers(credentials: Credentials, rejected: Mapping[str, str] | None) -> Mapping[str, str]:
    return await credentials.headers(rejected)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _as_httpx(answer: requests.Response, method: str, url: str) -> httpx.Response:
    sent = httpx.Request(method, url)
    # The body is plain already.
    kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
    return httpx.Response(answer.status_code, headers=kept, content=answer.content, request=sent)


def _authorities(bundle: Path | None) -> Any:
    if bundle is None:
        system = ssl.get_default_verify_paths()
        return system.cafile or system.capath or True
    if not bundle.is_file():
        raise StorageError(f"ca_bundle {bundle} is not a file; give a PEM file of authorities")
    return str(bundle)
