"""Says which tests are lost between two lists of ids: python tests/ids.py BEFORE AFTER MAPPING.

The lists are what `pytest --collect-only -q` prints. The mapping has a line for each test that went: its id,
` -> `, and the id of the test that proves the same now. A `*` at an end stands for any rest; on both sides,
for the same rest. Lines that begin with `#` are remarks. Exits 1 when a test is lost, when a successor is not
among the later ids, and when a line of the mapping is for nothing.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ARROW = " -> "


@dataclass(frozen=True)
class Line:
    """One line of a mapping."""

    before: str
    after: str

    def successor(self, lost: str) -> str | None:
        """Give what proves what `lost` did; None when this line is for others."""
        if not self.before.endswith("*"):
            return self.after if lost == self.before else None
        begin = self.before[:-1]
        if not lost.startswith(begin):
            return None
        return self.after[:-1] + lost[len(begin) :] if self.after.endswith("*") else self.after


def read_ids(text: str) -> set[str]:
    """Give the ids among the lines that pytest prints."""
    return {line.strip() for line in text.splitlines() if "::" in line}


def read_mapping(text: str) -> list[Line]:
    """Read a mapping.

    Raises:
        ValueError: A line has no arrow.
    """
    lines = [line.strip() for line in text.splitlines()]
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            before, arrow, after = line.partition(ARROW)
            if not arrow:
                raise ValueError(f"no{ARROW}in {line!r}")
            found.append(Line(before.strip(), after.strip()))
    return found


def complaints(before: set[str], after: set[str], mapping: Iterable[Line]) -> Iterator[str]:
    """Say what is lost, what leads nowhere and what is for nothing."""
    lines = list(mapping)
    used: set[Line] = set()
    for lost in sorted(before - after):
        for line in lines:
            if successor := line.successor(lost):
                used.add(line)
                if successor not in after:
                    yield f"{lost} leads to {successor}, which is no test"
                break
        else:
            yield f"{lost} is lost"
    yield from (f"{line.before} is no test that went" for line in lines if line not in used)


def main() -> int:
    """Compare two lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("before", "after", "mapping"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    before, after = read_ids(given.before.read_text()), read_ids(given.after.read_text())
    found = list(complaints(before, after, read_mapping(given.mapping.read_text())))
    print("\n".join(found) or f"{len(before)} before, {len(after)} after: none is lost")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
