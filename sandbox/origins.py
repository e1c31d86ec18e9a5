"""The two origins of a sandbox: the main one, and another that redirects can lead to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Origins"]


@dataclass
class Origins:
    """Addresses of a running sandbox, and what effects need to know of it."""

    host: str
    port: int
    other_port: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the sandbox stops: whoever waits on purpose goes home."""
    expire_tokens: Callable[[], None] = lambda: None
    """Makes every access token issued so far invalid."""
    connections: Callable[[], int] = lambda: 0
    """Number of connections that are open."""

    @property
    def url(self) -> str:
        """The main origin."""
        return f"http://{self.host}:{self.port}"

    @property
    def other_url(self) -> str:
        """The other origin."""
        return f"http://{self.host}:{self.other_port}"

    def name(self, port: int) -> str:
        """Return what the log calls the origin at a port."""
        return "other" if port == self.other_port else "main"
