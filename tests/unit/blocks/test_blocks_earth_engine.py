import json
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr, ValidationError

from eoflows.blocks import EarthEngineProject, GoogleCredentials, ObjectStorage, PreArdStore, TileGrid
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.services.earth_engine import GCSStore, LocalStore, known_grids

KEY = {"type": "service_account", "client_email": "ada@p.iam.gserviceaccount.com", "private_key": "GEHEIM"}
ACCOUNT = KEY["client_email"]


@pytest.fixture
def credentials() -> GoogleCredentials:
    return GoogleCredentials(key=SecretStr(json.dumps(KEY)))


def test_no_key_is_shown_and_the_account_is(credentials):
    project = EarthEngineProject(project="my-project", credentials=credentials)
    store = PreArdStore(bucket="eo-bucket", credentials=credentials)
    for block in (credentials, project, store):
        for text in (repr(block), str(block), block.model_dump_json(), str(block.model_dump())):
            assert "GEHEIM" not in text
            assert ACCOUNT in text


@pytest.mark.parametrize(
    "key",
    [
        "GEHEIM",
        '{"private_key": "GEHEIM"}',
        '["GEHEIM"]',
        json.dumps({"type": "service_account", "private_key": "GEHEIM"}),
        json.dumps({"type": "authorized_user", "client_email": "x", "refresh_token": "GEHEIM"}),
    ],
)
def test_what_is_no_key_is_refused_and_not_quoted(key):
    with pytest.raises(ValidationError, match="no key file of a Google service account") as caught:
        GoogleCredentials(key=key)
    assert "GEHEIM" not in str(caught.value)


def test_a_key_of_another_account_is_refused():
    with pytest.raises(ValidationError, match="the key is of 'ada@p"):
        GoogleCredentials(account="bob@p", key=SecretStr(json.dumps(KEY)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarthEngineProject(project="../x"), "no id of a Google Cloud project"),
        (lambda: EarthEngineProject(project="my-project", pending=3001), "less than or equal to 3000"),
        (lambda: EarthEngineProject(project="my-project", url="earthengine"), "absolute http"),
        (TileGrid, "give one of"),
        (lambda: TileGrid(known="LANDSAT_ARD_CU", definition={}), "give one of"),
        (lambda: TileGrid(known="NOWHERE"), "LANDSAT_ARD_CU"),
        (lambda: TileGrid(definition={"ul": [0, 0], "crs": "EPSG:4326"}), "this is no tile grid"),
        (PreArdStore, "give a `bucket`"),
        (lambda: PreArdStore(folder=Path("x")), "folder x is relative"),
        (lambda: PreArdStore(bucket="b", downloads=Path("x")), "downloads x is relative"),
    ],
)
def test_what_is_refused_and_why(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_all_known_grids_can_be_chosen(tmp_path):
    (choices, _) = get_args(TileGrid.model_fields["known"].annotation)
    assert set(get_args(choices)) == set(known_grids())
    own = known_grids()["LANDSAT_ARD_HI"].to_dict()
    assert TileGrid(definition=own).open() == TileGrid(known="LANDSAT_ARD_HI").open()


def test_a_store_is_a_bucket_or_a_folder(tmp_path):
    assert isinstance(PreArdStore(bucket="eo-bucket").open(), GCSStore)
    mounted = PreArdStore(bucket="eo-bucket", folder=tmp_path).open()
    assert isinstance(mounted, LocalStore)
    assert (mounted.root, mounted.bucket) == (tmp_path, "eo-bucket")


@pytest.mark.anyio
async def test_a_project_opens_with_its_limit_and_tokens_go_to_its_origins_only():
    with Sandbox(SandboxSettings(days=0)) as box:
        key = SecretStr(json.dumps(box.cloud_storage.accounts.key_file()))
        credentials = GoogleCredentials(key=key)
        block = EarthEngineProject(
            project="demo-project", credentials=credentials, url=box.url, storage_url=box.url, pending=7
        )
        async with block.open_jobs() as server:
            assert server.service.name == "earth_engine"
            assert server.endpoint == f"{box.url}/v1/projects/demo-project"
            assert (server.can.pending, server.can.recognition) == (7, "token")
            assert [state async for page in server.states(process=None, since=None) for state in page] == []
        (entry,) = box.log.entries("/v1/projects/demo-project/operations")
        assert entry.headers["authorization"].startswith("Bearer ")
        store = PreArdStore(bucket="eo-bucket", credentials=credentials, url=box.url).open()
        async with store.open() as opened:
            assert await opened.list("") == []


def test_object_storage_in_cloud_storage(tmp_path):
    block = ObjectStorage(url="gs://eo-bucket/staged", spool=tmp_path, google_url="http://127.0.0.1:9/")
    storage = block.open()
    assert storage.href("o/c/i/a") == "gs://eo-bucket/staged/o/c/i/a"
    assert (storage.bucket.url, storage.bucket.place) == ("http://127.0.0.1:9", ("127.0.0.1", 9))
    with pytest.raises(ValidationError, match="local spool folder"):
        ObjectStorage(url="gs://eo-bucket/staged")
    with pytest.raises(ValidationError, match="no storage"):
        ObjectStorage(url="gs:///staged", spool=tmp_path)
