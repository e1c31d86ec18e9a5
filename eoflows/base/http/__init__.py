"""HTTP for API calls: time-outs, retries, redirects by hand, credentials per origin.

Bulk bytes do not travel through here but through `eoflows.stores.transfer`; both share the credentials,
the address rules and the retry rules of this package.
"""

from eoflows.base.http.addresses import AddressPolicy
from eoflows.base.http.client import HttpClient
from eoflows.base.http.credentials import ApiKey, BasicLogin, BearerToken, Credentials, Keyring, PasswordGrant
from eoflows.base.http.origins import Origin
from eoflows.base.http.retry import RetryPolicy
from eoflows.base.http.tokens import RenewedToken

__all__ = [
    "AddressPolicy",
    "ApiKey",
    "BasicLogin",
    "BearerToken",
    "Credentials",
    "HttpClient",
    "Keyring",
    "Origin",
    "PasswordGrant",
    "RenewedToken",
    "RetryPolicy",
]
