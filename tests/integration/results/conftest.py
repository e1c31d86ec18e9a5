import hashlib

import httpx
import pytest


@pytest.fixture(params=["folder", "bucket"])
def where(request: pytest.FixtureRequest) -> str:
    """What `storage_at` takes."""
    if request.param == "folder":
        return "folder"
    pytest.importorskip("obstore")
    endpoint: str = request.getfixturevalue("s3_endpoint")
    bucket = "b-" + hashlib.md5(request.node.nodeid.encode()).hexdigest()
    assert httpx.put(f"{endpoint}/{bucket}", trust_env=False).status_code == 200
    return f"{endpoint}/{bucket}"
