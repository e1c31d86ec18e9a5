"""One connection of a stream: pull messages, at most two requests in flight, and tell how it ended.

A server answers one binary message to each text `NEXT`, and drops a `NEXT` that comes while another
one waits. So there are two at the start, then one for each message received: if the second was
dropped, one is in flight, and nothing hangs.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import anyio
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from eoflows.base.errors import RefusedError, ServiceError, UnreachableError
from eoflows.base.http.refusals import error_of
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.errors import StreamBrokenError, classified

__all__ = ["pulled"]

_NEXT = "NEXT"
_KEEP_ALIVE = 20.0


class _Connect(connect):
    """Never follows a redirect: the session's token would go along."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def pulled(
    client: GeoEngineClient, path: str, params: Mapping[str, str], *, open_timeout: float, stall: float
) -> AsyncGenerator[bytes]:
    """Give the messages of one connection until the server ends it by a clean close.

    Pings are sent and answered while the consumer is busy, as long as it leaves the event loop free.

    Args:
        client: The server.
        path: Path of the stream below the base URL.
        params: Its query.
        open_timeout: Seconds for connecting and the upgrade.
        stall: Seconds to wait for one message.

    Raises:
        StreamBrokenError: It ended otherwise: closed with an error, cut, or stalled.
        ServiceError: The upgrade was refused.
    """
    url = client.socket_url(path, params)
    async with _opened(client, url, open_timeout) as connection:
        try:
            await connection.send(_NEXT)
            # Once the ping is answered the server has read the first request and begun to work on it.
            with anyio.move_on_after(stall):
                await (await connection.ping())
            await connection.send(_NEXT)
        except ConnectionClosed:
            pass  # What came before the end can still be received, and so can the reason.
        while (message := await _received(connection, url, stall)) is not None:
            yield message
            try:
                await connection.send(_NEXT)
            except ConnectionClosed:
                continue


async def _received(connection: ClientConnection, url: str, stall: float) -> bytes | None:
    """The next message; None after a clean close."""
    try:
        with anyio.fail_after(stall):
            message = await connection.recv()
    except TimeoutError as error:
        raise StreamBrokenError(f"no message came for {stall:g} s", url=url) from error
    except ConnectionClosed as error:
        close = error.rcvd
        if close is not None and close.code == 1000:
            return None
        code = None if close is None else close.code
        said = f": {close.reason}" if close is not None and close.reason else ""
        raise StreamBrokenError(f"the connection ended with code {code}{said}", url=url, code=code) from error
    if isinstance(message, str):
        raise StreamBrokenError(f"the server said: {message[:300]}", url=url)
    return message


@asynccontextmanager
async def _opened(client: GeoEngineClient, url: str, open_timeout: float) -> AsyncGenerator[ClientConnection]:
    headers = await client.session.headers()
    try:
        connection = await _connected(url, headers, open_timeout)
    except RefusedError as error:
        renewed = await client.session.headers(rejected=headers) if error.status == 401 else headers
        if renewed == headers:
            raise
        connection = await _connected(url, renewed, open_timeout)
    try:
        yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


async def _connected(url: str, headers: Mapping[str, str], open_timeout: float) -> ClientConnection:
    try:
        return await _Connect(
            url,
            additional_headers=dict(headers),
            compression=None,
            max_size=None,
            # At most two messages are under way; a limit in frames would stop pongs behind large ones.
            max_queue=None,
            open_timeout=open_timeout,
            close_timeout=2,
            ping_interval=_KEEP_ALIVE,
            # Whether the server is alive is judged by its messages alone.
            ping_timeout=None,
            proxy=None,
            user_agent_header="eoflows",
        )
    except InvalidStatus as error:
        raise _refusal(error, url, headers) from error
    except TimeoutError as error:
        raise UnreachableError(f"the stream did not open within {open_timeout:g} s", url=url) from error
    except (InvalidHandshake, WebSocketException, OSError) as error:
        raise UnreachableError(f"the stream did not open: {type(error).__name__}", url=url) from error


def _refusal(error: InvalidStatus, url: str, headers: Mapping[str, str]) -> ServiceError:
    """A refused upgrade is a plain HTTP answer, error document and all."""
    response = error.response
    answer = httpx.Response(
        response.status_code, headers=list(response.headers.raw_items()), content=bytes(response.body or b"")
    )
    found = error_of(answer, url, headers)
    return classified(found, url) if isinstance(found, RefusedError) else found
