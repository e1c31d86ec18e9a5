import pytest
from pydantic import SecretStr, ValidationError

from eoflows.base.http import Origin
from eoflows.blocks import (
    EoEnvironment,
    LocalCatalog,
    OAuth2Credentials,
    ObjectStorage,
    OgcProcessesServer,
    StacApi,
)
from eoflows.jobs.models import Recognition

URL, SECRET = "https://processes.example/api", "geheimer-schluessel"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def login() -> OAuth2Credentials:
    return OAuth2Credentials(token_url="https://login.example/token", user="ada", password=SecretStr(SECRET))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "processes.example"}, "absolute http"),
        ({"url": f"https://ada:{SECRET}@processes.example"}, "no user, password"),
        ({"url": f"{URL}?key={SECRET}"}, "no user, password"),
        ({"auth": "basic", "user": "ada"}, "auth 'basic' needs `user` and `secret`"),
        ({"auth": "bearer"}, "auth 'bearer' needs `secret`"),
        ({"auth": "api-key"}, "auth 'api-key' needs `secret`"),
        ({"auth": "login", "secret": SECRET}, "auth 'login' needs `login`"),
        ({"secret": SECRET}, "there is a secret; say how"),
        ({"auth": "api-key", "secret": "ge\nheim"}, "no header may have"),
        ({"recognition": "listing", "lists": False}, "needs a server that lists its jobs"),
        ({"recognition": "token"}, "recognition"),
        ({"result_origins": ["storage"]}, "absolute http"),
        ({"timeout": 0}, "greater than 0"),
    ],
)
def test_what_is_refused_and_why(fields, message):
    with pytest.raises(ValidationError, match=message) as caught:
        OgcProcessesServer(**{"url": URL, **fields})
    assert SECRET not in str(caught.value)


@pytest.mark.anyio
async def test_credentials_go_to_the_server_and_nowhere_else(login):
    kinds = {
        "basic": {"user": "ada", "secret": SECRET},
        "bearer": {"secret": SECRET},
        "api-key": {"secret": SECRET, "header": "X-Key"},
        "login": {"login": login},
    }
    for auth, fields in kinds.items():
        block = OgcProcessesServer(
            url=f"{URL}/", auth=auth, result_origins=["https://s3.example:9000"], **fields
        )
        assert block.keyring.origins == {Origin.of(URL)}
        assert SECRET not in repr(block) + block.model_dump_json() + repr(block.keyring)
        assert block.endpoint == (f"{URL}#ada" if auth in ("basic", "login") else URL)
        assert await block.keyring.headers("https://s3.example:9000/x") == {}
    block = OgcProcessesServer(url=URL, auth="api-key", secret=SECRET, header="X-Key")
    assert await block.keyring.headers(f"{URL}/jobs") == {"x-key": SECRET}


@pytest.mark.anyio
async def test_it_opens_as_it_is_set():
    block = OgcProcessesServer(url=URL, recognition="listing", cancels=False, pending=3)
    async with block.open_jobs() as server:
        assert (server.endpoint, server.service.name, server.can.cancels) == (URL, "ogc-processes", False)
        assert (server.can.pending, server.recognition) == (3, Recognition.NONE)
    async with block.model_copy(update={"exclusive": True}).open_jobs() as server:
        assert server.recognition is Recognition.LISTING
    async with block.open() as client:
        assert client.config.server_url == URL


def test_an_environment_that_stages_by_a_service_says_which(tmp_path):
    def environment(**fields: object) -> EoEnvironment:
        storage = ObjectStorage(url=str(tmp_path))
        return EoEnvironment(owners=["demo"], storage=storage, **fields)

    local, remote = LocalCatalog(path=tmp_path / "c.sqlite"), StacApi(url="https://rs.example/catalog")
    assert environment(catalog=local).service is None
    known = environment(catalog=local, staging_server="rs")
    assert (known.service.server, known.service.ledger, known.service.stages_all) == ("rs", "default", False)
    assert environment(catalog=remote, staging="service", staging_server="rs").service.stages_all
    for fields in ({"catalog": local, "staging_server": "rs"}, {"catalog": remote}):
        with pytest.raises(ValidationError, match="name the service's block"):
            environment(staging="service", **fields)
