from collections.abc import Callable, Iterator

import pytest

from eoflows.base.http import Origin, RetryPolicy
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.up42.service import Up42
from eoflows.sandbox.up42.settings import Up42Settings
from eoflows.services.up42 import Hosts, Up42Client


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_box() -> Iterator[Sandbox]:
    settings = Up42Settings(budgets={"small": 10, "large": 500}, requests_per_second=None)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        yield box


@pytest.fixture
def box(shared_box) -> Iterator[Sandbox]:
    """The session's sandbox, with all regions as at the start."""
    shared_box.faults.clear()
    for region in shared_box.up42_regions.values():
        region.reset()
    yield shared_box
    shared_box.faults.clear()


@pytest.fixture
def up42(box) -> Up42:
    return box.up42


@pytest.fixture
def make_client(box) -> Callable[..., Up42Client]:
    """Make a client: `make_client("colleague", region="sa", settle=1)`."""

    def make(user: str = "demo", *, region: str = "eu", at: Sandbox | None = None, **options) -> Up42Client:
        served = at or box
        service = served.up42_regions[region]
        options = {"timeout": 3.0, "retry": RetryPolicy(attempts=3, base=0.01)} | options
        return Up42Client(
            user,
            f"{user}-password",
            hosts=Hosts(service.url, service.auth_url),
            trusted=[Origin.of(served.other_url)],
            **options,
        )

    return make


@pytest.fixture
def inputs(up42) -> Callable[..., dict[str, str]]:
    """Give the inputs of a job on one of the bought items."""

    def give(title: str = "A title", item: int = 0) -> dict[str, str]:
        return {"title": title, "item": up42.item_url(up42.sources()[item])}

    return give
