"""What a staging job does, step by step, as the real service does it."""

import asyncio
import shutil
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from eoflows.sandbox.ogc_processes.jobs import Job, JobStore
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.settings import ApiKey, StagingSettings

__all__ = ["StagingWork"]

AGENT = "rs-server-staging"


class StagingError(Exception):
    """The job fails with this message."""


_FAILURES = (
    *(StagingError, httpx.HTTPError, httpx.InvalidURL, OSError),
    *(ValueError, KeyError, TypeError, AttributeError),  # what is no item collection
)


class StagingWork:
    """One job, with the caller's key for the catalogue and a key of its own for the stations."""

    def __init__(
        self,
        job: Job,
        jobs: JobStore,
        settings: StagingSettings,
        origins: Origins,
        key: str,
        keys: Mapping[str, ApiKey],
    ) -> None:
        self._job = job
        self._jobs = jobs
        self._settings = settings
        self._origins = origins
        self._key = key
        self._station_key = next((name for name, one in keys.items() if "rs_*" in one.roles), key)
        self._collection = str(job.inputs["collection"])
        self._items: list[dict[str, Any]] = []
        self._known: frozenset[str] = frozenset()
        self._place = f"{settings.bucket}/{job.owner}/{self._collection}"

    async def prepare(self) -> bool:
        """Do what precedes the answer; tell whether there is something left to do after it."""
        try:
            async with self._http() as http:
                features = await self._features(http)
                self._items = [item for item in map(self._with_named_assets, features) if item["assets"]]
                if not self._items:
                    self._end("No items with assets were found in the provided item collection")
                    return False
                await self._need_collection(http)
                await self._drop_what_is_there(http)
        except _FAILURES as error:
            self._fail(f"Failed to search catalog: {error}")
            return False
        self._jobs.change(self._job, status="running", message="Successfully searched catalog")
        if self._items:
            return True
        self._end("Finished without processing any tasks")
        return False

    async def run(self) -> None:
        """Download everything, then publish everything; if anything fails, delete everything."""
        try:
            async with self._http() as http:
                await self._download_all(http)
                for item in self._items:
                    await self._publish(http, item)
        except _FAILURES as error:
            self._delete_files()
            self._fail(str(error) or type(error).__name__)
            return
        self._end("Finished")

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"user-agent": AGENT},
            timeout=120,
            follow_redirects=True,
            verify=False,  # noqa: S501
        )

    def _end(self, message: str) -> None:
        self._jobs.change(self._job, status="successful", progress=100, message=message)

    def _fail(self, message: str) -> None:
        self._jobs.change(self._job, status="failed", message=message)

    async def _features(self, http: httpx.AsyncClient) -> list[dict[str, Any]]:
        items = self._job.inputs["items"]
        if "value" in items:
            document = items["value"]
        else:
            own = any(
                urlsplit(one).netloc in items["href"] for one in (self._origins.url, self._origins.other_url)
            )
            answer = await http.get(items["href"], headers={"x-api-key": self._key} if own else {})
            answer.raise_for_status()
            document = answer.json()
        return list(document["features"]) if "features" in document else [document]

    def _with_named_assets(self, feature: Mapping[str, Any]) -> dict[str, Any]:
        item, names = deepcopy(dict(feature)), self._job.inputs.get("asset_names")
        assets = item.get("assets") or {}
        item["assets"] = {name: one for name, one in assets.items() if not names or name in names}
        return item

    async def _need_collection(self, http: httpx.AsyncClient) -> None:
        mine = {"x-api-key": self._key}
        found = await http.get(self._catalogue(f"/collections/{self._public}"), headers=mine)
        if found.status_code == 404:
            minimal = {
                "id": self._collection,
                "type": "Collection",
                "owner": self._job.owner,
                "description": f"Collection {self._collection}",
                "stac_version": "1.0.0",
            }
            found = await http.post(self._catalogue("/collections"), json=minimal, headers=mine)
        found.raise_for_status()

    async def _drop_what_is_there(self, http: httpx.AsyncClient) -> None:
        names = ",".join(f"'{item['id']}'" for item in self._items)
        query = {
            "collections": f"{self._job.owner}_{self._collection}",
            "filter-lang": "cql2-text",
            "filter": f"id IN ({names})",
            "limit": str(len(self._items)),
        }
        answer = await http.get(
            self._catalogue("/search"),
            params=query,
            headers={"x-api-key": self._key},
            timeout=self._settings.catalogue_timeout,
        )
        answer.raise_for_status()
        found = {item["id"]: item["properties"] for item in answer.json()["features"]}
        self._known = frozenset(found)
        self._items = [
            item for item in self._items if item["id"] not in found or "unpublished" in found[item["id"]]
        ]

    async def _download_all(self, http: httpx.AsyncClient) -> None:
        assets = [(item, name) for item in self._items for name in item["assets"]]
        done, slots = 0, asyncio.Semaphore(self._settings.at_once)

        async def one(item: dict[str, Any], name: str) -> None:
            nonlocal done
            async with slots:
                await self._settings.pace(0)
                await self._download(http, item, name)
            done += 1
            self._jobs.change(self._job, progress=100 * done // len(assets), message=f"{done}/{len(assets)}")

        tasks = [asyncio.create_task(one(item, name)) for item, name in assets]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _download(self, http: httpx.AsyncClient, item: dict[str, Any], name: str) -> None:
        asset = item["assets"][name]
        file = Path(asset.get("file:local_path", name)).name
        place = f"{self._place}/{item['id']}/{file}"
        target = None if self._settings.directory is None else self._settings.directory / place
        if target is not None:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        own = asset["href"].startswith((self._origins.url, self._origins.other_url))
        headers = {"x-api-key": self._station_key} if own else {}
        async with http.stream("GET", asset["href"], headers=headers) as answer:
            if answer.status_code != 200:
                raise StagingError(f"Download of {asset['href']} failed: status {answer.status_code}")
            await _write(answer, target)
        asset["href"] = f"s3://{place}" if target is None else target.resolve().as_uri()

    async def _publish(self, http: httpx.AsyncClient, item: dict[str, Any]) -> None:
        document = {**item, "collection": self._collection}
        document.pop("links", None)
        items = self._catalogue(f"/collections/{self._public}/items")
        again = item["id"] in self._known
        answer = await http.request(
            "PUT" if again else "POST",
            f"{items}/{quote(item['id'], safe='')}" if again else items,
            json=document,
            headers={"x-api-key": self._key},
        )
        if answer.status_code == 409 and self._settings.twin == "succeeds":
            return
        answer.raise_for_status()

    def _delete_files(self) -> None:
        """Roll back: the files go, whoever else has published them meanwhile."""
        if self._settings.directory is None:
            return
        for item in self._items:
            shutil.rmtree(self._settings.directory / self._place / item["id"], ignore_errors=True)

    @property
    def _public(self) -> str:
        return f"{self._job.owner}:{self._collection}"

    def _catalogue(self, path: str) -> str:
        return f"{self._origins.url}/catalog{path}"


async def _write(answer: httpx.Response, target: Path | None) -> None:
    """Stream to a file, or to nowhere; neither size nor checksum is compared with the item's."""
    if target is None:
        async for _ in answer.aiter_raw():
            pass
        return
    with target.open("wb") as file:
        async for piece in answer.aiter_raw():
            file.write(piece)
