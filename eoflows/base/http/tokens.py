"""A token that is renewed: one for all who use it, in whatever thread or event loop.

Services ban accounts that ask for a token per file or per poll, or that try a wrong password many times.
"""

import hashlib
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import ClassVar, Self

import anyio

from eoflows.base.errors import CredentialsError
from eoflows.base.secrets import remember, sent_in

__all__ = ["RenewedToken"]

_REMEMBER_REFUSAL = 60.0
_MOST_SHARED = 256


class RenewedToken(ABC):
    """Headers that are fetched with the first use, before they expire, and after a 401.

    Any number of concurrent requests share one token and one renewal. A refusal is remembered for a minute.

    Args:
        leeway: Seconds before its expiry at which a new one is fetched.
        clock: Monotonic seconds.
    """

    _shared: ClassVar[OrderedDict[bytes, "RenewedToken"]] = OrderedDict()
    _sharing: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, *, leeway: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._leeway, self._clock = leeway, clock
        self._lock = threading.Lock()
        self._current: Mapping[str, str] = {}
        self._expires = float("-inf")
        self._refusal: CredentialsError | None = None
        self._refused_until = float("-inf")

    @abstractmethod
    async def _fetch(self) -> tuple[Mapping[str, str], float]:
        """Ask for a token; give its headers, and the seconds for which they are valid from now.

        Raises:
            CredentialsError: The service refuses these credentials.
        """

    @classmethod
    def _of_process(cls, make: Callable[[], Self], *identity: str) -> Self:
        """Give the one token of this process for an identity, which is all that it is made of."""
        parts = (cls.__qualname__, *identity)
        key = hashlib.blake2b(b"".join(f"{len(part)}:{part}".encode() for part in parts)).digest()
        with cls._sharing:
            found = cls._shared.get(key)
            if not isinstance(found, cls):
                found = cls._shared[key] = make()
            cls._shared.move_to_end(key)
            if len(cls._shared) > _MOST_SHARED:
                cls._shared.popitem(last=False)
        return found

    @classmethod
    def forget(cls) -> None:
        """Let all of this process log in anew with the next use."""
        with cls._sharing:
            cls._shared.clear()

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Give headers that are valid for at least the leeway.

        Args:
            rejected: Headers given earlier that the service answered with 401.

        Raises:
            CredentialsError: The service does not let this user in.
        """
        if self._good(rejected):
            return self._current
        # In a thread, with a loop of its own: callers may be in different event loops.
        return await anyio.to_thread.run_sync(self._renewed, rejected)

    def _good(self, rejected: Mapping[str, str] | None) -> bool:
        return self._clock() < self._expires - self._leeway and rejected != self._current

    def _renewed(self, rejected: Mapping[str, str] | None) -> Mapping[str, str]:
        with self._lock:
            if not self._good(rejected):
                if self._refusal is not None and self._clock() < self._refused_until:
                    raise self._refusal
                try:
                    self._current, lifetime = anyio.run(self._fetch)
                except CredentialsError as error:
                    self._refusal, self._refused_until = error, self._clock() + _REMEMBER_REFUSAL
                    raise
                remember(*sent_in("", self._current))
                self._expires = self._clock() + lifetime
            return self._current
