"""Makes the state of the old release that tests carry over.

git clone --branch main . FOLDER && git -C FOLDER checkout a70d9b4 && make -C FOLDER venv
.venv/bin/python tests/integration/upgrade/make_state.py FOLDER
"""

import argparse
import re
import socket
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATE = HERE / "state-a70d9b4.tar.xz"
PLACES = ("@STATE@", "@CHECKOUT@", "@SANDBOX@", "@OTHER@", "@UI@", "@HOST@")
"""What stands for the state's folder, the old checkout, the sandbox's two addresses, UI and host."""

sys.path += [str(HERE), str(HERE.parents[1])]

from old_release import OldRelease, sandbox  # noqa: E402
from old_world import MADE, OldWorld, made  # noqa: E402
from packed_state import DATABASES, pack, rows  # noqa: E402
from runs import Runs  # noqa: E402


def main() -> int:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkout", type=Path, help="the old release, with its .venv")
    old = OldRelease(parser.parse_args().checkout)
    with tempfile.TemporaryDirectory(prefix="eoflows-old-") as folder:
        state = Path(folder) / "state"
        with sandbox(old.python, old.checkout, "sandbox", Path(folder)) as urls:
            with old.stack(state, urls) as places, Runs(f"{places['ui']}/api") as runs:
                OldWorld(old, places["environment"], urls["url"], runs).fill()
                count = made(urls["url"])
            assert set(MADE) < set(count), f"no job was made at {set(MADE) - set(count)}"
        keys = old.keys(state / "ledger.sqlite")
        found = (
            str(state),
            str(old.checkout),
            urls["url"],
            urls["other_url"],
            places["ui"],
            socket.gethostname(),
        )
        pack(state, STATE, dict(zip(found, PLACES, strict=True)), keys)
        print(f"{STATE.name}: {STATE.stat().st_size:,} B, {len(keys)} jobs, {dict(count)}")
        _look_for_traces(state, [folder, str(Path.home()), str(old.checkout.parent)])
    return 0


def _look_for_traces(state: Path, traces: list[str]) -> None:
    """Fail if something of this machine is left in the databases, which were packed as they are now."""
    for name in DATABASES:
        text = "\n".join(rows(state / name))
        for trace in traces:
            found = re.search(f".{{60}}{re.escape(trace)}.{{60}}", text)
            assert found is None, f"{name} has a trace of this machine: {found}"


if __name__ == "__main__":
    sys.exit(main())
