"""Where UP42 is."""

from dataclasses import dataclass
from typing import Literal, Self

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import Origin

__all__ = ["Hosts", "Region"]

Region = Literal["eu", "sa"]
"""Europe, or Saudi Arabia; each has accounts, credits and storage of its own."""
_DOMAINS = {"eu": "up42.com", "sa": "sa.up42.com"}


@dataclass(frozen=True)
class Hosts:
    """The two hosts that get a token.

    Attributes:
        api: Address of the API host, without a slash at the end.
        auth: Address of the host that gives tokens, without a slash at the end.
    """

    api: str
    auth: str

    @classmethod
    def of(cls, region: str) -> Self:
        """Give the hosts of a region.

        Raises:
            InvalidInputError: There is no such region.
        """
        domain = _DOMAINS.get(region)
        if domain is None:
            raise InvalidInputError(f"UP42 has no region {region!r}; choose {' or '.join(_DOMAINS)}")
        return cls(f"https://api.{domain}", f"https://auth.{domain}")

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return f"{self.auth}/realms/public/protocol/openid-connect/token"

    @property
    def user_url(self) -> str:
        """Where the service says who a token belongs to."""
        return f"{self.auth}/realms/public/protocol/openid-connect/userinfo"

    @property
    def stac_url(self) -> str:
        """Landing page of the STAC API of everything in storage."""
        return f"{self.api}/v2/assets/stac"

    @property
    def origins(self) -> list[Origin]:
        """The origins of both hosts."""
        return list(dict.fromkeys([Origin.of(self.api), Origin.of(self.auth)]))
