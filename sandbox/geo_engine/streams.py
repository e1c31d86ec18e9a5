"""The pull protocol: one NEXT, one message; a NEXT too many is dropped; the last is answered by a close."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from eoflows.sandbox.geo_engine.stream_faults import completed
from eoflows.sandbox.protocol import connection_of
from eoflows.sandbox.recorder import ACCOUNT, ClientLeftError

__all__ = ["Message", "PullStream"]


_OF_MESSAGES = ("truncate", "duplicate", "missing", "swap")
"""Faults of a message; in the place of the end there is none."""


@dataclass(frozen=True)
class Message:
    """A message that is made when it is asked for."""

    make: Callable[[], bytes]
    ready: Callable[[], bytes | None] = lambda: None
    """Returns it if it need not be made."""

    async def data(self) -> bytes:
        """Return the message; the event loop goes on while it is made."""
        found = self.ready()
        return found if found is not None else await asyncio.to_thread(self.make)


class StreamOver(Exception):
    """Nothing more will be sent."""


@dataclass
class PullStream:
    """An open stream."""

    websocket: WebSocket
    messages: Iterator[Message]
    order: Mapping[str, Any] | None = None
    """The stream fault that strikes this connection."""
    account: dict[str, Any] = field(init=False)
    """What happened, for the request log: NEXT `asked` and `dropped` (they came while another was waiting),
    messages `sent`, `code` of the close frame sent (None: none)."""
    _waiting: "asyncio.Queue[None]" = field(default_factory=lambda: asyncio.Queue(1))

    def __post_init__(self) -> None:
        self.account = self.websocket.scope.setdefault(ACCOUNT, {})
        self.account.update({"asked": 0, "dropped": 0, "sent": 0, "code": None})

    async def serve(self) -> None:
        """Answer until the stream or the client has ended."""
        sides = [asyncio.create_task(self._listen()), asyncio.create_task(self._answer())]
        try:
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in sides:
                side.cancel()
            left, over = await asyncio.gather(*sides, return_exceptions=True)
        if isinstance(over, StreamOver):
            return
        if isinstance(over, Exception) and not isinstance(over, WebSocketDisconnect):
            raise over
        raise ClientLeftError from left

    async def _listen(self) -> None:
        while (received := await self.websocket.receive())["type"] != "websocket.disconnect":
            if received.get("text") != "NEXT":
                continue
            self.account["asked"] += 1
            if self._waiting.full():
                self.account["dropped"] += 1
            else:
                self._waiting.put_nowait(None)

    async def _answer(self) -> None:
        fault = completed(self.order) if self.order else None
        messages = self.messages
        if fault is not None and fault["kind"] == "swap":
            messages = _swapped(messages, fault["message"])
        number = 0
        for message in messages:
            await self._place(number, message, fault)
            number += 1
        await self._place(number, None, fault)

    async def _place(self, number: int, message: Message | None, fault: Mapping[str, Any] | None) -> None:
        """Do what belongs in the place of a message, or of the end."""
        since = -1 if fault is None else number - fault["message"]
        if fault is None or since < 0 or (since > 0 and fault["kind"] != "slow"):
            await self._normal(message)
        elif message is not None and fault["kind"] in _OF_MESSAGES:
            await self._changed(message, fault)
        elif fault["kind"] in _OF_MESSAGES:
            await self._normal(message)
        else:
            await self._replaced(message, fault)

    async def _normal(self, message: Message | None) -> None:
        await self._waiting.get()
        if message is None:
            await self._close(1000, "")
        else:
            await self._send(await message.data())

    async def _changed(self, message: Message, fault: Mapping[str, Any]) -> None:
        match fault["kind"]:
            case "truncate":
                await self._waiting.get()
                data = await message.data()
                await self._send(data[: int(len(data) * fault["keep"])])
            case "duplicate":
                await self._normal(message)
                await self._normal(message)
            case "swap":
                await self._normal(message)

    async def _replaced(self, message: Message | None, fault: Mapping[str, Any]) -> None:
        if not fault.get("at_once"):
            await self._waiting.get()
        match fault["kind"]:
            case "drop":
                self._drop(reset=fault["reset"])
            case "close":
                await self._close(fault["code"], fault["reason"])
            case "stall":
                await asyncio.sleep(fault["seconds"])
                self._drop(reset=False)
            case "slow":
                await asyncio.sleep(fault["seconds"])
                await (self._close(1000, "") if message is None else self._send(await message.data()))
            case "text":
                await self.websocket.send({"type": "websocket.send", "text": fault["text"]})
                await self._normal(None)

    async def _send(self, data: bytes) -> None:
        self.account["sent"] += 1
        await self.websocket.send({"type": "websocket.send", "bytes": data})

    async def _close(self, code: int, reason: str) -> None:
        self.account["code"] = code
        await self.websocket.send({"type": "websocket.close", "code": code, "reason": reason})
        raise StreamOver

    def _drop(self, *, reset: bool) -> None:
        connection = connection_of(self.websocket.scope)
        if reset:
            connection.reset()
        else:
            connection.close()
        raise StreamOver


def _swapped(messages: Iterator[Message], place: int) -> Iterator[Message]:
    for number, message in enumerate(messages):
        if number == place and (following := next(messages, None)) is not None:
            yield following
        yield message
