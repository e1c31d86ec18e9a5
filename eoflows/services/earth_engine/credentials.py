"""Google's credentials as those of our own requests: bearer tokens, renewed in a thread."""

import threading
from collections.abc import Mapping
from typing import Any

import anyio

from eoflows.base.errors import CredentialsError, InvalidInputError, UnsentError

__all__ = ["SCOPES", "GoogleToken"]

SCOPES = (
    "https://www.googleapis.com/auth/earthengine",
    "https://www.googleapis.com/auth/devstorage.read_write",
)
"""What a token must allow, and no more."""


class GoogleToken:
    """Bearer tokens of google-auth credentials, for `eoflows.base.http.Keyring`.

    One renewal serves all event loops and threads that wait for it.

    Args:
        credentials: A `google.auth.credentials.Credentials` with the scopes it needs.
    """

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()

    @classmethod
    def of_account(cls, info: Mapping[str, Any]) -> "GoogleToken":
        """Use a service account.

        Args:
            info: The content of its key file.

        Raises:
            InvalidInputError: It is no key file.
        """
        from google.oauth2.service_account import Credentials  # noqa: PLC0415

        try:
            made = Credentials.from_service_account_info(dict(info), scopes=SCOPES)  # type: ignore[no-untyped-call]
        except ValueError:
            # The message of the cause may quote the key.
            raise InvalidInputError(
                "this is no key file of a Google service account; download a new one as JSON"
            ) from None
        return cls(made)

    @classmethod
    def default(cls) -> "GoogleToken":
        """Use what the environment gives: workload identity, a metadata server, or a developer's login.

        Raises:
            InvalidInputError: It gives nothing.
        """
        import google.auth  # noqa: PLC0415
        from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415

        try:
            made, _ = google.auth.default(scopes=SCOPES)
        except DefaultCredentialsError as error:
            raise InvalidInputError(f"this environment has no Google credentials: {error}") from error
        return cls(made)

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Give a bearer token that is still valid.

        Raises:
            CredentialsError: Google refuses these credentials.
            UnsentError: Google cannot be asked for a token.
        """
        if self._credentials.valid and rejected != self._header():
            return self._header()
        return await anyio.to_thread.run_sync(self._renewed, rejected)

    def _header(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._credentials.token}"}

    def _renewed(self, rejected: Mapping[str, str] | None) -> Mapping[str, str]:
        from google.auth.exceptions import GoogleAuthError, RefreshError  # noqa: PLC0415
        from google.auth.transport.requests import Request  # noqa: PLC0415

        with self._lock:
            if not self._credentials.valid or rejected == self._header():
                try:
                    self._credentials.refresh(Request())
                except RefreshError as error:
                    if error.retryable:
                        raise UnsentError(f"Google gives no token: {type(error).__name__}") from error
                    raise CredentialsError(
                        "Google refuses these credentials; check the service account and its key", status=401
                    ) from error
                except GoogleAuthError as error:
                    raise UnsentError(
                        f"Google cannot be asked for a token: {type(error).__name__}"
                    ) from error
            return self._header()
