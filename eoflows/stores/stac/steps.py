"""The requests of a search: by POST or by GET, and from one page to the next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from eoflows.base.errors import ContractError
from eoflows.base.http import Origin

__all__ = ["Step", "by_get", "links_of", "next_step", "resolve"]

_NOT_FROM_LINKS = frozenset(
    {"authorization", "connection", "cookie", "expect", "host", "upgrade", "x-api-key"}
)


@dataclass(frozen=True)
class Step:
    """One request of a search.

    Attributes:
        method: GET or POST.
        url: Where.
        body: What is sent by POST; None by GET.
        headers: Further headers, which a page asked for.
    """

    method: str
    url: str
    body: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int | None:
        """The number of items that are asked for, or None if it is not known."""
        if self.body is not None:
            size = self.body.get("limit")
            return size if isinstance(size, int) else None
        text = dict(parse_qsl(urlsplit(self.url).query)).get("limit", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    def sized(self, size: int) -> "Step":
        """The same request for so many items."""
        if self.body is not None:
            return replace(self, body={**self.body, "limit": size})
        return replace(self, url=_with_query(self.url, {"limit": str(size)}))


def by_get(url: str, body: Mapping[str, Any]) -> Step:
    """Write a search that is meant for POST as a GET: lists with commas, the filter as CQL2 text."""
    query = {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in body.items()
        if name not in ("filter", "filter-lang", "sortby", "fields")
    }
    if "filter" in body:
        import cql2  # noqa: PLC0415  # only these APIs need it

        query |= {"filter": cql2.Expr(body["filter"]).to_text(), "filter-lang": "cql2-text"}
    if "sortby" in body:
        signs = {"asc": "+", "desc": "-"}
        query["sortby"] = ",".join(signs[term["direction"]] + term["field"] for term in body["sortby"])
    return Step("GET", _with_query(url, query))


def next_step(document: Mapping[str, Any], step: Step, home: Origin) -> Step | None:
    """Give the request for the page after this one, or None if it is the last.

    Raises:
        ContractError: There are several, or it leads elsewhere or asks for what cannot be sent.
    """
    links = list(links_of(document, "next"))
    if not links:
        return None
    if len({repr(link) for link in links}) > 1:
        raise ContractError(f"a page has {len(links)} next links, not one", url=step.url)
    link = links[0]
    method = str(link.get("method") or "GET").upper()
    target, headers = resolve(str(link.get("href")), step.url, home), _headers(link.get("headers"))
    if method == "GET":
        return Step("GET", target, None, headers)
    if method != "POST":
        raise ContractError(f"the next page is to be asked for by {method}", url=step.url)
    before, further = step.body or {}, link.get("body")
    if not isinstance(further, dict | None):
        raise ContractError(f"the next page's body is {str(further)[:80]!r}, not an object", url=step.url)
    whole = bool(further) and not link.get("merge")
    if link.get("merge"):
        headers = {**step.headers, **headers}
    return Step("POST", target, dict(further or {}) if whole else {**before, **(further or {})}, headers)


def _headers(given: Any) -> dict[str, str]:
    """The headers that a link asks for; credentials and what belongs to the connection are not its own."""
    found = given if isinstance(given, Mapping) else {}
    return {
        str(name): str(value)
        for name, value in found.items()
        if str(name).lower() not in _NOT_FROM_LINKS
        and not str(name).lower().startswith(("content-", "proxy-", "transfer-"))
    }


def links_of(document: Mapping[str, Any], rel: str) -> Iterator[dict[str, Any]]:
    """Give the links of a kind."""
    links = document.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == rel:
            yield link


def resolve(href: str, base: str, home: Origin) -> str:
    """Resolve a link of an API; where a proxy changed scheme or port, the configured origin is kept.

    Raises:
        ContractError: It leads to another host.
    """
    try:
        target = urljoin(base, href)
        origin = Origin.of(target)
    except ValueError as error:
        raise ContractError(f"a link leads to {href[:80]!r}, which is no address", url=base) from error
    if origin == home:
        return target
    if origin.host != home.host:
        raise ContractError(
            f"a link leads to another host, {origin}; configure that host's API if it is meant", url=base
        )
    parts = urlsplit(target)
    return str(home) + parts.path + (f"?{parts.query}" if parts.query else "")


def _with_query(url: str, further: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **further}
    return urlunsplit(parts._replace(query=urlencode(query)))
