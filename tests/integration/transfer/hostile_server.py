"""A server that does what servers do wrong, one order at a time; it shares no code with the client."""

import asyncio
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    connection: int


@dataclass
class Reply:
    """Writes one answer; the helpers say what kind of answer it is."""

    request: Request
    writer: asyncio.StreamWriter
    server: "HostileServer"

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int, **headers: object) -> None:
        lines = [f"HTTP/1.1 {status} X"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def send(self, status: int, body: bytes = b"", **headers: object) -> None:
        await self.head(status, **({"content_length": len(body)} | headers))
        await self.raw(body)

    async def file(self, body: bytes, etag: str | None = None) -> None:
        """What a good server does, ranges included."""
        etag = etag or '"' + hashlib.md5(body).hexdigest() + '"'
        wanted = self.request.headers.get("range")
        if wanted and self.request.headers.get("if-range") == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                await self.send(416, content_range=f"bytes */{len(body)}")
                return
            span = f"bytes {start}-{len(body) - 1}/{len(body)}"
            await self.send(206, body[start:], etag=etag, content_range=span)
            return
        await self.send(200, body, etag=etag)

    async def part_of(self, body: bytes, sent: int, **headers: object) -> None:
        """Announce all, send some."""
        etag = '"' + hashlib.md5(body).hexdigest() + '"'
        await self.head(200, **({"content_length": len(body), "etag": etag} | headers))
        await self.raw(body[:sent])

    def reset(self) -> None:
        """Close with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.close()


Route = Callable[[Reply], Awaitable[None]]


@dataclass
class HostileServer:
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    routes: dict[str, Route] = field(default_factory=dict)
    log: list[Request] = field(default_factory=list)
    connections: int = 0
    opened: int = 0

    def __post_init__(self) -> None:
        self._ready = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)
        self.url = f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, self.host, 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Wait for something that a request or the end of a connection makes true."""

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(condition, seconds)

        assert await asyncio.to_thread(wait), f"not so after {seconds} s"

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(10)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.opened += 1
        try:
            await self._converse(reader, writer, self.opened)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self.connections -= 1
            self._tell()
            self._tasks.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        while not writer.is_closing():
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
            headers = {name.strip().lower(): value.strip() for name, value in pairs}
            request = Request(method, path, headers, number)
            self.log.append(request)
            self._tell()
            route = self.routes.get(path.partition("?")[0])
            reply = Reply(request, writer, self)
            # A client that hangs up in mid-answer must be noticed while a route waits.
            work = asyncio.ensure_future(route(reply) if route else reply.send(404))
            gone = asyncio.ensure_future(reader.read(0) if reader.at_eof() else _until_eof(reader))
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                return
            work.result()

    def seen(self, path: str) -> list[Request]:
        return [request for request in self.log if request.path.partition("?")[0] == path]


async def _until_eof(reader: asyncio.StreamReader) -> None:
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # a StreamReader has no event for its end


def in_turn(*routes: Route) -> Route:
    """The first request gets the first answer, and so on; the last is repeated."""
    waiting = list(routes)

    async def answer(reply: Reply) -> None:
        await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(reply)

    return answer
