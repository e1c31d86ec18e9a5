"""Results that lie in a bucket, and are named by s3 addresses."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from eoflows.base.errors import EoError
from eoflows.blocks import OgcProcessesServer, S3Bucket
from eoflows.stores.transfer import Download

pytestmark = pytest.mark.anyio


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_result_in_the_bucket_of_the_block(s3_endpoint: str, tmp_path: Path):
    import boto3

    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=s3_endpoint, **keys)
    client.create_bucket(Bucket="results")
    client.put_object(Bucket="results", Key="wf/a.tif", Body=b"II*")
    bucket = S3Bucket(
        bucket="results", endpoint=s3_endpoint, access_key="key", secret_key=SecretStr("secret")
    )
    block = OgcProcessesServer(url="https://processes.example/api", result_bucket=bucket)
    async with block.open_jobs() as server, server.transfer() as engine:
        await engine.fetch(Download(("s3://results/wf/a.tif",), tmp_path / "a.tif"))
        with pytest.raises(EoError, match="no access to bucket 'others'"):
            await engine.fetch(Download(("s3://others/wf/a.tif",), tmp_path / "b.tif"))
    assert (tmp_path / "a.tif").read_bytes() == b"II*"
