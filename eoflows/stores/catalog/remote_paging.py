"""The pages of a catalogue's search: as those of any STAC API, but at an address that is known."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from eoflows.base.errors import AbsentError, RefusedError
from eoflows.base.http import HttpClient
from eoflows.stores.stac.paging import Paging

__all__ = ["CatalogPaging"]

_BAD_REQUEST = (400, 422)


class CatalogPaging(Paging):
    """One search of a catalogue.

    Args:
        url: Its landing page, without the slash.
        http: Client with the credentials of this API.
        on_whole: Called when the server has shown that it gives whole items only.
    """

    def __init__(self, url: str, http: HttpClient, on_whole: Callable[[], None]) -> None:
        # The address is ours whatever a link says: a proxy may have changed scheme, host or path.
        super().__init__(url, http, lambda href, _: f"{url}/search?{urlsplit(href).query}".removesuffix("?"))
        self._on_whole = on_whole

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Send a request as `Paging` does, once more without `fields` where a server does not take them."""
        try:
            return super().request(href, method, headers, parameters)
        except AbsentError:
            # Some servers say so of a collection that does not exist.
            return '{"features": []}'
        except RefusedError as error:
            if not parameters or "fields" not in parameters or error.status not in _BAD_REQUEST:
                raise
        whole = {name: value for name, value in parameters.items() if name != "fields"}
        text = super().request(href, method, headers, whole)
        self._on_whole()
        return text
