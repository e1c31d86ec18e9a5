"""What a chain is asked for: the scene, the process, what goes into it, and what was chosen for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urljoin

import orjson

from eoflows.base.digest import json_digest
from eoflows.jobs.models import intent_key
from eoflows.products.derivation import Feed, Origin
from eoflows.products.derivation.feeds import SCENE
from eoflows.products.environment import FlowEnvArgs
from eoflows.products.selection.table import AuxiliaryInput
from eoflows.products.staging import Place
from eoflows.services.ogc_processes import Output
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.stores.catalog import Catalog
from eoflows.stores.stac.items import ItemDict
from eoflows.stores.storage import Storage
from eoflows.tasks.ogc import ogc_server
from eoflows.tasks.stage_scene import SceneOrder

__all__ = ["Chain", "Choice"]

_FOLDER = "_derived"
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Chain:
    """What is asked for, from the scene to the published item.

    Attributes:
        env: Who for, and in which environment.
        staging: What there is to stage for which scene; with `plan_only` nothing at all is touched.
        scene_item: The catalogued scene; None if only its name or times are known.
        server: Name of the OGC Processes Server block.
        process_id: The process.
        feeds: Which products go into which inputs.
        inputs: The other inputs.
        outputs: The outputs wanted; None: all.
        collection: Where the product is published, without its owner.
        catalog_url: Where the catalogue is served; empty: it has an address of its own, or none.
        ledger: Name of the Job Ledger block.
        run_key: Another one does all of it once more, on purpose.
        wait_seconds: How long this run waits for the job.
        deadline_hours: How long anybody waits for it; None sets no limit.
    """

    env: FlowEnvArgs
    staging: SceneOrder
    scene_item: ItemDict | None
    server: str
    process_id: str
    feeds: Sequence[Feed]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Output] | None
    collection: str
    catalog_url: str = ""
    ledger: str = "default"
    run_key: str = ""
    wait_seconds: float = 600.0
    deadline_hours: float | None = None

    @property
    def key(self) -> str:
        """Names what is asked for, never when, and not how products are chosen: 64 hex digits."""
        scene = self.staging.scene
        asked = [
            [self.env.environment, self.env.owner_id, self.staging.collection, self.collection],
            [str(scene), scene.mission, scene.platform, scene.product_type, str(scene.interval)],
            [ogc_server(self.server), self.process_id, self.run_key, self.inputs],
            [feed.model_dump() for feed in self.feeds],
            {name: one.body() for name, one in (self.outputs or {}).items()},
        ]
        return json_digest(asked)

    @property
    def item_id(self) -> str:
        """Id of the item that is published."""
        words = (str(self.staging.scene)[:100], self.process_id[:40], self.key[:12])
        return "_".join(_UNUSUAL.sub("-", word).strip("-._") for word in words)

    @property
    def document(self) -> str:
        """Where the storage keeps what was chosen."""
        return f"{self.env.owner_id}/{_FOLDER}/{self.key}.json"

    @property
    def place(self) -> str:
        """The catalogue's name of the collection of what is made."""
        return Place(self.env.owner_id, self.collection).catalog_collection

    def href(self, catalog: Catalog, collection: str, item_id: str) -> str:
        """Give an item's address, as a link in any item of the catalogue leads there."""
        link = catalog.link_to(collection, item_id)
        served = self.catalog_url.rstrip("/")
        return urljoin(f"{served}/collections/any/items/any", link) if served else link

    @property
    def products(self) -> dict[str, None]:
        """What feeds may name."""
        names = [name for one in self.staging.inputs for name in (one.name, *_types(one))]
        return dict.fromkeys([*names, *([SCENE] if self.scene_item else [])])

    @property
    def order(self) -> SceneOrder:
        """What is staged: the auxiliary inputs that a feed names."""
        wanted = {feed.product for feed in self.feeds}
        return replace(
            self.staging,
            inputs=[one for one in self.staging.inputs if wanted & {one.name, *_types(one)}],
        )


def _types(needed: AuxiliaryInput) -> list[str]:
    return [one.product_type for one in needed.alternatives]


@dataclass(frozen=True)
class Choice:
    """What was chosen for a chain: written down before anything is sent, and then kept.

    Attributes:
        request: What the process is asked.
        origins: The items that are in it.
    """

    request: OgcRequest
    origins: Sequence[Origin]

    def key(self, endpoint: str, run_key: str) -> str:
        """The job's key in the ledger."""
        return intent_key(endpoint, self.request, run_key)

    async def write(self, storage: Storage, key: str) -> None:
        """Put it into the storage, whole."""
        origins = [asdict(one) for one in self.origins]
        document = {"request": self.request.model_dump(mode="json", by_alias=True), "origins": origins}
        content = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        await storage.save(key, content)

    @classmethod
    async def read(cls, storage: Storage, key: str) -> "Choice | None":
        """Give what was written, or None."""
        if await storage.stat(key) is None:
            return None
        document = orjson.loads(b"".join([block async for block in storage.read(key)]))
        origins = [Origin(**one) for one in document["origins"]]
        return cls(OgcRequest.model_validate(document["request"]), origins)
