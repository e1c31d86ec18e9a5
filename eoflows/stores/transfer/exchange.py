"""One GET, as the receiving thread sees it."""

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pycurl

from eoflows.base.errors import EoError, IntegrityError, UnreachableError
from eoflows.base.http import AddressPolicy
from eoflows.stores.transfer.heads import Head
from eoflows.stores.transfer.lanes import Lane
from eoflows.stores.transfer.models import Progress
from eoflows.stores.transfer.pages import page_error
from eoflows.stores.transfer.parts import Note, Part
from eoflows.stores.transfer.targets import Target

__all__ = ["Exchange"]

_FLUSH = 256 * 1024
_EXCERPT = 4096
# An error page or redirect body beyond this is not worth keeping the connection for.
_MOST_REFUSAL = 1 << 20


@dataclass(eq=False)
class Exchange:
    """A request and what comes of it.

    Attributes:
        target: Where to ask.
        home: The alternative that led there, without query.
        headers: What to send beside the standard headers.
        part: Where the body of a 200 or 206 goes.
        limit: Largest number of bytes that the part may have, or None.
        lane: Counts the bytes.
        policy: Which addresses may be connected.
        progress: Told how many bytes are there, or None.
        on_behind: Called when hashing lags behind.
        head: The answer's head, once the body began or ended.
        excerpt: The beginning of the body of any other answer.
        fault: Why it failed, if it did.
    """

    target: Target
    home: str
    headers: Mapping[str, str]
    part: Part
    limit: int | None
    lane: Lane
    policy: AddressPolicy
    progress: Progress | None
    on_behind: Callable[[Callable[[], object]], None]
    head: Head = field(default_factory=Head)
    excerpt: bytes = b""
    fault: EoError | None = None
    began: float = field(default_factory=time.monotonic)
    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._take: Callable[[bytes], bool] | None = None
        self._pending: list[bytes] = []
        self._held = 0
        # libcurl works on duplicates of these.
        self._lent: list[socket.socket] = []
        self.moved = False
        self.touched = self.began
        self.told = -1

    @property
    def arrived(self) -> int:
        """Bytes of the file that are there, written or about to be."""
        return self.part.size + self._held

    def open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> object:
        """Make the socket for libcurl, if the address is one that may be connected."""
        family, kind, protocol, place = address
        try:
            self.policy.check(self.target.host, self.target.port, str(place[0]))
        except EoError as error:
            self.fault = error
            return pycurl.SOCKET_BAD
        self._lent.append(socket.socket(family, kind, protocol))
        return self._lent[-1]

    def receive(self, block: bytes) -> int | None:
        """Take a piece of the body; 0 tells libcurl to hang up."""
        self.moved = True
        self.lane.moved += len(block)
        try:
            if self._take is None:
                self.begin()
            keep = self._take(block)  # type: ignore[misc]
        except EoError as error:
            self.fault, keep = error, False
        return None if keep else 0

    def begin(self) -> None:
        """Read the head and decide where the body goes."""
        self.head = Head.parse(self.lines)
        self._take = self._refusal
        if self.head.status == 206:
            self._check_range()
            self._take = self._body
        elif self.head.status == 200:
            if self.part.size:
                self.part.restart()
            validator = self.head.validator
            note = Note(self.home, validator, self.head.length) if validator else None
            self.part.plan(note, self.head.length, self.head.encoding)
            if not self.part.decodes:
                self._check_length()
            self._take = self._body

    def _check_length(self) -> None:
        """Refuse what is announced as too long; a page is read, because it may say why it came."""
        length = self.head.length or 0
        if self.limit is not None and length > self.limit and not self.head.is_page:
            raise IntegrityError("size", self.limit, length, where=self.home)

    def _check_range(self) -> None:
        found, note = self.head.range, self.part.note
        first, total = found or (None, None)
        self.part.resumable = False
        if "range" not in self.headers or note is None or first != self.part.size:
            raise IntegrityError("content-range", f"from {self.part.size}", f"from {first}", where=self.home)
        if total is not None and note.total is not None and total != note.total:
            raise IntegrityError("content-range", f"of {note.total}", f"of {total}", where=self.home)
        if self.head.validator != note.validator:
            raise IntegrityError("validator", note.validator, self.head.validator, where=self.home)
        self.part.resumable = True

    def _refusal(self, block: bytes) -> bool:
        self._held += len(block)
        self.excerpt += block[: _EXCERPT - len(self.excerpt)]
        return self._held <= _MOST_REFUSAL

    def _body(self, block: bytes) -> bool:
        held = self._held + len(block)
        if not self.part.decodes and self.limit is not None and self.part.size + held > self.limit:
            raise self._overflow(block)
        self._pending.append(block)
        self._held = held
        if held >= _FLUSH:
            self.flush()
        return True

    def _overflow(self, block: bytes) -> IntegrityError:
        beginning = (b"".join(self._pending) + block)[:_EXCERPT]
        error = IntegrityError("size", self.limit, f"more than {self.limit}", where=self.home)
        return (page_error(beginning, self.home) if self.head.is_page else None) or error

    def flush(self) -> None:
        """Write what is still in memory."""
        blocks, self._pending, self._held = self._pending, [], 0
        if blocks:
            self.part.write(blocks)
            if self.part.behind:
                self.on_behind(self.part.follow)

    def end(self, code: int, message: str) -> None:
        """Libcurl is done with it."""
        for lent in self._lent:
            lent.close()
        try:
            if self._take is None and self.lines:
                self.begin()
            self.flush()
        except EoError as error:
            self.fault = self.fault or error
        refused = self.head.status not in (0, 200, 206)
        if code and self.fault is None and not (refused and code == pycurl.E_WRITE_ERROR):
            self.fault = UnreachableError(f"transfer broke off: {message}", url=self.target.shown)

    def look(self, now: float) -> float:
        """Say for how many seconds no byte has come."""
        if self.moved:
            self.moved, self.touched = False, now
        return now - self.touched

    def stall(self, seconds: float) -> None:
        """No byte came for too long."""
        self.fault = UnreachableError(f"no byte for {seconds:g} s", url=self.target.shown)
