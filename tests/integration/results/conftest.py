import hashlib

import pytest
from result_actions import bucket_at


@pytest.fixture(params=["folder", "bucket"])
def where(request: pytest.FixtureRequest) -> str:
    """What `storage_at` takes."""
    if request.param == "folder":
        return "folder"
    endpoint: str = request.getfixturevalue("s3_endpoint")
    return bucket_at(endpoint, "b-" + hashlib.md5(request.node.nodeid.encode()).hexdigest())
