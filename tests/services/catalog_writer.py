"""A process that registers items: `catalog_writer.py URL PROFILE COLLECTION FIRST LAST RUN`."""

import sys
from typing import Any

import anyio
from pydantic import SecretStr

from eoflows.base.http import ApiKey, HttpClient, Keyring, Origin
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog


def product(number: int, run: str, **more: Any) -> dict[str, Any]:
    day = f"20{10 + number % 15:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}T00:00:00Z"
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S1A_AUX_{number:05d}",
        "geometry": None,
        "links": [{"rel": "via", "href": f"https://station.example/{number}"}],
        "properties": {
            "datetime": day,
            "start_datetime": day,
            "end_datetime": "9999-12-31T23:59:59.999Z",
            "product:type": f"AUX_{number % 5}",
            "eoflows:run": run,
            **more,
        },
        "assets": {"p": {"href": f"s3://b/{number}", "file:size": number, "file:checksum": "d501aa"}},
    }


def opened(url: str) -> HttpClient:
    origin = Origin.of(url)
    key = ApiKey(SecretStr("sandbox-demo-key"))
    return HttpClient(keyring=Keyring([(origin, key)]), trusted=[origin], timeout=120)


async def main(url: str, profile: str, collection: str, first: int, last: int, run: str) -> None:
    async with opened(url) as http:
        catalog = RemoteCatalog(url, http, profile=CatalogProfile(profile), batch=100)
        for start in range(first, last, 500):
            await catalog.upsert(collection, [product(n, run) for n in range(start, min(start + 500, last))])
            print(start, flush=True)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
