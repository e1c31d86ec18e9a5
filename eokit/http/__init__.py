"""HTTP for API calls: time-outs, retries, redirects by hand, credentials per origin.

Bulk bytes do not travel through here but through `eokit.transfer`; both share the credentials,
the address rules and the retry rules of this package.
"""

from eokit.http.addresses import AddressPolicy
from eokit.http.client import HttpClient
from eokit.http.credentials import ApiKey, BasicLogin, BearerToken, Credentials, Keyring, PasswordGrant
from eokit.http.origins import Origin
from eokit.http.retry import RetryPolicy

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
    "RetryPolicy",
]
