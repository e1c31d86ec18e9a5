"""Credentials for RS-Server."""

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from eoflows.base.http import ApiKey
from eoflows.blocks.logos import logo

__all__ = ["RsServerCredentials"]


class RsServerCredentials(Block):
    """An API key of RS-Server, sent as `x-api-key` to the origins of the services that name this block.

    Example:
        Load stored credentials:
        ```python
        from eoflows.blocks import RsServerCredentials

        credentials = RsServerCredentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "RS-Server Credentials"
    _block_type_slug = "rs-server-credentials"
    _logo_url = logo("rs-server")
    _documentation_url = HttpUrl("https://home.rs-python.eu/rs-documentation/")
    _description = "API key of a Copernicus Reference System (RS-Server) installation."

    user: str = Field(description="Login that the key belongs to; shown, and keeps two keys apart.")
    api_key: SecretStr = Field(
        description="The API key; it is sent to the configured origins only.", title="API key"
    )

    def credentials(self) -> ApiKey:
        """Give what signs requests."""
        return ApiKey(self.api_key)
