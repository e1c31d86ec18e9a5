from collections.abc import Iterator

import pytest
from pygeoapi_server import pygeoapi


@pytest.fixture(scope="session")
def pygeoapi_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real pygeoapi, without a slash at the end."""
    with pygeoapi(tmp_path_factory.mktemp("pygeoapi")) as url:
        yield url
