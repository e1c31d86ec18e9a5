"""Runs the benchmarks, one after the other, or says which there are.

    python -m benchmarks [--list] [NAME ...]

Peers are installed under `.eoflows`; what else is needed and missing, a benchmark names and ends.
"""

import argparse
import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent


def about() -> dict[str, str]:
    """Give the benchmarks by name, with the first line of each one's description."""
    names = sorted(found.name for found in pkgutil.iter_modules([str(_HERE)]) if not found.ispkg)
    return {name: _first_line(name) for name in names if name != "__main__"}


def _first_line(name: str) -> str:
    text = ast.get_docstring(ast.parse((_HERE / f"{name}.py").read_text()))
    return (text or "").partition("\n")[0]


def run(name: str) -> bool:
    """Run one with its default options; say whether it succeeded."""
    print(f"== {name}: {about()[name]}", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode == 0


def main() -> None:
    """Read the command line and run them; a failure does not keep the others from running."""
    known = about()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all if none")
    parser.add_argument("--list", action="store_true", help="only list them")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if given.list:
        print("\n".join(f"{name:14} {text}" for name, text in known.items()))
        return
    failed = [name for name in given.names or known if not run(name)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
