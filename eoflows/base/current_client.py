"""The client that the nearest `with client:` opened, for calls that name no server.

One context variable holds the clients of all services; each thread and each task sees the ones it
was started under.
"""

from contextvars import ContextVar
from typing import TypeVar

from eoflows.base.errors import InvalidInputError

__all__ = ["current", "enter", "leave"]

C = TypeVar("C")
_OPENED: ContextVar[tuple[object, ...]] = ContextVar("eoflows_opened_clients", default=())


def enter(client: object) -> None:
    """Make this client the nearest of its kind; for `__enter__`."""
    _OPENED.set((*_OPENED.get(), client))


def leave(client: object) -> None:
    """Take away what `enter` did last for this client; for `__exit__`."""
    opened = list(_OPENED.get())
    for place in reversed(range(len(opened))):
        if opened[place] is client:
            del opened[place]
            break
    _OPENED.set(tuple(opened))


def current(kind: type[C], client: C | None = None) -> C:
    """Give the client to use.

    Args:
        kind: Class of the client; a subclass will do.
        client: The one that the caller named, if any; it is preferred.

    Raises:
        InvalidInputError: None was named and none is open.
    """
    if client is not None:
        return client
    for opened in reversed(_OPENED.get()):
        if isinstance(opened, kind):
            return opened
    raise InvalidInputError(
        f"no {kind.__name__} is open here: pass client=..., or call this inside `with {kind.__name__}(...):`"
    )
