"""Access to one bucket of Google Cloud Storage, by the official client, for sources and for storage.

The client speaks through a session of ours: it signs, waits, repeats and tells of errors as all our requests
do. So nothing is set per call, and no error of the client's own is met by anybody else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eoflows.base.errors import ContractError, EoError, IntegrityError, UnreachableError
from eoflows.base.http import Credentials, Origin, RetryPolicy

if TYPE_CHECKING:
    from google.cloud.storage import Bucket
    from requests.adapters import BaseAdapter

__all__ = ["GoogleBucket", "google_errors", "stretch"]


@dataclass(frozen=True)
class GoogleBucket:
    """Where a bucket is and who asks.

    Attributes:
        bucket: Name.
        credentials: Who asks; None: nobody, as stand-ins and public buckets allow.
        url: Origin of Cloud Storage. The operator configures it, so it may have a private address.
        timeout: Seconds for each wait on the socket.
        retry: When a request is repeated.
        proxy: URL of a proxy; empty: none, whatever the environment says.
        ca_bundle: PEM file of the authorities to trust; None takes the system's.
        adapter: Replaces the network in tests.
    """

    bucket: str
    credentials: Credentials | None = None
    url: str = "https://storage.googleapis.com"
    timeout: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    proxy: str = ""
    ca_bundle: Path | None = None
    adapter: "BaseAdapter | None" = None

    @property
    def place(self) -> tuple[str, int]:
        """Host and port that are asked."""
        origin = Origin.of(self.url)
        return origin.host, origin.port

    def open(self) -> "Bucket":
        """Open it; no request is sent yet."""
        # Only who uses Cloud Storage pays for the import.
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
        from google.cloud import storage  # noqa: PLC0415

        from eoflows.stores.transfer.google_session import Session  # noqa: PLC0415

        session = Session(
            self.url,
            credentials=self.credentials,
            timeout=self.timeout,
            retry=self.retry,
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
            adapter=self.adapter,
        )
        # The session signs; a client without credentials of its own would look for some in the environment.
        client = storage.Client(
            project="none",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            _http=session,
            client_options={"api_endpoint": self.url.rstrip("/")},
        )
        return client.bucket(self.bucket)


@contextmanager
def google_errors(href: str) -> Iterator[None]:
    """Turn what is wrong with an answer that the session let through into one of our errors."""
    import requests  # noqa: PLC0415
    import urllib3  # noqa: PLC0415
    from google.cloud.exceptions import GoogleCloudError  # noqa: PLC0415
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse  # noqa: PLC0415

    try:
        yield
    except DataCorruption as error:
        raise IntegrityError("crc32c", "that of the bytes", "another", where=href) from error
    except (GoogleCloudError, InvalidResponse, AttributeError, KeyError, TypeError, ValueError) as error:
        # Our own errors may be ValueErrors, too.
        if isinstance(error, EoError):
            raise
        raise ContractError(f"the answer cannot be read: {type(error).__name__}", url=href) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise UnreachableError(f"the answer broke off: {type(error).__name__}", url=href) from error


def stretch(bucket: "Bucket", name: str, generation: str, start: int, end: int) -> bytes:
    """Give some bytes of one generation of an object, as they are stored; blocks.

    Args:
        bucket: Its bucket.
        name: Its name.
        generation: Which.
        start: The first byte.
        end: The byte after the last.

    Raises:
        AbsentError: There is no such generation.
        IntegrityError: It has other bytes than these.
    """
    if start >= end:
        return b""
    href = f"gs://{bucket.name}/{name}"
    # Only the name and the generation are given: the client would follow any link that it was told.
    blob = bucket.blob(name, generation=int(generation))
    with google_errors(href):
        found: bytes = blob.download_as_bytes(
            start=start, end=end - 1, raw_download=True, checksum=None, retry=None
        )
    if len(found) != end - start:
        raise IntegrityError("size", end - start, len(found), where=href)
    return found
