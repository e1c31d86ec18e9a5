"""A raster stream that is complete: it goes on after every kind of end, or names what it lacks."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import anyio

from eoflows.base.errors import ContractError, RefusedError, UnreachableError
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.errors import IncompleteStreamError, StreamBrokenError
from eoflows.services.geo_engine.plan import RasterPlan
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.progress import Progress, ProgressCallback
from eoflows.services.geo_engine.queries import RasterQueryRectangle, SpatialResolution
from eoflows.services.geo_engine.socket import pulled
from eoflows.services.geo_engine.tally import Tally, TilePlace
from eoflows.services.geo_engine.tiles import RasterTile2D, read_batch, read_tile

__all__ = ["PlacedTile", "RasterStream", "StreamSettings"]


@dataclass(frozen=True)
class StreamSettings:
    """How patient a stream is, and whom it tells.

    Attributes:
        open_timeout: Seconds for opening a connection.
        stall: Seconds to wait for one message; a server may compute long for a tile.
        progress: Told of every message.
        sleep: Waits the seconds it is given; replaced in tests.
        clock: Monotonic seconds.
    """

    open_timeout: float = 60.0
    stall: float = 300.0
    progress: ProgressCallback | None = None
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class PlacedTile:
    """A tile and where it belongs.

    Attributes:
        tile: The tile.
        place: Its step, band, tile row and tile column.
    """

    tile: RasterTile2D
    place: TilePlace


class RasterStream:
    """The tiles of a plan, each once.

    Args:
        client: The server.
        workflow: Id of the workflow.
        plan: What is expected; the first tile corrects its tile size.
        settings: Patience and progress.
        tally: What is there already, for a stream that goes on; it must have the right tile size.
    """

    def __init__(
        self,
        client: GeoEngineClient,
        workflow: str,
        plan: RasterPlan,
        settings: StreamSettings | None = None,
        *,
        tally: Tally | None = None,
    ) -> None:
        self.tally = tally or Tally(plan)
        self._client, self._workflow = client, workflow
        self._settings = settings or StreamSettings()
        self._fitted = tally is not None
        self._bytes, self._connections, self._began = 0, 0, self._settings.clock()
        self._found = self.tally.received

    @property
    def plan(self) -> RasterPlan:
        """What is expected, with the tile size that the server really has once a tile has come."""
        return self.tally.plan

    async def tiles(self) -> AsyncGenerator[PlacedTile]:
        """Give every tile once, whatever ends the connections.

        Order: as the server sends them, which is by time, tile row, tile column and band, except for tiles
        that had to be asked for again.

        Raises:
            IncompleteStreamError: Asking again and again brought nothing; it names what is missing.
            RefusedError: The server does not allow the stream at all.
        """
        vain = 0
        while (asked := next(self.tally.remaining(), None)) is not None:
            before, reason, cause = self.tally.received, "the server has no more", None
            try:
                async with aclosing(self._connection(asked)) as tiles:
                    async for placed in tiles:
                        yield placed
                self.tally.ended(asked)
            except RefusedError:
                raise
            except (StreamBrokenError, ContractError, UnreachableError) as error:
                reason, cause = str(error), error
            if next(self.tally.remaining(), None) is None:
                return
            vain = 0 if self.tally.received > before else vain + 1
            if cause is None and vain <= 1:
                continue
            pause = self._client.retry.delay(max(1, vain))
            if vain and pause is None:
                raise self._incomplete(reason) from cause
            await self._settings.sleep(pause or 0.0)

    async def _connection(self, asked: RasterQueryRectangle) -> AsyncGenerator[PlacedTile]:
        self._connections += 1
        profile = await self._client.profile()
        path = f"{profile.workflows}/{self._workflow}/rasterStream"
        params = _params(asked, self.plan, profile)
        patience = {"open_timeout": self._settings.open_timeout, "stall": self._settings.stall}
        async with aclosing(pulled(self._client, path, params, **patience)) as messages:
            async for message in messages:
                self._bytes += len(message)
                placed = self._placed(read_tile(read_batch(message)))
                self._tell()
                if placed is not None:
                    yield placed

    def _placed(self, tile: RasterTile2D) -> PlacedTile | None:
        plan = self.plan
        if tile.numpy_data_type != plan.dtype:
            raise ContractError(f"a tile has values of {tile.numpy_data_type}, the workflow of {plan.dtype}")
        window = plan.grid.place(tile.geo_transform, *tile.shape)
        if not plan.fits(window):
            if self._fitted:
                raise ContractError(
                    f"a tile of {tile.shape} at {window.top}, {window.left} does not fit the tiles of "
                    f"{plan.tile_shape} that came before"
                )
            self.tally = Tally(plan.fitted(window))
        self._fitted = True
        place = self.tally.accept(tile.time, window.top, window.left, tile.band)
        return None if place is None else PlacedTile(tile, place)

    def _tell(self) -> None:
        if self._settings.progress is not None:
            seconds = self._settings.clock() - self._began
            tally = self.tally
            self._settings.progress(
                Progress(tally.received, tally.expected, self._bytes, seconds, self._connections, self._found)
            )

    def _incomplete(self, reason: str) -> IncompleteStreamError:
        missing = tuple(self.tally.missing())
        return IncompleteStreamError(self.tally.received, missing, reason=reason, url=self._client.url)


def _params(asked: RasterQueryRectangle, plan: RasterPlan, profile: Profile) -> dict[str, str]:
    params = {
        "resultType": "arrow",
        "spatialBounds": asked.bbox_str,
        "timeInterval": asked.time_str,
        "attributes": ",".join(map(str, asked.raster_bands)),
    }
    if profile is Profile.V0_8:
        params["spatialResolution"] = str(SpatialResolution(plan.grid.dx, -plan.grid.dy))
    return params
