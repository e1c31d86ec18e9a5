"""The receiving thread: libcurl's multi interface over epoll.

One thread receives for all connections; libcurl does the work and Python sees whole blocks only. It also
does the file work of small files: each system call lets another thread have the interpreter, and getting it
back costs more than the call, so threads that share a small file are slower than one alone. For the same
reason the event loop is told of many ends at once, when half of what ran has ended or nothing else is to do.
"""

import asyncio
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pycurl

from eoflows.base.errors import EoError
from eoflows.stores.transfer.crew import Crew, Letter, Mailbox, fail, fulfil
from eoflows.stores.transfer.exchange import Exchange
from eoflows.stores.transfer.handles import Handles
from eoflows.stores.transfer.models import TransferSettings

__all__ = ["Wire"]

T = TypeVar("T")

# Seconds between two looks at stalls and progress.
_TICK = 0.25
_MOST_EVENTS = 256
# Seconds that the loop waits for news at most, while bytes come without a pause.
_NEWS = 0.005
# Seconds per piece of file work, on average over some, on a disk too slow for this thread; and how long to
# believe it.
_SLOW_DISK = 0.01
_SOME = 16
_HURRY = 10.0
_CLOSED = "the transfer engine is closed; fetch inside `async with`"


class Wire:
    """Runs exchanges in a thread of its own, from construction to `close`.

    Args:
        mailbox: Where ends and progress are reported.
        crew: Hashes and names what is whole, before its end is reported.
        settings: Time-outs and trust.
        clock: Monotonic seconds, by which a stall is one.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        crew: Crew,
        settings: TransferSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mailbox, self._crew, self._stall, self._clock = mailbox, crew, settings.stall, clock
        self._handles = Handles(settings)
        self._running: dict[Exchange, tuple[pycurl.Curl, asyncio.Future[None]]] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._open, self._rung = True, False
        self._due: float | None = None
        self._news: list[Letter] = []
        self._news_since = 0.0
        self._pace = self._hurried_until = 0.0
        self._thread = threading.Thread(target=self._serve, name="eo-wire", daemon=True)
        self._thread.start()

    async def get(self, exchange: Exchange) -> None:
        """Carry out an exchange; on cancellation its connection is closed before this returns.

        Raises:
            EoError: The exchange's fault.
        """
        if not self._open:
            raise EoError(_CLOSED)
        ended = self._mailbox.future()
        self._order(lambda: self._start(exchange, ended))
        try:
            await ended
        except asyncio.CancelledError:
            gone = self._mailbox.future()
            self._order(lambda: self._cancel(exchange, gone))
            await _until_done(gone)
            raise
        if exchange.fault is not None:
            raise exchange.fault

    async def run(self, function: Callable[[], T]) -> T:
        """Do a small piece of file work where small files are received; it runs to its end in any case."""
        if not self._open:
            raise EoError(_CLOSED)
        ended: asyncio.Future[T] = self._mailbox.future()
        self._order(lambda: self._work(function, ended))
        return await ended

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        if not self._rung:
            self._rung = True
            os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Close every connection and end the thread; blocks for some milliseconds."""
        self._orders.append(self._stop)
        os.eventfd_write(self._bell, 1)
        self._thread.join()

    # From here on: the receiving thread.

    def _serve(self) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_due)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 128)
        looked = self._clock()
        while self._open:
            idle = not self._turn()
            self._finish_ended()
            self._tell(time.monotonic(), idle)
            now = self._clock()
            if now - looked >= _TICK:
                looked = now
                self._look(now)
        self._clear()

    def _turn(self) -> bool:
        """Do what is to do; say whether there was anything."""
        wait = _TICK if self._running else -1.0
        if self._news:
            wait = 0.0
        elif self._due is not None:
            wait = max(0.0, min(wait if wait >= 0 else _TICK, self._due - time.monotonic()))
        ready = self._epoll.poll(wait, _MOST_EVENTS)
        for descriptor, events in ready:
            if descriptor == self._bell:
                self._obey()
            else:
                mask = pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0
                mask |= pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
                self._multi.socket_action(descriptor, mask)
        if self._due is not None and time.monotonic() >= self._due:
            self._due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return bool(ready)

    def _tell(self, now: float, idle: bool) -> None:
        """Wake the loop for what happened, unless more will have happened in a moment."""
        if not self._news:
            self._news_since = now
        elif idle or len(self._news) >= len(self._running) or now - self._news_since >= _NEWS:
            self._mailbox.call_all(self._news)
            self._news = []

    def _obey(self) -> None:
        os.eventfd_read(self._bell)
        self._rung = False
        while self._orders:
            self._orders.popleft()()

    def _watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            with suppress(OSError):
                self._epoll.unregister(descriptor)
            return
        events = (select.EPOLLIN if what & pycurl.POLL_IN else 0) | (
            select.EPOLLOUT if what & pycurl.POLL_OUT else 0
        )
        try:
            self._epoll.register(descriptor, events)
        except FileExistsError:
            self._epoll.modify(descriptor, events)

    def _set_due(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _start(self, exchange: Exchange, ended: "asyncio.Future[None]") -> None:
        exchange.began, exchange.touched = time.monotonic(), self._clock()
        handle = self._handles.take(exchange)
        self._running[exchange] = (handle, ended)
        self._multi.add_handle(handle)

    def _finish_ended(self) -> None:
        more = 1
        while more:
            more, good, bad = self._multi.info_read()
            for handle in good:
                self._end(handle.exchange, 0, "")
            for handle, code, message in bad:
                self._end(handle.exchange, code, message)

    def _end(self, exchange: Exchange, code: int, message: str) -> None:
        if exchange not in self._running:
            return
        handle, ended = self._running.pop(exchange)
        self._multi.remove_handle(handle)
        self._handles.give_back(handle)
        exchange.end(code, message)
        if exchange.fault is None and exchange.head.status in (200, 206):
            self._hand_over(exchange, ended)
        else:
            self._news.append((fulfil, (ended,)))

    def _hand_over(self, exchange: Exchange, ended: "asyncio.Future[None]") -> None:
        """Settle what arrived: a small file here and now."""
        if exchange.part.small:
            self._work(lambda: _settle(exchange), ended)
        else:
            self._leave(lambda: _settle(exchange), ended)

    def _leave(self, function: Callable[[], Any], ended: "asyncio.Future[Any]") -> None:
        """Leave a piece of file work to another thread."""
        self._crew.submit(lambda: self._mailbox.call_all([_outcome(function, ended)]))

    def _work(self, function: Callable[[], Any], ended: "asyncio.Future[Any]") -> None:
        """Do a small piece of file work: here, or on a slow disk elsewhere."""
        began = time.monotonic()
        if began < self._hurried_until:
            self._leave(function, ended)
            return
        self._news.append(_outcome(function, ended))
        now = time.monotonic()
        self._pace += (now - began - self._pace) / _SOME
        if self._pace > _SLOW_DISK:
            self._pace, self._hurried_until = 0.0, now + _HURRY

    def _abort(self, exchange: Exchange) -> None:
        self._end(exchange, pycurl.E_ABORTED_BY_CALLBACK, "cancelled")

    def _cancel(self, exchange: Exchange, gone: "asyncio.Future[None]") -> None:
        self._abort(exchange)
        self._news.append((fulfil, (gone,)))

    def _look(self, now: float) -> None:
        for exchange in list(self._running):
            if exchange.look(now) > self._stall:
                exchange.stall(self._stall)
                self._abort(exchange)
            elif exchange.progress is not None and exchange.arrived != exchange.told:
                exchange.told = exchange.arrived
                self._mailbox.call(exchange.progress, exchange.told)

    def _stop(self) -> None:
        self._open = False

    def _obey_last(self) -> None:
        """Orders that came while the thread ended: what began is ended at once."""
        while self._orders:
            self._orders.popleft()()
        for exchange in list(self._running):
            exchange.fault = EoError(_CLOSED)
            self._abort(exchange)
        self._mailbox.call_all(self._news)

    def _clear(self) -> None:
        self._obey_last()
        self._multi.close()
        self._handles.close()
        self._epoll.close()
        os.close(self._bell)


def _settle(exchange: Exchange) -> None:
    # What goes wrong here is found again, and raised, by who waits.
    with suppress(EoError):
        exchange.part.settle()


def _outcome(function: Callable[[], Any], ended: "asyncio.Future[Any]") -> Letter:
    """Call the function and give the letter that tells who waits."""
    try:
        return fulfil, (ended, function())
    except BaseException as error:  # noqa: BLE001  # the boundary: it is raised again in the loop
        return fail, (ended, error)


async def _until_done(ended: "asyncio.Future[None]") -> None:
    """Wait for an end that is certain and near, however often the waiter is cancelled."""
    while not ended.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(ended)
