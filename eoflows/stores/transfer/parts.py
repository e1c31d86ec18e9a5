"""The temporary file of one download: locked, resumable, hashed as it grows, renamed when it is right.

Everything here blocks and runs outside the event loop. A part belongs to one download; its lock
makes closing safe while another thread still works on it.
"""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

import orjson

from eoflows.base.errors import IntegrityError, OccupiedError, StorageError
from eoflows.base.files import put_file, storage_errors
from eoflows.base.files.leftovers import (
    check_place,
    claim_any,
    note_of,
    part_names,
    remove_dead_siblings,
    remove_quietly,
)
from eoflows.base.http.encodings import Decoder, is_packed_by_name
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.files import occupied, same_bytes, verify, write_new
from eoflows.stores.transfer.models import Download, TransferSettings
from eoflows.stores.transfer.pages import wrong_kind
from eoflows.stores.transfer.room import Hold
from eoflows.stores.transfer.tail import Tail

__all__ = ["Note", "Part", "bytes_there"]

# A smaller part is fetched again sooner than its notes are written.
_WORTH_RESUMING = 1 << 20
_BEHIND = 1 << 20
# A file that is hashed from memory, in less time than a thread takes to wake up.
_SMALL = 256 * 1024
_LONGEST_NOTE = 1 << 16


@dataclass(frozen=True)
class Note:
    """What must still be true for the rest of a part to fit its beginning.

    Attributes:
        url: The alternative that it came from, without query.
        validator: Strong ETag or Last-Modified.
        total: Bytes of the whole, or None.
    """

    url: str
    validator: str
    total: int | None


def bytes_there(download: Download) -> int:
    """Give the bytes that an earlier run has left of a download, in its file or the first of its parts."""
    for path in (str(download.path), next(part_names(str(download.path)))):
        with suppress(OSError):
            return os.lstat(path).st_size
    return 0


class Part:
    """The bytes of one download that are not yet its file.

    Attributes:
        size: Bytes that are there.
        closed: Whether it was let go of.
        found: The checksums of the file, once it has its final name.
        received: Bytes written by this process, those of dropped attempts included.
        note: What is known for resuming; None if a resume is not possible.
        coded: Whether the last answer was in a content coding that was left as it is.
        disproved: Whether bytes that were left in their coding were not those that are promised.
        resumable: Whether the source has not yet sent a wrong continuation.
    """

    def __init__(self, download: Download, settings: TransferSettings, hold: Hold | None = None) -> None:
        self._download, self._settings, self._hold = download, settings, hold
        self._lock = threading.Lock()
        self.closed = self._noted = self._useless = False
        self.coded, self.disproved, self.resumable = False, False, True
        self._decoder: Decoder | None = None
        self._descriptor = -1
        self._target = self._path = str(download.path)
        self._tail = Tail([check.algorithm for check in download.checksums] or ["blake3"])
        self.size = self.received = 0
        self.note: Note | None = None
        self.found: tuple[Checksum, ...] | None = None

    def open(self) -> None:
        """Claim a temporary name beside the target and take up what a dead run left there.

        Raises:
            StorageError: The folder cannot be written, or is reached through a link.
        """
        with self._lock, storage_errors(self._target):
            if self.closed:
                return
            try:
                self._path, self._descriptor = claim_any(self._target)
            except FileNotFoundError:
                self._download.path.parent.mkdir(parents=True, exist_ok=True)
                self._path, self._descriptor = claim_any(self._target)
            self._check_place()
            self.size = os.fstat(self._descriptor).st_size
            if self.size:
                self._noted = os.path.lexists(note_of(self._path))
                self._take_up()

    def _take_up(self) -> None:
        """Keep what a dead run left if it can be continued or proved, else drop it."""
        if self._noted and self.size >= _WORTH_RESUMING:
            with suppress(OSError, ValueError, TypeError), open(note_of(self._path), "rb") as file:
                self.note = Note(**orjson.loads(file.read(_LONGEST_NOTE)))
        too_long = self._download.limit is not None and self.size > self._download.limit
        if too_long or not (self.whole or self.note):
            self._truncate()

    def _check_place(self) -> None:
        """Notice a folder that was swapped for a link, before a byte goes there."""
        if self._download.root is not None:
            try:
                check_place(self._descriptor, self._path)
            except StorageError:
                self._useless = True
                raise

    @property
    def small(self) -> bool:
        """Whether the file is known to be so small that other threads are no help."""
        return self._download.size is not None and self._download.size <= _SMALL

    @property
    def opened(self) -> bool:
        """Whether it was opened."""
        return self._descriptor >= 0

    @property
    def whole(self) -> bool:
        """Whether all promised bytes are there and a checksum can prove it."""
        return bool(self._download.checksums) and self.size == self._download.size

    def plan(self, note: Note | None, length: int | None = None, coding: str = "") -> None:
        """Note what the coming bytes belong to, before the first of them is written.

        A content coding is undone, unless the promised bytes may be those that come: then only after they
        were not.

        Args:
            note: What must stay true for a resume; None if there can be none.
            length: Bytes that are announced.
            coding: Their content coding.

        Raises:
            IntegrityError: More are announced than were promised, or the coding cannot be undone.
            NoRoomError: More are announced than were promised, and the disk has no room for them.
        """
        undo = bool(coding) and (self.disproved or not self._may_be_packed(length))
        self._decoder = Decoder(coding, self._download.name) if undo else None
        self.coded = bool(coding)
        if undo or not self.resumable:
            note = None
        limit = self._limit
        if length is None or self._hold is None or (limit is not None and length > limit):
            length = 0
        if self._hold is not None and length > self._hold.promised:
            self._hold.grow(length - self._hold.promised)
        self.note = note
        if note is not None and (note.total is None or note.total >= 2 * _WORTH_RESUMING):
            self._noted = True
            with storage_errors(self._path):
                write_new(note_of(self._path), orjson.dumps(asdict(note)))

    def _may_be_packed(self, length: int | None) -> bool:
        """Whether what is promised may be the bytes in their coding."""
        promised = self._download
        if promised.checksums:
            return True
        if promised.size is not None:
            return length == promised.size
        return is_packed_by_name(promised.path.name)

    @property
    def _limit(self) -> int | None:
        limit = self._download.limit
        return self._settings.most_bytes if limit is None else limit

    @property
    def decodes(self) -> bool:
        """Whether a content coding is undone: then the bytes that come are not those of the file."""
        return self._decoder is not None

    def write(self, blocks: Sequence[bytes | memoryview]) -> None:
        """Append bytes.

        Raises:
            IntegrityError: They are not in their coding, or too many when it is undone.
            NoRoomError: The disk has no room for what was not promised.
            StorageError: The disk is full or failed, or the part is reached through a link.
        """
        if self._decoder is None:
            self._append(blocks)
            return
        for block in self._decoder.take(blocks):
            limit = self._limit
            if limit is not None and self.size + len(block) > limit:
                raise IntegrityError("size", limit, f"more than {limit}", where=self._download.name)
            self._append([block])

    def _append(self, blocks: Sequence[bytes | memoryview]) -> None:
        with storage_errors(self._path):
            length = sum(map(len, blocks))
            if self._hold is not None:
                self._hold.used(length)
            if not self.received:
                self._check_place()
            if self.small:
                blocks = [b"".join(blocks)]
            done = os.pwritev(self._descriptor, blocks, self.size)
            while done < length:
                rest = memoryview(b"".join(blocks))[done:]
                done += os.pwrite(self._descriptor, rest, self.size + done)
            if self.small and self._tail.hashed == self.size:
                self._tail.take(blocks[0])
            self.size += length
            self.received += length

    @property
    def behind(self) -> bool:
        """Whether hashing lags so far behind that a thread should be woken for it."""
        return self.size - self._tail.hashed >= _BEHIND

    def follow(self) -> bool:
        """Hash some of the bytes that are not hashed yet; say whether all are."""
        with self._lock:
            return self.closed or self._tail.follow(self._descriptor, self.size)

    def restart(self) -> None:
        """Drop all bytes and begin again."""
        with self._lock, storage_errors(self._path):
            if not self.closed:
                self._truncate()

    def _truncate(self) -> None:
        self.note = None
        if self.size:
            os.ftruncate(self._descriptor, 0)
            if self._hold is not None:
                self._hold.dropped(self.size)
        if self._noted:
            remove_quietly(note_of(self._path))
            self._noted = False
        self._tail.reset()
        self.size = 0

    def beginning(self, most: int = 512) -> bytes:
        """The first bytes; none once it is closed."""
        if self.closed:
            return b""
        return os.pread(self._descriptor, min(most, self.size), 0)

    def settle(self) -> None:
        """Verify the bytes and give them their final name; call again while `found` is None.

        Raises:
            IntegrityError: Size or a checksum is not what was promised; the part stays as it is.
            OccupiedError: Another file has its name, and must not be replaced.
            StorageError: The file cannot get its name.
        """
        with self._lock, storage_errors(self._target):
            if self.closed:
                return
            if self._decoder is not None:
                self._decoder.finish()
            promised = self._download
            if promised.size is not None and self.size != promised.size:
                raise IntegrityError("size", promised.size, self.size, where=promised.name)
            if not self._tail.follow(self._descriptor, self.size):
                return
            found = self._tail.checksums()
            verify(promised, found)
            if not promised.checksums and (page := wrong_kind(self.beginning(), promised)):
                raise page
            self._rename(found)
            self.found = found

    def _rename(self, found: tuple[Checksum, ...]) -> None:
        # The note goes first: a kill in between leaves a whole part, which needs none.
        if self._noted:
            remove_quietly(note_of(self._path))
        self._check_place()
        replace = self._download.replace
        try:
            put_file(self._path, self._target, replace=replace, fsync=self._settings.fsync)
        except OccupiedError:
            # Whoever was faster may have had the same bytes.
            if not same_bytes(self._target, self.size, found):
                self._useless = True
                raise occupied(self._download) from None
            remove_quietly(self._path)
        self._close()
        remove_dead_siblings(self._target, self._path)

    def close(self) -> None:
        """Let go of the part: it stays for a later run if that can resume it, else it is removed."""
        with self._lock:
            if self.closed:
                return
            resumable = self.size >= _WORTH_RESUMING and (self.note or self.whole) and not self._useless
            if self._descriptor >= 0 and not resumable:
                with suppress(OSError):
                    remove_quietly(note_of(self._path))
                    remove_quietly(self._path)
            self._close()

    def _close(self) -> None:
        self.closed = True
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
