"""An S3 bucket."""

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from eoflows.blocks.logos import logo
from eoflows.stores.transfer import S3Bucket as Bucket

__all__ = ["S3Bucket"]


class S3Bucket(Block):
    """A bucket on AWS or on any S3-compatible service, as a source of assets or as their destination.

    Example:
        Load a stored bucket:
        ```python
        from eoflows.blocks import S3Bucket

        bucket = S3Bucket.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "EO S3 Bucket"
    _block_type_slug = "eo-s3-bucket"
    _logo_url = logo("s3")
    _documentation_url = HttpUrl("https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html")
    _description = "A bucket with its endpoint and keys, to read assets from or to stage them in."

    bucket: str = Field(min_length=3, description="Name of the bucket.")
    endpoint: str | None = Field(
        default=None,
        description="URL of the service, like https://s3.example.org; empty is AWS.",
    )
    region: str = Field(default="us-east-1", description="Region.")
    access_key: str | None = Field(
        default=None, description="Access key id; empty asks without a signature. Keeps two keys apart."
    )
    secret_key: SecretStr | None = Field(default=None, description="Secret of the access key.")
    path_style: bool = Field(
        default=True, description="Whether the bucket's name goes into the path (most services) or the host."
    )

    requester_pays: bool = Field(
        default=False,
        description="Whether the owner of the keys pays for what is read, which some buckets demand.",
    )

    def open(self) -> Bucket:
        """Give the settings that readers and writers work with."""
        return Bucket(
            self.bucket,
            self.endpoint,
            self.region,
            self.access_key,
            self.secret_key,
            path_style=self.path_style,
            requester_pays=self.requester_pays,
        )
