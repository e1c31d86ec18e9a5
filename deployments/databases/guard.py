"""Keeps a server only as long as its starter lives.

Run as a script, it starts a command and waits until standard input closes, which also happens when the
starter is killed without warning; then it stops the command and removes its folder. It imports nothing
but the standard library and runs with `-I -S`.
"""

import argparse
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Guarded"]

GRACE_SECONDS = 10.0
"""How long a server may take to stop before it is killed."""


class Guarded:
    """A server that ends with this process, however this process ends.

    Args:
        command: Program and arguments.
        log: Where its output goes.
        remove: Folder to remove once it has ended; None keeps everything.
        stop: Signal that asks it to stop.
        user: Account to run it as; None is our own. Another one needs root.
        environment: Its whole environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        remove: Path | None = None,
        stop: signal.Signals = signal.SIGTERM,
        user: str | None = None,
        environment: Mapping[str, str],
    ) -> None:
        self._log = log
        options = ["--log", str(log), "--stop", str(int(stop))]
        options += ["--remove", str(remove)] if remove else []
        options += ["--user", user] if user else []
        guard = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *options, "--", *command]
        self._process = subprocess.Popen(  # noqa: S603
            guard,
            stdin=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )

    @property
    def ended(self) -> bool:
        """Whether the server has ended by itself."""
        return self._process.poll() is not None

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def tail(self, lines: int = 20) -> str:
        """Give the end of the server's log."""
        return "\n".join(self.output.splitlines()[-lines:])

    def stop(self) -> None:
        """Stop the server and wait until it has ended and its folder is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def _guard(options: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Only a caught signal is reset in the child; an ignored one would stay ignored there.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    with options.log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            options.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=options.user,
            group=options.user,
            extra_groups=[] if options.user else None,
        )
    try:
        _wait(process)
        if process.poll() is None:
            _end(process, options.stop)
    finally:
        if options.remove:
            shutil.rmtree(options.remove, ignore_errors=True)
    return process.returncode


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Wait until standard input closes or the process ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while process.poll() is None:
            if selector.select(timeout=0.2) and not os.read(sys.stdin.fileno(), 4096):
                return


def _end(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--stop", type=int, required=True)
    parser.add_argument("--remove", type=Path)
    parser.add_argument("--user")
    parser.add_argument("command", nargs="+")
    return _guard(parser.parse_args())


if __name__ == "__main__":
    sys.exit(_main())
