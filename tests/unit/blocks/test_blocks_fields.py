from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import Origin
from eoflows.blocks import (
    EoEnvironment,
    LocalCatalog,
    OAuth2Credentials,
    ObjectStorage,
    RsServerCredentials,
    S3Bucket,
    StacApi,
)
from eoflows.products.environment import AuxiliarySource, FlowEnvArgs, select_search_client_and_kwargs
from eoflows.stores.stac import StacClient

SECRET = "geheimer-schluessel"
STATION = "https://station.example/auxip/"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def key() -> RsServerCredentials:
    return RsServerCredentials(user="demo", api_key=SecretStr(SECRET))


@pytest.fixture
def login() -> OAuth2Credentials:
    return OAuth2Credentials(token_url="https://login.example/token", user="demo", password=SecretStr(SECRET))


@pytest.fixture
def environment(tmp_path, key) -> EoEnvironment:
    return EoEnvironment(
        owners=["demo", "alice"],
        catalog=LocalCatalog(path=tmp_path / "catalog.sqlite"),
        storage=ObjectStorage(url=str(tmp_path / "storage")),
        auxip=StacApi(url=STATION, credentials=key, asset_origins=["https://files.example:8443/x"]),
        cdse=StacApi(url="https://open.example/v1"),
    )


def test_no_secret_is_shown(key, login, environment):
    bucket = S3Bucket(bucket="eodata", access_key="AK", secret_key=SecretStr(SECRET))
    api = StacApi(url=STATION, credentials=key, login=login, bucket=bucket)
    for block in (key, login, bucket, api, environment):
        for text in (repr(block), str(block), block.model_dump_json(), str(block.model_dump())):
            assert SECRET not in text
    assert SECRET not in repr(key.credentials()) + repr(login.credentials()) + repr(bucket.open())
    assert SECRET not in repr(api.keyring) + repr(environment.apis)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LocalCatalog(path=Path("catalog.sqlite")), "catalog.sqlite is relative"),
        (lambda: ObjectStorage(url="storage"), "storage"),
        (lambda: ObjectStorage(url="ftp://host/x"), "ftp"),
        (lambda: StacApi(url="station.example"), "absolute http"),
        (lambda: StacApi(url="file:///etc/passwd"), "absolute http"),
        (lambda: StacApi(url="https://user:word@station.example/"), "use `credentials` or `login`"),
        (lambda: StacApi(url="https://station.example/?key=1"), "use `credentials` or `login`"),
        (lambda: StacApi(url=STATION, asset_origins=["files.example"]), "absolute http"),
        (lambda: StacApi(url=STATION, schemes=["ftp"]), "'https', 'http' or 's3'"),
        (lambda: StacApi(url=STATION, page_size=0), "greater than or equal to 1"),
        (lambda: StacApi(url=STATION, page_size=10_001), "less than or equal to 10000"),
        (lambda: S3Bucket(bucket="x"), "at least 3 characters"),
        (lambda: RsServerCredentials(user="demo"), "api_key"),
        (lambda: FlowEnvArgs(owner_id="../x"), "cannot be part of a path"),
        (lambda: FlowEnvArgs(owner_id="a:b"), "colon"),
        (lambda: FlowEnvArgs(owner_id=""), "cannot be part of a path"),
        (lambda: FlowEnvArgs(owner_id="demo", api_key=SECRET), "Extra inputs"),
    ],
)
def test_what_is_refused_and_why(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_a_password_in_a_url_is_not_repeated():
    with pytest.raises(ValidationError) as caught:
        StacApi(url=f"https://user:{SECRET}@station.example/")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("owners", [["../x"], ["demo", ""], ["a:b"]])
def test_owners_are_usable_names(environment, owners):
    with pytest.raises(ValidationError, match="owner_id"):
        EoEnvironment(owners=owners, catalog=environment.catalog, storage=environment.storage)


def test_what_the_environment_offers(environment):
    assert set(environment.apis) == {AuxiliarySource.AUXIP, AuxiliarySource.CDSE}


@pytest.mark.anyio
async def test_keys_go_to_configured_origins_only(key, login):
    api = StacApi(url=STATION, credentials=key, asset_origins=["https://files.example:8443"])
    assert api.keyring.origins == {Origin.of(STATION), Origin.of("https://files.example:8443")}
    assert list(api.origins) == [Origin.of(STATION), Origin.of("https://files.example:8443")]
    for url in ("https://files.example/", "http://station.example/auxip/", "https://evil.example/"):
        assert await api.keyring.headers(url) == {}
    assert await api.keyring.headers(STATION) == {"x-api-key": SECRET}
    assert StacApi(url=STATION).keyring.origins == frozenset()
    assert StacApi(url=STATION, login=login).keyring.origins == {Origin.of(STATION)}


@pytest.mark.anyio
async def test_an_environment_serves_its_owners_and_no_other(environment, tmp_path):
    async with environment.open(FlowEnvArgs(owner_id="alice")) as flow_env:
        assert flow_env.owner_id == "alice"
        client, options = select_search_client_and_kwargs(flow_env, AuxiliarySource.AUXIP)
        assert isinstance(client, StacClient)
        assert (client.url, options) == (STATION, {})
        _, options = select_search_client_and_kwargs(flow_env, AuxiliarySource.CATALOG)
        assert options == {"owner_id": "alice"}
    with pytest.raises(InvalidInputError, match=r"'mallory' is not served.*alice, demo"):
        async with environment.open(FlowEnvArgs(owner_id="mallory", environment="ops")):
            pytest.fail("a foreign owner came in")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("lta", "LTA auxiliary product search is not supported"),
        ("nowhere", "Unsupported auxiliary product source: 'nowhere'; use one of auxip, cadip"),
        ("prip", "has no prip; it has auxip, cdse"),
    ],
)
@pytest.mark.anyio
async def test_sources_that_cannot_be_searched(environment, source, message):
    async with environment.open(FlowEnvArgs(owner_id="demo")) as flow_env:
        with pytest.raises(InvalidInputError, match=message):
            select_search_client_and_kwargs(flow_env, source)


@pytest.mark.anyio
async def test_opened_for_reading_an_environment_leaves_no_trace(environment, tmp_path):
    async with environment.open(FlowEnvArgs(owner_id="demo"), writable=False) as flow_env:
        assert await flow_env.catalog.known("demo:s1-aux", ["a"]) == {}
        assert [page async for page in flow_env.catalog.search()] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_an_api_opens_a_client(key):
    async with StacApi(url=STATION, credentials=key, page_size=7).open() as client:
        assert client.url == STATION


def test_an_api_may_have_assets_in_several_buckets_and_pay_for_some():
    paid = S3Bucket(bucket="paid", access_key="AK", secret_key=SecretStr(SECRET), requester_pays=True)
    one, two = S3Bucket(bucket="one"), S3Bucket(bucket="two", endpoint="https://s3.example")
    assert [each.bucket for each in StacApi(url=STATION, bucket=one, more_buckets=[two, paid]).buckets] == [
        "one",
        "two",
        "paid",
    ]
    assert list(StacApi(url=STATION, more_buckets=[paid]).buckets) == [paid]
    assert paid.open().open().config["request_payer"] == "true"
    assert "request_payer" not in one.open().open().config
    with pytest.raises(InvalidInputError, match="paid for by who asks"):
        S3Bucket(bucket="paid", requester_pays=True).open()
