"""The RS catalogue: pgstac behind owner:collection rules."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from eoflows.sandbox.access import Gate, may, owns
from eoflows.sandbox.rs_server.catalogue_store import CatalogueRecord, CatalogueStore, not_found
from eoflows.sandbox.rs_server.catalogue_writes import CatalogueWrites
from eoflows.sandbox.settings import ApiKey, CatalogueSettings
from eoflows.sandbox.stac.documents import conformance_classes
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.facade import StacFacade
from eoflows.sandbox.stac.pgstac_filters import PgstacFilterCheck
from eoflows.sandbox.stac.search import Record, SearchRules

__all__ = ["Catalogue"]

_QUERYABLES = frozenset({"id", "collection", "datetime", "start_datetime", "end_datetime", "geometry"})


class Catalogue(StacFacade):
    """The catalogue service."""

    def __init__(self, settings: CatalogueSettings, store: CatalogueStore, gate: Gate) -> None:
        rules = SearchRules(
            default_limit=settings.default_limit,
            max_limit=settings.max_limit,
            over_max_limit="cut",
            default_sort="-datetime",
            check_filter=PgstacFilterCheck(
                _QUERYABLES, settings.unknown_operator, settings.timestamp_on_text
            ),
            number_matched=settings.number_matched,
            next_link_merges=False,
            extra_parameters=frozenset({"fields", "bbox"}),
        )
        conformance = conformance_classes(fields=True, transactions=True)
        super().__init__("/catalog", "RS catalogue", rules, conformance)
        self.settings = settings
        self.store = store
        self._gate = gate

    def routes(self) -> list[Route]:
        """Return the routes of reads and writes."""
        writes = CatalogueWrites(self.prefix, self.settings, self.store, self.writable, self.root)
        return [*super().routes(), *writes.routes()]

    def admit(self, request: Request) -> None:
        """Demand a key with any role at the catalogue."""
        key = self._gate.key(request)
        if not any("catalog" in role or role.startswith("rs_*") for role in key.roles):
            raise Refusal(403, "Missing role rs_catalog_*_read")

    def scopes(self, request: Request, asked: Iterable[str] | None) -> list[str]:
        """Return the keys of the collections to search; in a search an unknown one holds nothing."""
        self.store.expire()
        self.version = self.store.version
        key = self._gate.key(request)
        if asked is None:
            return [name for name in self.store.collections() if may(key, f"rs_catalog_{name}_read")]
        in_path = "collection" in request.path_params
        found = []
        for name in asked:
            full = self._full_key(name, key) if in_path else self._searched_key(name, key)
            if full is None or full not in self.store.collections():
                if in_path:
                    raise not_found(f"Collection {name}")
                continue
            if not may(key, f"rs_catalog_{full}_read"):
                raise Refusal(403, f"Missing role rs_catalog_{full}_read")
            found.append(full)
        return found

    def writable(self, request: Request, name: str) -> str:
        """Return the full key of a collection that the caller may write.

        Raises:
            Refusal: 401, or 403 for another owner's.
        """
        key = self._gate.key(request)
        full = self._full_key(name, key)
        if not owns(key, full.partition(":")[0]) or not may(key, f"rs_catalog_{full}_write"):
            raise Refusal(403, f"Missing role rs_catalog_{full}_write")
        return full

    def _full_key(self, name: str, key: ApiKey) -> str:
        return name if ":" in name else f"{key.user}:{name}"

    def _searched_key(self, name: str, key: ApiKey) -> str | None:
        if ":" in name:
            return name if self.settings.accepts_owner_colon else None
        for full in self.store.collections():
            if full.replace(":", "_", 1) == name:
                return full
        return self._full_key(name, key)

    def records(self, scope: str) -> Iterable[Record]:
        """Return the records of a collection."""
        return self.store.records(scope)

    def record(self, scope: str, item_id: str) -> CatalogueRecord | None:
        """Return one record."""
        return self.store.record(scope, item_id)

    def identity(self, scope: str, record: Record) -> Any:
        """Return what makes a record the same in two collections."""
        return scope, record.id

    def stored_collection(self, scope: str) -> Mapping[str, Any]:
        """Return a collection's own fields."""
        return self.store.collection(scope)

    def queryables(self) -> Mapping[str, Any]:
        """Return name to JSON schema."""
        return {name: {"title": name} for name in sorted(_QUERYABLES)}
