"""Actions in child processes: one per step, each of which dies at a step of its own; or several at once.

    python deadly.py dies MODULE:FUNCTION MODULE:FUNCTION FOLDER MOST ARGUMENTS...
    python deadly.py races MODULE:FUNCTION GROUP...

ARGUMENTS are a JSON list, a GROUP is a list of them. A step is a change that Python makes below FOLDER, or a
request that changes a bucket; an audit hook and the client library's own functions count them, no hook of
ours. The first argument of an action that dies is a name of its own for each step. A line of JSON is printed
for the run that came to its end, because it has no such step, and then one for each that was killed: what
the second action says of it, when all were.
"""

import asyncio
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

# What is imported here needs not be imported by each child.
import anyio._backends._asyncio  # noqa: F401

HERE = Path(__file__).parent
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Action = Callable[..., Any]


def die_at_every_step(
    action: str, folder: Path, *arguments: Any, beside: Path, again: str = ""
) -> list[dict[str, Any]]:
    """Run an action once for each of its steps, killed there; once to its end; then each of the killed again.

    Args:
        action: `module:function`.
        folder: Changes below it are steps.
        arguments: What the action is given, after the name of its own.
        beside: A file in the folder of the action's module.
        again: What is run instead of the action where it was killed.

    Returns:
        For each: its `name`, and what was `told` or why it `failed`; first the one that was not killed.
    """
    return _run(["dies", action, again or action, str(folder), "0", json.dumps(arguments)], beside)


def die_on_the_way(
    action: str, folder: Path, most: int, variants: Sequence[Sequence[Any]], beside: Path
) -> list[list[dict[str, Any]]]:
    """The same with some of the steps, spread over all, of variants of an action, in one process.

    Args:
        action: `module:function`.
        folder: Changes below it are steps.
        most: How many steps of each variant.
        variants: What the action is given in each, after the name of its own.
        beside: A file in the folder of the action's module.

    Returns:
        For each variant what `die_at_every_step` gives.
    """
    given = map(json.dumps, variants)
    ended = _run(["dies", action, action, str(folder), str(most), *given], beside)
    return [ended[number : number + most + 1] for number in range(0, len(ended), most + 1)]


def run_together(action: str, *arguments: Sequence[Any], beside: Path) -> list[dict[str, Any]]:
    """Run an action several times at once, and give what each returned or why it `failed`.

    Args:
        action: `module:function`.
        arguments: What each of them is given.
        beside: A file in the folder of the action's module.
    """
    return run_groups(action, [arguments], beside)[0]


def run_groups(
    action: str, groups: Sequence[Sequence[Sequence[Any]]], beside: Path
) -> list[list[dict[str, Any]]]:
    """The same with one group after the other, in one process."""
    ended = iter(_run(["races", action, *map(json.dumps, groups)], beside))
    return [[next(ended) for _ in group] for group in groups]


def _run(words: Sequence[str], beside: Path) -> list[dict[str, Any]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(beside.parent), str(HERE.parent)])}
    command = [sys.executable, str(HERE / "deadly.py"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class _Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, folder: str, last: int) -> None:
        self.count = 0
        self._folder, self._last = folder, last
        sys.addaudithook(self._hear)
        with suppress(ImportError):
            import obstore

            for name in ("put_async", "delete_async"):
                setattr(obstore, name, self._counted(getattr(obstore, name)))

    def _step(self) -> None:
        number, self.count = self.count, self.count + 1
        if number == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        changes = event in _CHANGES or (event == "open" and given[2] & _WRITING)
        if changes and self._is_ours(given[0]):
            self._step()

    def _is_ours(self, path: Any) -> bool:
        """Whether it is in the folder; a name without a folder is, for so whole trees are removed."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        text = os.fsdecode(path)
        return text.startswith(self._folder) or not text.startswith("/")

    def _counted(self, original: Action) -> Action:
        async def counted(*args: Any, **options: Any) -> Any:
            self._step()
            answer = await original(*args, **options)
            self._step()
            return answer

        return counted


def _child(action: Action, arguments: Sequence[Any], prepare: Callable[[], _Steps | None]) -> tuple[int, int]:
    """Begin an action in a child; give its id, and where to read what it says."""
    readable, writable = os.pipe()
    child = os.fork()
    if child:
        os.close(writable)
        return child, readable
    try:
        steps = prepare()
        done = action(*arguments)
        told = {"told": asyncio.run(done) if inspect.iscoroutine(done) else done}
        told |= {"steps": steps.count} if steps else {}
    except BaseException as error:  # noqa: BLE001
        told = {"failed": f"{type(error).__name__}: {error}", "why": traceback.format_exc()}
    os.write(writable, json.dumps(told, default=str).encode()[:60_000])
    # Threads of libraries sometimes abort an interpreter that is ending, when all is done.
    os._exit(0)


def _ended(begun: tuple[int, int]) -> dict[str, Any]:
    child, readable = begun
    with open(readable, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else {"killed": os.WIFSIGNALED(status)}


def _dies(action: Action, second: Action, folder: str, most: int, *variants: Sequence[Any]) -> None:
    for number, arguments in enumerate(variants):
        prefix = f"{number}." if most else ""

        def run(name: str, last: int, arguments: Sequence[Any] = arguments) -> dict[str, Any]:
            return _ended(_child(action, [name, *arguments], lambda: _Steps(folder, last)))

        if most:
            whole = {"name": f"{prefix}whole", **run(f"{prefix}whole", -1)}
            steps = [whole["steps"] * each // most for each in range(most)]
        else:
            steps = range(10_000)
        names = []
        for step in steps:
            name = f"{prefix}step{step}"
            ended = run(name, step)
            if not most and not ended.get("killed"):
                # It has fewer steps than that.
                whole = {"name": name, **ended}
                break
            names.append(name)
        print(json.dumps(whole), flush=True)
        for name in names:
            again = _ended(_child(second, [name, *arguments], lambda: None))
            print(json.dumps({"name": name, **again}), flush=True)


def _races(action: Action, arguments: Sequence[Sequence[Any]]) -> None:
    waiting, starting = os.pipe()

    def wait() -> None:
        os.close(starting)
        os.read(waiting, 1)

    children = [_child(action, each, wait) for each in arguments]
    os.close(starting)
    for child in children:
        print(json.dumps(_ended(child)), flush=True)


def _named(name: str) -> Action:
    module, _, function = name.partition(":")
    found: Action = getattr(importlib.import_module(module), function)
    return found


def main(kind: str, action: str, *words: str) -> None:
    """Run what the command line says."""
    if kind == "dies":
        _dies(_named(action), _named(words[0]), words[1], int(words[2]), *map(json.loads, words[3:]))
    else:
        for word in words:
            _races(_named(action), json.loads(word))


if __name__ == "__main__":
    main(*sys.argv[1:])
