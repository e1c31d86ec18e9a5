"""Google's credentials as those of our own requests: bearer tokens, renewed in a thread."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eoflows.base.digest import json_digest
from eoflows.base.errors import CredentialsError, InvalidInputError, UnsentError
from eoflows.base.http import RenewedToken

__all__ = ["SCOPES", "GoogleToken"]

SCOPES = (
    "https://www.googleapis.com/auth/earthengine",
    "https://www.googleapis.com/auth/devstorage.read_write",
)
"""What a token must allow, and no more."""


class GoogleToken(RenewedToken):
    """Bearer tokens of google-auth credentials, for `eoflows.base.http.Keyring`.

    Args:
        credentials: A `google.auth.credentials.Credentials` with the scopes it needs.
    """

    def __init__(self, credentials: Any) -> None:
        super().__init__()
        self._credentials = credentials

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

    @classmethod
    def shared(cls, info: Mapping[str, Any] | None) -> "GoogleToken":
        """Give the tokens that all of this process use for an account.

        Args:
            info: The content of its key file; None: what the environment gives.
        """

        def make() -> GoogleToken:
            return GoogleToken.default() if info is None else GoogleToken.of_account(info)

        return GoogleToken._of_process(make, "" if info is None else json_digest(info))

    async def _fetch(self) -> tuple[Mapping[str, str], float]:
        from google.auth.exceptions import GoogleAuthError, RefreshError  # noqa: PLC0415
        from google.auth.transport.requests import Request  # noqa: PLC0415

        try:
            self._credentials.refresh(Request())
        except RefreshError as error:
            if error.retryable:
                raise UnsentError(f"Google gives no token: {type(error).__name__}") from error
            raise CredentialsError(
                "Google refuses these credentials; check the service account and its key", status=401
            ) from error
        except GoogleAuthError as error:
            raise UnsentError(f"Google cannot be asked for a token: {type(error).__name__}") from error
        return {"authorization": f"Bearer {self._credentials.token}"}, _lifetime(
            getattr(self._credentials, "expiry", None)
        )


def _lifetime(expiry: datetime | None) -> float:
    """Seconds from now; Google's library keeps UTC without a zone."""
    if expiry is None:
        return float("inf")
    return (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
