"""Every station accepts the search for publications, and its slices hold all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from eoflows.base.http import ApiKey, HttpClient, Keyring, Origin
from eoflows.products.systematic import Publications, Stream
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.stac import StacClient

pytestmark = pytest.mark.anyio
START = datetime(2025, 7, 1, tzinfo=UTC)
END = datetime(2025, 10, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def box():
    with Sandbox(SandboxSettings(days=3)) as box:
        yield box


def expected(box: Sandbox, station: str, stream: Stream) -> set[str]:
    one = box.stations[station]
    offers = one.sessions if station == "cadip" else one.products
    records = [one._record(offer) for offer in offers if START <= offer.published < END]
    return {
        record.id
        for record in records
        if stream.product_type in (None, record.properties.get("product:type"))
    }


@pytest.mark.parametrize(
    ("station", "stream"),
    [
        ("auxip", Stream()),
        ("auxip", Stream("s1-aux", "OPER_AUX_RESORB_OPOD")),
        ("prip", Stream("prip")),
        ("cadip", Stream("cadip")),
    ],
)
async def test_slices_hold_all_publications(box: Sandbox, station: str, stream: Stream) -> None:
    origin = Origin.of(box.url)
    keyring = Keyring([(origin, ApiKey(SecretStr("sandbox-demo-key")))])
    async with HttpClient(keyring=keyring, trusted=[origin]) as http:
        client = StacClient(f"{box.url}/{station}/", http)
        source, cursor, found = Publications(client, stream, page=7), START, list[str]()
        before = box.log.last
        while cursor < END:
            part = await source.next(cursor, min(cursor + timedelta(days=5), END))
            assert part.start == cursor < part.end
            found += [item["id"] for item in part.items]
            cursor = part.end
    assert len(found) == len(set(found))
    assert set(found) == expected(box, station, stream)
    assert found
    assert not box.log.entries(f"/{station}/search", since=before, status=422)
