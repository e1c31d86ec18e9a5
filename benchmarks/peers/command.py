"""Runs a command and prints its figures; a small process, for the memory of a command's parent counts as its.

Standard input is `{"command": [...], "input": "..."}`. Wall seconds include the start of the command.
"""

import json
import resource
import subprocess
import sys
import time


def main() -> None:
    """Run and measure."""
    given = json.load(sys.stdin)
    started = time.perf_counter()
    ended = subprocess.run(
        given["command"], input=given["input"].encode(), stdout=subprocess.DEVNULL, check=False
    )
    wall = time.perf_counter() - started
    if ended.returncode:
        sys.exit(ended.returncode)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss / 1000}))


if __name__ == "__main__":
    main()
