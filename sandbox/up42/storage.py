"""Storage: a STAC catalogue of what an account has bought and made, and the files behind it."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.stac.documents import conformance_classes, json_response
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.stac.facade import StacFacade
from eoflows.sandbox.stac.search import Record, SearchRules
from eoflows.sandbox.up42.answers import problem
from eoflows.sandbox.up42.files import StoredFile
from eoflows.sandbox.up42.items import StoredItem
from eoflows.sandbox.up42.settings import User

__all__ = ["Storage"]

_ITEM = re.compile(r"/v2/assets/stac/collections/([^/]+)/items/([^/?]+)$")
_QUERYABLES = ("id", "collection", "datetime", "asset_id", "job_id", "title")
_RULES = SearchRules(
    default_limit=50,
    max_limit=500,
    over_max_limit="cut",
    default_sort="-datetime",
    check_filter=lambda node: None,
    number_matched=False,
    extra_parameters=frozenset({"fields", "bbox"}),
)


class Storage(StacFacade):
    """The assets of all accounts of a region; each sees its own."""

    def __init__(
        self, api_prefix: str, who: Callable[[Request], User], sign: Callable[[StoredFile], str]
    ) -> None:
        super().__init__(
            f"{api_prefix}/v2/assets/stac",
            "UP42 storage look-alike",
            _RULES,
            conformance_classes(fields=True),
        )
        self._api_prefix = api_prefix
        self._who = who
        self._sign = sign
        self._lock = threading.RLock()
        self._shelves: dict[str, list[StoredItem]] = {}
        self._files: dict[str, StoredFile] = {}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._shelves, self._files = {}, {}
            self.version += 1

    def add(self, *items: StoredItem) -> None:
        """Put items into storage."""
        with self._lock:
            for item in items:
                self._shelves.setdefault(item.collection, []).append(item)
                self._files.update({file.id: file for file in item.files.values()})
            self.version += 1

    def items(self, account: str, **wanted: str) -> list[StoredItem]:
        """Return an account's items, all or those with a value: `job_id=...`, `asset_id=...`."""
        with self._lock:
            mine = [item for shelf in self._shelves.values() for item in shelf if item.account == account]
        return [item for item in mine if all(item.value(name) == value for name, value in wanted.items())]

    def find(self, account: str, href: str) -> StoredItem | None:
        """Return the item that an address means; the host is not looked at."""
        found = _ITEM.search(href)
        shelf = self._shelves.get(found[1], []) if found else []
        return next(
            (item for item in shelf if found and (item.id, item.account) == (found[2], account)), None
        )

    def file(self, file_id: str) -> StoredFile | None:
        """Return a file of any account."""
        return self._files.get(file_id)

    def routes(self) -> list[Route]:
        """Return the routes of the catalogue and of the files."""
        here = f"{self._api_prefix}/v2/assets/{{file}}"
        return [
            *super().routes(),
            Route(f"{here}/download-url", self._download_url, methods=["POST"]),
            Route(f"{here}/metadata", self._metadata),
        ]

    def admit(self, request: Request) -> None:
        """Demand a token."""
        self._who(request)

    def scopes(self, request: Request, asked: Iterable[str] | None) -> list[str]:
        """Return the account's collections; others do not exist for it."""
        account = request.state.user.account
        mine = [name for name, shelf in self._shelves.items() if shelf[0].account == account]
        if asked is None:
            return mine
        names = list(asked)
        if "collection" in request.path_params and not set(names) <= set(mine):
            raise problem(404, "Not Found", detail=f"Collection {names[0]} does not exist.")
        return [name for name in names if name in mine]

    def records(self, scope: str) -> Iterable[Record]:
        """Return the items of a collection."""
        return self._shelves[scope]

    def stored_collection(self, scope: str) -> Mapping[str, Any]:
        """Return a collection's own fields."""
        shelf = self._shelves[scope]
        own, times = shelf[0].own, [str(item.properties["datetime"]) for item in shelf]
        system = {name: value for name, value in own.items() if name.startswith("up42-system:")}
        return {
            "id": scope,
            "title": own["up42-user:title"],
            "extent": {
                "spatial": {"bbox": [item.bbox for item in shelf]},
                "temporal": {"interval": [[min(times), max(times)]]},
            },
            **system,
        }

    def queryables(self) -> Mapping[str, Any]:
        """Return name to JSON schema."""
        return {name: {"title": name, "type": "string"} for name in _QUERYABLES}

    async def _download_url(self, request: Request) -> Response:
        user = self._who(request)
        file = self._files.get(request.path_params["file"])
        if file is None or file.account != user.account:
            raise _absent(request)
        return json_response({"url": self._sign(file)})

    async def _metadata(self, request: Request) -> Response:
        user, name = self._who(request), request.path_params["file"]
        items = self.items(user.account, asset_id=name)
        if not items:
            raise _absent(request)
        own = items[0].own
        files = [file for item in items for file in item.files.values()]
        return json_response(
            {
                "id": name,
                "accountId": user.account,
                "workspaceId": own["up42-system:workspace_id"],
                "createdAt": items[0].properties["created"],
                "updatedAt": items[0].properties["updated"],
                "name": own["up42-user:title"],
                "title": own["up42-user:title"],
                "tags": own["up42-user:tags"],
                "source": own["up42-system:source"],
                "size": sum(file.content.size for file in files),
                "contentType": "application/gzip",
            }
        )


def _absent(request: Request) -> Refusal:
    return problem(404, "Not Found", detail=f"Asset {request.path_params['file']} does not exist.")
