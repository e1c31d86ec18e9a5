"""OAuth2 credentials by user and password."""

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from eoflows.base.http import PasswordGrant
from eoflows.blocks.logos import logo

__all__ = ["OAuth2Credentials"]


class OAuth2Credentials(Block):
    """User and password that a token endpoint exchanges for tokens; CDSE and most stations work so.

    Example:
        Load stored credentials:
        ```python
        from eoflows.blocks import OAuth2Credentials

        credentials = OAuth2Credentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "OAuth2 Credentials"
    _block_type_slug = "eo-oauth2-credentials"
    _logo_url = logo("oauth2")
    _documentation_url = HttpUrl("https://documentation.dataspace.copernicus.eu/APIs/Token.html")
    _description = "User and password for a token endpoint; tokens are renewed before they expire."

    token_url: str = Field(description="Token endpoint.", title="Token URL")
    user: str = Field(description="User name.")
    password: SecretStr = Field(description="Password; it is sent to the token endpoint only.")
    client_id: str = Field(default="cdse-public", description="OAuth2 client.")
    scope: str | None = Field(default=None, description="Scope to ask for, if the service wants one.")

    def credentials(self) -> PasswordGrant:
        """Give what signs requests; all requests of a process share one token."""
        return PasswordGrant.shared(
            self.token_url, self.user, self.password, client_id=self.client_id, scope=self.scope
        )
