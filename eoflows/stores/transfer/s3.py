"""Access to one S3 bucket, for sources and for storage."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from eoflows.base.errors import InvalidInputError
from eoflows.base.secrets import remember

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["S3Bucket"]


@dataclass(frozen=True)
class S3Bucket:
    """Where a bucket is and who asks.

    Attributes:
        bucket: Name.
        endpoint: URL of an S3-compatible service; None is AWS. The operator configures it, so it may
            have a private address, and plain http.
        region: Region.
        access_key: Key id; None asks without a signature.
        secret_key: Its secret.
        session_token: For temporary keys.
        path_style: Whether the bucket is in the path (most services) or in the host name (AWS).
        retry_seconds: How long one request is repeated after connection errors and 5xx answers.
        requester_pays: Whether whoever asks agrees to pay for it, which some buckets demand.
    """

    bucket: str
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: SecretStr | None = None
    session_token: SecretStr | None = None
    path_style: bool = True
    retry_seconds: float = 60.0
    requester_pays: bool = False

    def __post_init__(self) -> None:
        if (self.access_key is None) != (self.secret_key is None):
            raise InvalidInputError(f"bucket {self.bucket} has half a key; give access_key and secret_key")
        if self.requester_pays and self.access_key is None:
            raise InvalidInputError(
                f"bucket {self.bucket} is paid for by who asks; give access_key and secret_key"
            )
        if self.endpoint and urlsplit(self.endpoint).scheme not in ("http", "https"):
            raise InvalidInputError(f"endpoint {self.endpoint!r} is not an http or https URL")
        remember(*(one.get_secret_value() for one in (self.secret_key, self.session_token) if one))

    @property
    def place(self) -> tuple[str, int]:
        """Host and port that are asked; with AWS the region's host, whatever the bucket."""
        parts = urlsplit(self.endpoint or f"https://s3.{self.region}.amazonaws.com")
        return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)

    def open(self, *, prefix: str | None = None, stall: float = 60.0) -> "S3Store":
        """Open it; no request is sent yet.

        Args:
            prefix: Path inside the bucket under which all keys are.
            stall: Seconds for one read from the socket.
        """
        # Only who uses S3 pays for the import.
        from obstore.store import S3Store  # noqa: PLC0415

        plain = str(self.endpoint).startswith("http://")
        # A large object may take as long as it needs, as long as bytes keep coming.
        client: Any = {"allow_http": plain, "connect_timeout": "30s", "read_timeout": f"{stall}s"}
        retry: Any = {"retry_timeout": timedelta(seconds=self.retry_seconds)}
        options = self._options()
        return S3Store(
            prefix=prefix, client_options=client | {"timeout": "7d"}, retry_config=retry, **options
        )

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "bucket": self.bucket,
            "region": self.region,
            "virtual_hosted_style_request": not self.path_style,
            "skip_signature": self.access_key is None,
        }
        if self.requester_pays:
            options["request_payer"] = True
        secrets = {"secret_access_key": self.secret_key, "session_token": self.session_token}
        options |= {name: secret.get_secret_value() for name, secret in secrets.items() if secret}
        plain = {"access_key_id": self.access_key, "endpoint": self.endpoint}
        return options | {name: value for name, value in plain.items() if value}
