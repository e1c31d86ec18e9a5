"""AUXIP, PRIP and CADIP: stations' products behind STAC facades, with downloads by OData address."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.access import Gate, may
from eoflows.sandbox.delivery import ContentResponse
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.products import Chunk, Product, Session
from eoflows.sandbox.protocol import connection_of
from eoflows.sandbox.rs_server.station_filters import StationFilterCheck
from eoflows.sandbox.rs_server.station_items import QUERYABLES, ProductRecord, SessionRecord
from eoflows.sandbox.settings import CollectionSettings, StationSettings, utc_now
from eoflows.sandbox.stac.documents import conformance_classes
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.facade import StacFacade
from eoflows.sandbox.stac.search import Record, SearchRules

__all__ = ["Station"]

_Records = list[ProductRecord | SessionRecord]


class Station(StacFacade):
    """One station; products can be added while it runs."""

    def __init__(
        self,
        name: str,
        settings: StationSettings,
        collections: Sequence[CollectionSettings],
        gate: Gate,
        origins: Origins,
    ) -> None:
        known = QUERYABLES[name]
        rules = SearchRules(
            default_limit=settings.default_limit,
            max_limit=settings.max_limit,
            over_max_limit=settings.over_max_limit,
            default_sort=settings.default_sort,
            check_filter=StationFilterCheck(known, nested_and=settings.nested_and),
            sortable=known,
            one_sort=True,
            number_matched=settings.number_matched,
            most_results=settings.most_results,
            next_link_merges=settings.next_link_merges,
            only_equality_query=True,
            refuse_unknown=True,
        )
        super().__init__(f"/{name}", f"{name.upper()} station", rules, conformance_classes())
        self.name = name
        self.settings = settings
        self._settings_of = {collection.id: collection for collection in collections}
        self._gate = gate
        self._origins = origins
        self._lock = threading.Lock()
        self._records: Mapping[str, _Records] = {name: [] for name in self._settings_of}
        self._files: dict[str, Product | Chunk] = {}
        self._all: list[Product | Session] = []

    @property
    def products(self) -> list[Product]:
        """All products (a CADIP station has none), for an oracle."""
        with self._lock:
            return [one for one in self._all if isinstance(one, Product)]

    @property
    def sessions(self) -> list[Session]:
        """All sessions."""
        with self._lock:
            return [one for one in self._all if isinstance(one, Session)]

    def add(self, *offers: Product | Session) -> None:
        """Offer more products or sessions."""
        made = [self._record(offer) for offer in offers]
        with self._lock:
            self._all.extend(offers)
            self._files.update({file.uuid: file for record in made for file in record.files()})
            self._records = {
                name: [*self._records[name], *(record for record in made if record.matches(collection.query))]
                for name, collection in self._settings_of.items()
            }
            self.version += 1

    def _record(self, offer: Product | Session) -> ProductRecord | SessionRecord:
        if isinstance(offer, Session):
            return SessionRecord(self.settings, offer)
        return ProductRecord(self.settings, offer, self.name)

    def admit(self, request: Request) -> None:
        """Demand a key with any role at this station."""
        key = self._gate.key(request)
        if not any(may(key, self._role(collection, "read")) for collection in self._settings_of):
            raise Refusal(403, f"Missing role {self._role('*', 'read')}")

    def _role(self, collection: str, action: str) -> str:
        return f"rs_{self.name}_{collection}_{action}"

    def scopes(self, request: Request, asked: Iterable[str] | None) -> list[str]:
        """Return the collections to search."""
        key = self._gate.key(request)
        if asked is None:
            return [name for name in self._settings_of if may(key, self._role(name, "read"))]
        names = list(asked)
        for name in names:
            if name not in self._settings_of:
                raise Refusal(404, f"Unknown collection: {name}")
            if not may(key, self._role(name, "read")):
                raise Refusal(403, f"Missing role {self._role(name, 'read')}")
        return names

    def records(self, scope: str) -> Iterable[Record]:
        """Return the records of a collection."""
        return self._records[scope]

    def stored_collection(self, scope: str) -> Mapping[str, Any]:
        """Return a collection's own fields."""
        query = dict(self._settings_of[scope].query)
        return {"id": scope, "title": scope, "station": self.name, "query": query}

    def queryables(self) -> Mapping[str, Any]:
        """Return name to JSON schema."""
        return {name: {"title": name, "type": "string"} for name in sorted(QUERYABLES[self.name])}

    def routes(self) -> list[Route]:
        """Return the routes of the facade and of the downloads."""
        kind = "Files" if self.name == "cadip" else "Products"
        return [*super().routes(), Route(f"{self.prefix}/{kind}({{uuid}})/$value", self._download)]

    async def _download(self, request: Request) -> Response:
        main = self._origins.name(connection_of(request.scope).origin_port) == "main"
        needs = self.settings.download_auth if main else self.settings.download_auth_elsewhere
        self._gate.download(request, needs, self._role("any", "download"))
        file = self._files.get(request.path_params["uuid"])
        if file is None or self._is_gone(file):
            raise Refusal(404, "No such product")
        return ContentResponse(file.content, file.name, file.published)

    def _is_gone(self, file: Product | Chunk) -> bool:
        return self.settings.evicted == "refuse" and isinstance(file, Product) and file.evicted < utc_now()
