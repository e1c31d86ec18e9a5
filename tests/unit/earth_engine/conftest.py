from collections.abc import Callable
from importlib.resources import files

import httpx
import orjson
import pytest

from eoflows.services.earth_engine.functions import functions_known, learn_functions


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def functions() -> None:
    """What graphs are made of, as the client package brings it along for its own tests."""
    learn_functions(orjson.loads(files("ee").joinpath("tests", "algorithms.json").read_bytes()))
    assert functions_known()


@pytest.fixture
def answering() -> Callable[..., httpx.MockTransport]:
    """A network whose answers are a function of the request."""
    return httpx.MockTransport
