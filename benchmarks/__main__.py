"""Runs the benchmarks one after the other: python -m benchmarks [NAME ...]."""

import argparse
import subprocess
import sys

USUAL = ("stream", "selection", "unpack", "deployment")
"""Those that need nothing but the virtual environment."""

ALL = (*USUAL, "registration")
"""`registration` also installs and starts a PostgreSQL with pgstac."""


def main() -> int:
    """Run what was asked for and return the number of benchmarks that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}; else {', '.join(USUAL)}"
    )
    names = parser.parse_args().names or USUAL
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
    failed = 0
    for name in names:
        print(f"\n## {name}\n", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
