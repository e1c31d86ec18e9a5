"""Sources over http and https."""

from collections.abc import Callable, Mapping

import httpx

from eoflows.base.errors import ContractError, IntegrityError, ServiceError
from eoflows.base.http import AddressPolicy, Keyring
from eoflows.base.http.redirects import MOST_REDIRECTS, is_redirect, next_url
from eoflows.base.http.refusals import error_of
from eoflows.base.http.retry import retry_after
from eoflows.base.secrets import remember_url
from eoflows.stores.transfer.crew import Crew
from eoflows.stores.transfer.exchange import Exchange
from eoflows.stores.transfer.lanes import Lanes
from eoflows.stores.transfer.models import Download, Progress, TransferSettings
from eoflows.stores.transfer.pages import page_error
from eoflows.stores.transfer.parts import Part
from eoflows.stores.transfer.targets import Target
from eoflows.stores.transfer.wire import Wire

__all__ = ["WebSource"]

_Prepare = Callable[[Target, Mapping[str, str]], Exchange]


class WebSource:
    """Fetches over http(s), with redirects by hand and credentials per origin."""

    def __init__(
        self,
        wire: Wire,
        crew: Crew,
        *,
        settings: TransferSettings,
        keyring: Keyring,
        policy: AddressPolicy,
        lanes: Lanes,
    ) -> None:
        self._wire, self._crew, self._settings = wire, crew, settings
        self._keyring, self._policy, self._lanes = keyring, policy, lanes

    async def pull(self, url: str, download: Download, part: Part, progress: Progress | None) -> None:
        """Bring what is missing of the part; once, without a repeat.

        Raises:
            UnreachableError: It broke off; what arrived is in the part.
            RefusedError: A definite no.
            IntegrityError: What arrives does not continue the part, or is too long.
            ForbiddenAddressError: A redirect or address that is not allowed.
        """
        target = home = Target.of(url)
        if part.size and (part.note is None or part.note.url != home.shown):
            await self._crew.run(part.restart)

        def prepare(target: Target, signature: Mapping[str, str]) -> Exchange:
            headers = dict(signature)
            if part.size and part.note is not None:
                headers |= {"range": f"bytes={part.size}-", "if-range": part.note.validator}
            return Exchange(
                target=target,
                home=home.shown,
                headers=headers,
                part=part,
                limit=download.limit if download.limit is not None else self._settings.most_bytes,
                lane=self._lanes.lane(target.host, target.port),
                policy=self._policy,
                progress=progress,
                on_behind=self._crew.submit,
            )

        for _ in range(MOST_REDIRECTS + 1):
            exchange = await self._signed(target, prepare)
            head = exchange.head
            if not is_redirect(head.status):
                _accept(exchange, download, part)
                return
            target = Target.of(next_url(head.status, head.headers.get("location", ""), target.url))
        raise ContractError(f"more than {MOST_REDIRECTS} redirects", url=home.shown)

    async def _signed(self, target: Target, prepare: _Prepare) -> Exchange:
        remember_url(target.url)
        signature = await self._keyring.headers(target.url)
        exchange = await self._send(prepare(target, signature))
        if exchange.head.status == 401 and signature:
            renewed = await self._keyring.headers(target.url, rejected=signature)
            if renewed != signature:
                return await self._send(prepare(target, renewed))
        return exchange

    async def _send(self, exchange: Exchange) -> Exchange:
        async with exchange.lane, self._lanes.slot(exchange.target.host):
            await self._wire.get(exchange)
            if exchange.head.status in _THROTTLED:
                # Before the next one in line is let in.
                pause = retry_after(exchange.head.headers.get("retry-after"))
                exchange.lane.throttled(exchange.began, pause or 0.0)
        return exchange


def _accept(exchange: Exchange, download: Download, part: Part) -> None:
    """Raise what the final answer means, unless the bytes are there."""
    head = exchange.head
    if head.status in (200, 206):
        return
    if head.status == 416 and "range" in exchange.headers:
        _, total = head.range or (None, None)
        if total != part.size and not (total is None and _promised(download)):
            raise IntegrityError("content-range", f"of {total}", f"{part.size} bytes", where=exchange.home)
        return
    if head.status == 202:
        said = page_error(exchange.excerpt, exchange.home)
        raise ContractError(
            "answered 202: the product is not there yet (offline, or being made)"
            + (f"; it says {said.received}" if said else "")
            + "; run again later",
            url=exchange.target.shown,
        )
    if head.status < 400:
        raise ContractError(f"answered {head.status} to a GET", url=exchange.target.shown)
    raise _refusal(exchange)


def _promised(download: Download) -> bool:
    return download.size is not None or bool(download.checksums)


def _refusal(exchange: Exchange) -> ServiceError:
    headers = [(name, value) for name, value in exchange.head.headers.items() if name in _TOLD]
    answer = httpx.Response(exchange.head.status, headers=headers, content=exchange.excerpt)
    return error_of(answer, exchange.target.url, exchange.headers)


_THROTTLED = frozenset({429, 503})
_TOLD = frozenset({"content-type", "retry-after"})
