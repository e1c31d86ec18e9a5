"""A service account's key: tokens from its own endpoint, renewed when they are refused, and shown nowhere."""

from dataclasses import replace

import pytest

from eoflows.base.errors import CredentialsError
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings
from eoflows.services.earth_engine import EarthEngineClient, GCSStore, GoogleToken, outcomes

OLI, SPAN = "LANDSAT/LC09/C02/T1_L2", ("2022-01-01", "2022-02-01")


@pytest.fixture
def box():
    settings = SandboxSettings(
        days=0,
        earth_engine=EarthEngineSettings(auth="bearer"),
        cloud_storage=CloudStorageSettings(auth="bearer"),
    )
    with Sandbox(settings) as guarded:
        yield guarded


def signed(client, store, key):
    client = EarthEngineClient(replace(client.project, credentials=key), client.ledger, pace=client.pace)
    return client, GCSStore("eo-bucket", credentials=key, url=store.url)


def test_an_order_with_a_service_account(box, make_tracker, client, store, dest):
    key = GoogleToken.of_account(box.cloud_storage.accounts.key_file())
    ours, guarded = signed(client, store, key)
    tracker = make_tracker(client=ours)
    tracker.store = guarded
    name, _ = tracker.submit(OLI, (4, 3), *SPAN)
    box.cloud_storage.accounts.expire_all()
    for _ in range(3):
        document = tracker.update(name)
    assert outcomes(document) == {"COMPLETED": 1}
    box.cloud_storage.accounts.expire_all()
    ((_, paths),) = tracker.download(document, dest)
    assert len(paths) == 5


def test_without_credentials_nothing_is_ordered(box, tracker):
    with pytest.raises(CredentialsError, match="401"):
        tracker.submit(OLI, (4, 3), *SPAN)
    assert box.earth_engine.operations.all == []
