"""What an earlier run left undone, from the table that it wrote."""

import orjson

from eokit.errors import InvalidInputError
from eokit.staging import Outcome
from eokit.storage import Storage

__all__ = ["failed_items", "runs_folder"]


def runs_folder(owner: str) -> str:
    """Give the prefix under which the tables of an owner's runs are stored."""
    return f"{owner}/_runs/"


async def failed_items(storage: Storage, owner: str, run: str) -> frozenset[str]:
    """Give the ids of the items that failed in an earlier run.

    Args:
        storage: Where its table is.
        owner: Whose run it was.
        run: The flow run's id, or the first eight characters of it.

    Raises:
        InvalidInputError: There is no such run, it did not come to its end, or nothing failed in it.
    """
    ending = f"-{run[:8].lower()}.jsonl"
    keys = [
        stored.key
        async for page in storage.list(runs_folder(owner))
        for stored in page
        if stored.key.endswith(ending)
    ]
    if not keys:
        raise InvalidInputError(f"from_run {run!r} left no table of owner {owner!r}; give a staging run's id")
    lines = b"".join([part async for part in storage.read(max(keys))]).splitlines()
    records = [orjson.loads(line) for line in lines]
    if not records or "summary" not in records[-1]:
        raise InvalidInputError(
            f"run {run!r} was ended before it had seen all items; run again without from_run"
        )
    failed = frozenset(record["item"] for record in records[:-1] if record["outcome"] == Outcome.FAILED)
    if not failed:
        raise InvalidInputError(f"nothing failed in run {run!r}; there is nothing to run again")
    return failed
