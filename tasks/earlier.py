"""The tables that runs leave in the storage, and what an earlier run left undone by them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from prefect.runtime import flow_run

from eoflows.base.errors import InvalidInputError
from eoflows.products.staging import Outcome
from eoflows.stores.storage import Storage

__all__ = ["failed_inputs", "failed_items", "store_scene", "table_key"]

_RUNS = "_runs"
_TABLE, _SCENE = ".jsonl", ".scene.jsonl"


def table_key(owner: str, folder: str = _RUNS, ending: str = _TABLE) -> str:
    """Name the table of this run in the storage, beside the products.

    Args:
        owner: Whose run it is.
        folder: Kind of table.
        ending: How the name ends.
    """
    return f"{owner}/{folder}/{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{str(flow_run.id or uuid4())[:8]}{ending}"


async def failed_items(storage: Storage, owner: str, run: str) -> frozenset[str]:
    """Give the ids of the items that failed in an earlier run.

    Args:
        storage: Where its table is.
        owner: Whose run it was.
        run: The flow run's id, or the first eight characters of it.

    Raises:
        InvalidInputError: There is no such run, it did not come to its end, or nothing failed in it.
    """
    records, summary = await _table(storage, owner, run, _TABLE)
    failed = frozenset(record["item"] for record in records if record["outcome"] == Outcome.FAILED)
    if not failed and summary.get("cut"):
        raise InvalidInputError(
            f"in run {run!r} no item failed, but not all were looked at; run again without from_run"
        )
    if not failed:
        raise InvalidInputError(f"nothing failed in run {run!r}; there is nothing to run again")
    return failed


async def store_scene(storage: Storage, owner: str, scene: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Keep how each input of a scene ended, and give the table's href.

    Args:
        storage: Where.
        owner: Whose run it is.
        scene: What the inputs are of.
        rows: `input`, whether it `succeeded`, and what else is to be known of it.
    """
    key = table_key(owner, ending=_SCENE)
    lines = [*rows, {"summary": {"scene": scene, "inputs": len(rows)}}]
    text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    return await storage.save(key, text)


async def failed_inputs(storage: Storage, owner: str, run: str, scene: str) -> frozenset[str]:
    """Give the names of the inputs of a scene that an earlier run did not bring.

    Args:
        storage: Where its table is.
        owner: Whose run it was.
        run: The flow run's id, or the first eight characters of it.
        scene: The scene that it must have been for.

    Raises:
        InvalidInputError: There is no such run, it was for another scene or did not come to its end, or
            it brought all.
    """
    records, summary = await _table(storage, owner, run, _SCENE)
    if summary.get("scene") != scene:
        raise InvalidInputError(f"run {run!r} was for {summary.get('scene')!r}, not for {scene!r}")
    failed = frozenset(record["input"] for record in records if not record["succeeded"])
    if not failed:
        raise InvalidInputError(f"nothing failed in run {run!r}; there is nothing to run again")
    return failed


async def _table(
    storage: Storage, owner: str, run: str, ending: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read the last table of a run: its records and its summary."""
    end = f"-{run[:8].lower()}{ending}"
    keys = [
        stored.key
        async for page in storage.list(f"{owner}/{_RUNS}/")
        for stored in page
        if stored.key.endswith(end)
    ]
    if not keys:
        raise InvalidInputError(
            f"from_run {run!r} left no table of owner {owner!r}; give the id of a run of this flow"
        )
    lines = b"".join([part async for part in storage.read(max(keys))]).splitlines()
    records = [orjson.loads(line) for line in lines]
    if not records or "summary" not in records[-1]:
        raise InvalidInputError(
            f"run {run!r} was ended before it had seen all items; run again without from_run"
        )
    return records[:-1], records[-1]["summary"]
