"""What can go wrong, as one tree: a class for each outcome that a caller treats differently.

```
EoError
├── InvalidInputError (ValueError)   the caller must change the request
│   ├── MissingExtraError (ImportError)   a library is not installed; the message names the extra
│   ├── UnsafeNameError              an id, key or path that must not become a file or object name
│   └── unpack.ArchiveError          an archive that must not, or cannot, be unpacked
├── ServiceError                     a service was asked; `url` says where, without its query
│   ├── UnreachableError             no answer: connect, TLS, time-out, stall, 5xx after all retries
│   │   ├── ThrottledError           429 or 503 after all retries; `retry_after` in seconds
│   │   └── UnsentError              no connection: the request certainly had no effect
│   ├── RefusedError                 a definite no: 4xx; `status` and `detail` say why
│   │   ├── CredentialsError         401 or 403
│   │   ├── AbsentError              404 or 410
│   │   └── ConflictError            409 or 412
│   └── ContractError                the answer breaks the service's own contract
│       └── TruncatedError           a listing ended before all of it had come
├── ForbiddenAddressError            an address, scheme or redirect that the settings do not allow
├── IntegrityError                   bytes arrived, and are not the bytes that were promised
├── StorageError                     the destination cannot take what it was given
│   └── OccupiedError                something else has the name, and must not be replaced
├── CatalogError                     the catalogue cannot be used as asked
│   └── ChangedError                 a record is no more what the caller has seen; nothing was written
├── LedgerError                      the ledger of jobs and money cannot be used as asked
│   ├── LateError                    the lease was lost meanwhile: somebody else owns the job now
│   ├── TakenError                   the job belongs to another intent
│   └── BudgetError                  the budget does not cover it; nothing was sent
│       └── PriceError               it costs more now than was agreed to; nothing was sent
├── DeadlineError (TimeoutError)     a limit set by the caller has passed
├── PartialError                     some items failed; `causes` has one error each
└── OutcomeUnknownError              something was sent and nobody can say whether it took effect
```

No message shows a secret: URLs are printed without query, user or fragment, and what was sent in confidence
is taken out of every text that an error is made of.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from eoflows.base.secrets import hide

__all__ = [
    "AbsentError",
    "BudgetError",
    "CatalogError",
    "ChangedError",
    "ConflictError",
    "ContractError",
    "CredentialsError",
    "DeadlineError",
    "EoError",
    "ForbiddenAddressError",
    "IntegrityError",
    "InvalidInputError",
    "LateError",
    "LedgerError",
    "MissingExtraError",
    "OccupiedError",
    "OutcomeUnknownError",
    "PartialError",
    "PriceError",
    "RefusedError",
    "ServiceError",
    "StorageError",
    "TakenError",
    "ThrottledError",
    "TruncatedError",
    "UnreachableError",
    "UnsafeNameError",
    "UnsentError",
    "public_url",
]


def public_url(url: str) -> str:
    """Give a URL that may be shown: no user, password, query or fragment (signatures live there)."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "<not a URL>"
    if not parts.scheme:
        return parts.path
    if not parts.netloc and parts.scheme != "file":
        return f"{parts.scheme}:..."
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


class EoError(Exception):
    """The root: catch it to catch everything that eoflows raises on purpose."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(hide(one) if isinstance(one, str) else one for one in args))


class InvalidInputError(EoError, ValueError):
    """The request is wrong and will stay wrong; the message has the value and what to do."""


class MissingExtraError(InvalidInputError, ModuleNotFoundError):
    """A library that this request needs is not installed; the message names the extra that brings it."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class UnsafeNameError(InvalidInputError):
    """An owner, collection, item id or asset key that must not become a file or object name."""


class ServiceError(EoError):
    """A service was asked and the answer, or its absence, is the problem.

    Attributes:
        url: Where, without query (safe to show).
        document: The JSON that the service answered with, secrets removed; None where there was none.
    """

    document: Any = None

    def __init__(self, message: str, *, url: str = "") -> None:
        self.url = public_url(url) if url else ""
        super().__init__(f"{message} ({self.url})" if self.url else message)


class UnreachableError(ServiceError):
    """No usable answer came: nothing is known about what was asked for. Trying later may help.

    Attributes:
        answered: HTTP status of the answer, or None where there was none.
    """

    answered: int | None = None


class ThrottledError(UnreachableError):
    """The service asked for patience more often than we were told to have.

    Attributes:
        retry_after: Seconds that the service asked to wait, or None.
        status: 429 is a definite no to this request; after 503 it may have taken effect.
    """

    def __init__(
        self, message: str, *, url: str = "", retry_after: float | None = None, status: int = 503
    ) -> None:
        self.retry_after = retry_after
        self.status = status
        super().__init__(message, url=url)


class UnsentError(UnreachableError):
    """No connection, or no token, could be had: the request certainly had no effect."""


class RefusedError(ServiceError):
    """The service understood and said no; the same request will be refused again.

    Attributes:
        status: HTTP status, 4xx.
        detail: What the service said, shortened.
    """

    def __init__(self, message: str, *, url: str = "", status: int = 400, detail: str = "") -> None:
        self.status = status
        self.detail = detail
        super().__init__(message, url=url)


class CredentialsError(RefusedError):
    """401 or 403: the credentials are missing, wrong, expired, or not enough."""


class AbsentError(RefusedError):
    """404 or 410: what was asked for is not there. An unreachable service never raises this."""


class ConflictError(RefusedError):
    """409 or 412: something else is already there, or changed meanwhile."""


class ContractError(ServiceError):
    """The service answered what its contract rules out: a broken document, a paging loop, a wrong type."""


class TruncatedError(ContractError):
    """A listing ended before all of it had come; what came may be used, and is not all there is."""


class ForbiddenAddressError(EoError):
    """A scheme, host, address or redirect that the settings do not allow."""


class IntegrityError(EoError):
    """The bytes that arrived are not the bytes that were promised.

    Attributes:
        what: Which promise was broken: `size`, a checksum's name, `content-range`, `error page`, ...
        expected: The promised value.
        received: The value found.
    """

    def __init__(self, what: str, expected: object, received: object, *, where: str = "") -> None:
        self.what, self.expected, self.received = what, expected, received
        place = f" of {where}" if where else ""
        super().__init__(f"{what}{place} is {received}, promised was {expected}")


class StorageError(EoError):
    """The destination cannot take what it was given: no space, no permission, not configured."""


class OccupiedError(StorageError):
    """Something else has the name, and must not be replaced."""


class CatalogError(EoError):
    """The catalogue cannot be used as asked: wrong host, wrong schema, damaged file."""


class ChangedError(CatalogError):
    """Records are no more what the caller has seen; nothing was written.

    Attributes:
        ids: Of these items.
    """

    def __init__(self, collection: str, ids: Iterable[str]) -> None:
        self.ids = frozenset(ids)
        shown = ", ".join(sorted(self.ids)[:5]) + (", ..." if len(self.ids) > 5 else "")
        super().__init__(f"{collection}: another run has changed the record of {shown}")


class LedgerError(EoError):
    """The ledger of jobs and money cannot be used as asked: wrong host, wrong schema, unknown name."""


class LateError(LedgerError):
    """The lease is over, and somebody else may own the job now: what comes too late has no effect."""


class TakenError(LedgerError):
    """A job of a service cannot be this intent's: another intent has it already."""


class BudgetError(LedgerError):
    """The budget does not cover what was asked for; nothing was sent."""


class PriceError(BudgetError):
    """What is asked for costs more at the moment of sending than was agreed to; nothing was sent."""


class DeadlineError(EoError, TimeoutError):
    """A limit set by the caller has passed; the message has the limit."""


class PartialError(EoError):
    """Some items failed while others did not.

    Attributes:
        causes: One error per failed item, by item id.
    """

    shown = 5

    def __init__(self, message: str, causes: Mapping[str, BaseException]) -> None:
        self.causes = dict(causes)
        lines = [f"  {item}: {cause}" for item, cause in list(self.causes.items())[: self.shown]]
        more = len(self.causes) - len(lines)
        if more > 0:
            lines.append(f"  and {more} more")
        super().__init__("\n".join([message, *lines]))


class OutcomeUnknownError(EoError):
    """Something that cannot be repeated was sent, and the service could not say whether it took effect."""
