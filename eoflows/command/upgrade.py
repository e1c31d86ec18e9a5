"""`eoflows upgrade`: what an older release left is carried over, or its names are answered with today's."""

import asyncio
import sys
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

from prefect.client.orchestration import get_client

from eoflows.deployments.doctor import server
from eoflows.deployments.errors import StackError
from eoflows.deployments.upgrade.files import renamed, text_files
from eoflows.deployments.upgrade.names import entry_point, successor
from eoflows.deployments.upgrade.plan import carry_out, plan

__all__ = ["upgrade"]


def upgrade(
    *,
    apply: bool = False,
    python: str = sys.executable,
    name: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> int:
    """Show what an older release left in the Prefect server of PREFECT_API_URL, and carry it over.

    Block types, deployments of our flows whoever made them, pools and ledgers; nothing else is touched. Run
    again, it does what is left. Back up first: docs/upgrading.md.

    Args:
        apply: Carry it out, or write the files; else it is only shown, and asked for on a terminal.
        python: Interpreter that has this release, where the workers are.
        name: Show the present name of an old module or entry point instead; can be repeated.
        files: Show the lines of your own files, or of those below a folder, that have old names, with the
            present ones, instead; can be repeated.
    """
    try:
        if name:
            return _names(name)
        if files:
            return _files(files, write=apply)
        return asyncio.run(_installation(python, apply=apply))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _names(names: Sequence[str]) -> int:
    found = [entry_point(one) or successor(one) for one in names]
    for old, new in zip(names, found, strict=True):
        print(f"{old} is {new}" if new else f"{old} is no name of an older release")
    return 0 if all(found) else 1


def _files(paths: Sequence[Path], *, write: bool) -> int:
    changed = 0
    for path in text_files(paths):
        try:
            old = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # It is no text.
        new = renamed(old)
        if new == old:
            continue
        changed += 1
        lines = old.splitlines(), new.splitlines()
        print(*unified_diff(*lines, str(path), str(path), n=0, lineterm=""), sep="\n")
        if write:
            path.write_text(new, encoding="utf-8")
    if not changed:
        print("No file has an old name.")
    elif not write:
        print("No file was changed: --apply writes them.")
    return 0


async def _installation(python: str, *, apply: bool) -> int:
    if not (found := await server()).good:
        raise StackError(f"{found.line}: {found.advice}")
    async with get_client() as client:
        steps = await plan(client, python)
        todo = [step for step in steps if step.carry_out is not None]
        for line in (*todo, *(f"for you: {step}" for step in steps if step.carry_out is None)):
            print(line)
        if not todo:
            print("Nothing to carry over: all is as this release has it.")
            return 0
        if not (apply or _agreed()):
            print(f"{len(todo)} to carry over; nothing was changed. Back up, then: eoflows upgrade --apply")
            return 0
        failed = 0
        async for step, error in carry_out(client, todo):
            print(f"{step.subject}: {error or 'done'}", flush=True)
            failed += bool(error)
    print(f"{len(todo) - failed} of {len(todo)} carried over.")
    return 1 if failed else 0


def _agreed() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input("Carry this over now? [y/N] ").strip().lower() in ("y", "yes")
