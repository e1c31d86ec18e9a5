"""Our transfer engine beside stac-asset and curl, from a local nginx.

    python -m benchmarks.transfer [--repeats 5] [--cases small large latency put6g] [--json] [--check]

Each file is a product: an item with one asset in a folder of its own, which is how people use both programs.
Ours verifies size and MD5 of every file; a second row is ours with the size alone promised (it hashes all the
same, with BLAKE3, because a record needs a checksum). stac-asset and `curl --parallel` verify nothing and
write the final name from the start; neither we nor they write catalogue records. Two more verify
as we do: aria2c
with `--checksum`, and curl followed by md5sum in two processes. stac-asset is measured as a library with an
item per file, with one item that has all files (one folder, less work), and as the command `stac-asset
download`; of its settings the fastest in a trial counts.

Each run is a process of its own. "wall s" of the libraries is from the first request to the last file, after
a few downloads that import what is needed; for the commands it is the whole process. "process s" has start
and imports for all. The runs take turns, each into an empty folder, whose files are counted and measured
afterwards; figures are medians, with the least and the most in brackets. Files are in memory where there is
`/dev/shm`. CPU seconds are those of the client alone and, on a machine with other work, steadier than wall
seconds; with several threads they rise when a second core is free, for the threads then wait for each other.

`put6g`, not among the default: one object of 6 GB put into a server that speaks S3 and keeps nothing.
With --check a missed target gives exit status 1.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.transfers.cases import CASES, CURL, MOST_RSS, OURS, PEER, SIZE_ONLY, Case
from benchmarks.transfers.contest import Contest, Figures, peers
from benchmarks.transfers.put import PUT, put
from benchmarks.transfers.server import nginx


@dataclass
class Row:
    """The figures of a contender in a case: median, least and most.

    Attributes:
        case: What was downloaded.
        contender: By whom.
        wall: Wall seconds.
        process: Wall seconds of the process, median.
        cpu: CPU seconds.
        rss: Peak in MB.
        ratio: How many times as long as ours it takes.
        load: One-minute load average of the machine when the case ended.
    """

    case: str
    contender: str
    wall: tuple[float, float, float]
    process: float
    cpu: tuple[float, float, float]
    rss: float
    ratio: float
    load: float

    def __str__(self) -> str:
        wall, cpu = (f"{mid:.2f} ({low:.2f} to {high:.2f})" for mid, low, high in (self.wall, self.cpu))
        return (
            f"| {self.case} | {self.contender} | {wall} | {self.process:.2f} | {cpu} | {self.rss:.0f} "
            f"| {self.ratio:.2f} |"
        )


def rows(case: Case, figures: dict[str, list[Figures]]) -> list[Row]:
    """Sum up the runs of a case."""
    base = statistics.median(run["wall"] for run in figures[OURS])
    load = os.getloadavg()[0]

    def spread(runs: Sequence[Figures], key: str) -> tuple[float, float, float]:
        values = [run[key] for run in runs]
        return statistics.median(values), min(values), max(values)

    return [
        Row(
            case=case.title,
            contender=name,
            wall=(wall := spread(runs, "wall")),
            process=spread(runs, "process")[0],
            cpu=spread(runs, "cpu"),
            rss=max(run["rss"] for run in runs),
            ratio=wall[0] / base,
            load=load,
        )
        for name, runs in figures.items()
    ]


def missed(case: Case, summed: list[Row]) -> Iterator[str]:
    """Give the targets that were missed."""
    by_name = {row.contender: row for row in summed}
    for name, target in ((PEER, case.times_peer), (CURL, case.times_curl)):
        if target is not None and by_name[name].ratio < target:
            yield f"{case.title}: {by_name[name].ratio:.2f} times the speed of {name}, {target:g} are wanted"
    rss = max(by_name[OURS].rss, by_name[SIZE_ONLY].rss)
    if rss >= MOST_RSS:
        yield f"{case.title}: {rss:.0f} MB at the peak, less than {MOST_RSS} are wanted"


def contests(names: Sequence[str], repeats: int, root: Path | None) -> Iterator[tuple[Case, list[Row]]]:
    """Run the cases."""
    for program, package in (("curl", "curl"), ("aria2c", "aria2")):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed: apt-get install {package}")
    programs = peers()
    with tempfile.TemporaryDirectory(dir=root) as text:
        folder = Path(text)
        (folder / "www").mkdir()
        with nginx(folder) as address:
            for name in names:
                figures: dict[str, list[Figures]] = defaultdict(list)
                for contender, run in Contest(name, address, folder, programs).turns(repeats):
                    figures[contender].append(run)
                yield CASES[name], rows(CASES[name], figures)


def report(given: argparse.Namespace) -> list[str]:
    """Print the rows, and give the targets that were missed."""
    failures: list[str] = []
    names = [name for name in given.cases if name != PUT]
    if names and not given.json:
        print("| files | | wall s | process s | CPU s | peak MB | ours is so many times as fast |")
        print("|---|---|---|---|---|---|---|")
    for case, summed in contests(names, given.repeats, given.folder) if names else ():
        for row in summed:
            print(json.dumps(asdict(row)) if given.json else row, flush=True)
        failures += missed(case, summed)
    if PUT in given.cases:
        failures += put()
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} processors, load at the end {load}", file=sys.stderr)
    for failure in failures:
        print(f"missed: {failure}", file=sys.stderr)
    return failures


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transfer",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=[*CASES, PUT], default=list(CASES))
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--check", action="store_true", help="exit status 1 if a target is missed")
    given = parser.parse_args()
    failures = report(given)
    if given.check and failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
