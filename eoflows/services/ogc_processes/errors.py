"""What a failed call raises: each error of the house, and a `ClientException` at the same time.

```
ServiceError
└── ClientException, ClientError           any failed call; `api_error` has what the server said
    ├── ClientUnreachableError             and UnreachableError: no usable answer
    │   ├── ClientUnsentError              and UnsentError: nothing was sent
    │   └── ClientThrottledError           and ThrottledError
    ├── ClientRefusedError                 and RefusedError: a definite no
    │   ├── ClientCredentialsError         and CredentialsError: 401, 403
    │   ├── ClientConflictError            and ConflictError: 409, 412
    │   ├── ResultsNotReadyError           the job has not ended yet
    │   └── ClientAbsentError              and AbsentError: 404, 410
    │       ├── JobGoneError               410: it was there once
    │       └── JobDismissedError          the job was dismissed, so there are no results
    ├── JobFailedError                     the job has failed; `api_error.detail` says why
    ├── ClientContractError                and ContractError: the answer cannot be read
    └── ClientOutcomeUnknownError          and OutcomeUnknownError: an execution may or may not have begun
```

So `except ClientException`, `except AbsentError` and `except EoError` all do what they say. A request
that is wrong before it is sent raises `InvalidInputError`, which is no `ClientException`.
"""

import copyreg
from typing import Any

from eoflows.base.errors import (
    AbsentError,
    ConflictError,
    ContractError,
    CredentialsError,
    OutcomeUnknownError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
    UnsentError,
)
from eoflows.services.ogc_processes.models import ApiError
from eoflows.services.ogc_processes.problems import api_error_of

__all__ = [
    "ClientAbsentError",
    "ClientConflictError",
    "ClientContractError",
    "ClientCredentialsError",
    "ClientError",
    "ClientException",
    "ClientOutcomeUnknownError",
    "ClientRefusedError",
    "ClientThrottledError",
    "ClientUnreachableError",
    "ClientUnsentError",
    "JobDismissedError",
    "JobFailedError",
    "JobGoneError",
    "ResultsNotReadyError",
    "client_error",
]


class ClientException(ServiceError):
    """A call to the server failed: it answered no, not at all, or nothing that can be read.

    Attributes:
        api_error: What the server said, read from whatever shape it came in.
    """

    def __init__(self, message: str, api_error: ApiError) -> None:
        super().__init__(message)
        self.api_error = api_error

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


ClientError = ClientException
"""The name that the reference document uses where it lists what is raised."""


class ClientUnreachableError(ClientException, UnreachableError):
    """No usable answer came; trying later may help."""


class ClientUnsentError(ClientUnreachableError, UnsentError):
    """No connection, or no token: nothing was sent."""


class ClientThrottledError(ClientUnreachableError, ThrottledError):
    """The server asked for more patience than we have."""


class ClientRefusedError(ClientException, RefusedError):
    """A definite no; the same request will be refused again."""


class ClientCredentialsError(ClientRefusedError, CredentialsError):
    """401 or 403."""


class ClientConflictError(ClientRefusedError, ConflictError):
    """409 or 412."""


class ClientAbsentError(ClientRefusedError, AbsentError):
    """There is no such process or job."""


class JobGoneError(ClientAbsentError):
    """There was such a job once, and it is gone: dismissed or expired."""


class JobDismissedError(ClientAbsentError):
    """The job was dismissed, so it has no results."""


class ResultsNotReadyError(ClientRefusedError):
    """The job has not ended yet; ask for its results later."""


class JobFailedError(ClientException):
    """The job has failed, so it has no results; `api_error.detail` says why."""


class ClientContractError(ClientException, ContractError):
    """The answer cannot be read, or breaks the standard."""


class ClientOutcomeUnknownError(ClientException, OutcomeUnknownError):
    """The execution was sent, and nobody can say whether it began: look at the server's jobs first."""


_CLASSES: dict[type[ServiceError], type[ClientException]] = {
    ClientException: ClientException,
    UnsentError: ClientUnsentError,
    ThrottledError: ClientThrottledError,
    UnreachableError: ClientUnreachableError,
    CredentialsError: ClientCredentialsError,
    ConflictError: ClientConflictError,
    AbsentError: ClientAbsentError,
    RefusedError: ClientRefusedError,
    ContractError: ClientContractError,
    ServiceError: ClientException,
}


def client_error(error: ServiceError) -> ClientException:
    """Give a service error as a `ClientException` of the same kind, with what the server said.

    What the error's own document says beyond its status (not ready, dismissed, gone) chooses the class.
    """
    if isinstance(error, ClientException):
        return error
    status = getattr(error, "status", None) or getattr(error, "answered", None)
    said = api_error_of(error.document, status, getattr(error, "detail", "") or str(error))
    kind = next(_CLASSES[base] for base in type(error).__mro__ if base in _CLASSES)
    return recast(error, _hinted(kind, said), said)


def recast(error: ServiceError, kind: type[ClientException], said: ApiError) -> ClientException:
    """Give an error as another class, with its message and all that it knows."""
    found = kind(str(error), said)
    # url, status, detail, retry_after: whatever the class of the house keeps.
    vars(found).update({**vars(error), "api_error": said})
    found.__cause__ = error
    return found


def _hinted(kind: type[ClientException], said: ApiError) -> type[ClientException]:
    hint = "".join(letter for letter in said.type.lower() if letter.isalnum())
    if not issubclass(kind, ClientRefusedError) or issubclass(kind, ClientCredentialsError):
        return kind
    if hint.endswith(("resultnotready", "resultsnotready")):
        return ResultsNotReadyError
    if "dismissed" in hint:
        return JobDismissedError
    return JobGoneError if said.status == 410 and kind is ClientAbsentError else kind
