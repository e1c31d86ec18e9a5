"""Fetching the results of jobs that succeeded: verified, whole, and once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import EoError, InvalidInputError, LateError, PartialError, RefusedError
from eoflows.jobs.border import reading
from eoflows.jobs.ledger import JobRecord, Ledger
from eoflows.jobs.service import JobServer, OpenServer, Output
from eoflows.stores.storage import Storage, check_key, file_names
from eoflows.stores.transfer import Checksum, Download, TransferEngine

__all__ = ["Collection", "collect", "output_key"]

_ATTEMPTS = 8
_CONCURRENT = 4


@dataclass(frozen=True)
class Collection:
    """What became of the results of one job.

    Attributes:
        record: The job.
        outputs: By name: href, size, checksum (multihash) and media type.
        error: Why they could not be fetched; empty if they were.
        again: Whether it is tried again by itself.
    """

    record: JobRecord
    outputs: Mapping[str, Mapping[str, Any]]
    error: str = ""
    again: bool = False


def output_key(record: JobRecord, name: str) -> str:
    """Give the storage's name of a result: `jobs/{service}/{first 16 of the key}/{name}`.

    Args:
        record: The job.
        name: The result's file name, as `file_names` gives it.
    """
    key = f"jobs/{record.service}/{record.key[:16]}/{name}"
    check_key(key)
    return key


async def collect(
    ledger: Ledger,
    open_server: OpenServer,
    storage: Storage,
    *,
    most: int = 50,
    keys: Sequence[str] | None = None,
) -> list[Collection]:
    """Fetch the results of jobs that wait for it, as many as nobody else is fetching.

    Args:
        ledger: Says which, and takes what was fetched.
        open_server: Opens their servers.
        storage: Where results go.
        most: Jobs at the most.
        keys: Only these, also before their next attempt is due; None: all that are due.
    """
    held = await ledger.hold_wanted(most, keys)
    done: list[Collection] = []
    for service, server in sorted({(record.service, record.server) for record in held}):
        records = [record for record in held if (record.service, record.server) == (service, server)]
        try:
            async with open_server(service, server) as opened, opened.transfer() as engine:
                await _collect_all(ledger, opened, engine, storage, records, done)
        except Exception as error:  # noqa: BLE001 - the boundary of a server
            finished = {one.record.key for one in done}
            for record in records:
                if record.key not in finished:
                    await _failed(ledger, record, reading(error), done)
    return done


async def _collect_all(
    ledger: Ledger,
    server: JobServer[Any],
    engine: TransferEngine,
    storage: Storage,
    records: Sequence[JobRecord],
    done: list[Collection],
) -> None:
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    async def one(record: JobRecord) -> None:
        async with limiter:
            try:
                async with _kept(ledger, record):
                    outputs = await _fetch_all(server, engine, storage, record)
                done.append(Collection(await ledger.collected(record, outputs), outputs))
            except LateError:
                # Another run took over and comes to the same end.
                return
            except Exception as error:  # noqa: BLE001 - the boundary of a job
                await _failed(ledger, record, reading(error), done)

    async with one_error(), anyio.create_task_group() as group:
        for record in records:
            group.start_soon(one, record)


@asynccontextmanager
async def _kept(ledger: Ledger, record: JobRecord) -> AsyncIterator[None]:
    """Keep a row's lease while its results are fetched, however long that takes."""

    async def renew() -> None:
        while True:
            await anyio.sleep(ledger.lease.seconds / 3)
            await ledger.renew(record)

    async with one_error(), anyio.create_task_group() as group:
        group.start_soon(renew)
        yield
        group.cancel_scope.cancel()


async def _fetch_all(
    server: JobServer[Any], engine: TransferEngine, storage: Storage, record: JobRecord
) -> dict[str, dict[str, Any]]:
    outputs = await server.outputs(record.state)
    names = file_names(output.name for output in outputs)
    fetched: dict[str, dict[str, Any]] = {}
    failed: dict[str, BaseException] = {}

    async def one(output: Output) -> None:
        try:
            fetched[output.name] = await _fetch(
                engine, storage, output_key(record, names[output.name]), output
            )
        except Exception as error:  # noqa: BLE001 - the boundary of a file
            failed[output.name] = reading(error)

    async with one_error(), anyio.create_task_group() as group:
        for output in outputs:
            group.start_soon(one, output)
    if len(failed) == 1:
        raise next(iter(failed.values()))
    if failed:
        raise PartialError(f"{len(failed)} of {len(outputs)} results could not be fetched", failed)
    return {output.name: fetched[output.name] for output in outputs}


async def _fetch(engine: TransferEngine, storage: Storage, key: str, output: Output) -> dict[str, Any]:
    if output.stays:
        return {
            "href": output.stays,
            "size": output.size or 0,
            "checksum": "".join(map(str, output.checksums[:1])),
            "media_type": output.media_type,
        }
    if output.content is not None:
        size, checksum = len(output.content), Checksum.of_bytes(output.content)
        href = await storage.save(key, output.content)
    elif output.urls:
        path = storage.spool(key)
        receipt = await engine.fetch(Download(output.urls, path, output.size, output.checksums))
        size, checksum = receipt.size, receipt.checksums[0]
        href = await storage.put(path, key, size, checksum)
    else:
        raise InvalidInputError(f"result {output.name!r} has neither bytes nor a URL")
    return {"href": href, "size": size, "checksum": str(checksum), "media_type": output.media_type}


async def _failed(ledger: Ledger, record: JobRecord, error: EoError, done: list[Collection]) -> None:
    """Write down why, and try again later unless it is a definite no."""
    tries = record.collect_attempts + 1
    causes = error.causes.values() if isinstance(error, PartialError) else [error]
    refused = all(isinstance(cause, RefusedError | InvalidInputError) for cause in causes)
    final = refused or tries >= _ATTEMPTS
    again = None if final else ledger.now() + timedelta(minutes=2.0**tries)
    # Whoever took it over meanwhile fetches it.
    with suppress(LateError):
        await ledger.collect_failed(record, f"its results could not be fetched: {error}", again)
        done.append(Collection(record, {}, str(error), again is not None))
