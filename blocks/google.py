"""Google credentials."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import orjson
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, model_validator

from eoflows.base.errors import InvalidInputError
from eoflows.blocks.logos import logo

if TYPE_CHECKING:
    from eoflows.stores.transfer.google_token import GoogleToken

__all__ = ["GoogleCredentials"]


class GoogleCredentials(Block):
    """A service account of Google, or what the environment gives (workload identity, a metadata server).

    prefect-gcp's *GCP Credentials* do not serve here: their tokens may do all that the account may in the
    whole cloud, ours only Earth Engine and Cloud Storage; they show no account, so that two of them cannot be
    told apart; and they load Google's libraries where a block is only looked at.

    Example:
        Load stored credentials:
        ```python
        from eoflows.blocks import GoogleCredentials

        credentials = GoogleCredentials.load("BLOCK_NAME")
        ```
    """

    # A key that is refused must not be shown.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name = "Google Credentials"
    _block_type_slug = "eo-google-credentials"
    _logo_url = logo("google")
    _documentation_url = HttpUrl("https://developers.google.com/earth-engine/guides/service_account")
    _description = "A service account for Earth Engine and Cloud Storage, or what the environment gives."

    account: str = Field(
        default="",
        description="E-mail address of the service account, shown, so that two are told apart; empty: the "
        "key's.",
    )
    key: SecretStr | None = Field(
        default=None,
        description="Content of the account's key file (JSON); empty: what the environment gives. It is sent "
        "nowhere, and signs requests for tokens.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.key is not None:
            email = str(_key_file(self.key).get("client_email"))
            if self.account and self.account != email:
                raise InvalidInputError(f"the key is of {email!r}, not of {self.account!r}")
            self.account = email
        return self

    def credentials(self) -> "GoogleToken":
        """Give what signs requests; all requests of a process share one token.

        Raises:
            InvalidInputError: The key cannot be used, or the environment gives nothing.
        """
        # Only where credentials are used is Google's library loaded.
        from eoflows.stores.transfer.google_token import GoogleToken  # noqa: PLC0415

        return GoogleToken.shared(None if self.key is None else _key_file(self.key))


def _key_file(key: SecretStr) -> Mapping[str, Any]:
    try:
        read = orjson.loads(key.get_secret_value())
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict) or read.get("type") != "service_account" or "client_email" not in read:
        # What was given stays out of the message and of its cause: it may be the key.
        raise InvalidInputError(
            "this is no key file of a Google service account; paste the whole JSON file"
        ) from None
    return read
