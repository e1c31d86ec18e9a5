"""Our transfer engine beside stac-asset and curl, from a local nginx.

    python -m benchmarks.transfer [--repeats 5] [--cases small large latency] [--json] [--check]

Ours verifies size and MD5 of every file; stac-asset and `curl --parallel` verify nothing. Each run is a
process of its own that has downloaded a few files before, so that nothing is imported while the clock runs,
into a folder of its own, whose files are counted and measured afterwards. The runs take turns; figures are
medians, with the least and the most in brackets. Of stac-asset the setting counts that is the fastest in a
trial. Files are in memory where there is `/dev/shm`. CPU seconds are those of the client alone and, on a
machine with other work, steadier than wall seconds. With --check a missed target gives exit status 1.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eokit.http import AddressPolicy, Origin
from eokit.transfer import Checksum, Download, TransferEngine, TransferSettings

STAC_ASSET = "stac-asset==0.4.8"
HOME = Path(__file__).resolve().parents[1] / ".eoflows" / "bench"
PEER = Path(__file__).parent / "peers" / "stac_asset_download.py"
ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
OURS, PEER_NAME, CURL = "eoflows", "stac-asset", "curl --parallel"
WARM = 8
MOST_RSS = 150


@dataclass(frozen=True)
class Case:
    """So many files, and what is expected of us."""

    title: str
    count: int
    size: int
    connections: int
    delay: bool
    """Whether each first byte comes after 50 ms."""
    trials: tuple[tuple[int, bool], ...]
    """Settings of stac-asset: downloads at once, and whether it streams."""
    times_peer: float
    """How many times as fast as stac-asset."""
    times_curl: float | None
    """How many times as fast as curl."""


_TRIALS = ((8, True), (32, True), (32, False), (500, True))
CASES = {
    "small": Case("2,000 x 100 KB", 2000, 100_000, 32, False, _TRIALS, 4, 0.45),
    "large": Case("40 x 25 MB", 40, 25_000_000, 8, False, _TRIALS, 2, 0.45),
    "latency": Case(
        "2,000 x 100 KB, 50 ms, 64 connections", 2000, 100_000, 64, True, ((64, True), (64, False)), 2, None
    ),
}

CONFIG = """
load_module {echo};
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
  uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    root {folder}/www;
    location ~ ^/slow/(.*)$ {{ echo_sleep 0.05; echo_exec /late/$1; }}
    location /late/ {{ internal; alias {folder}/www/; }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serve the folder's `www`, and give the address."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not ECHO.exists():
        raise SystemExit("nginx or its echo module is not installed: apt-get install nginx-light")
    port, user = _free_port(), "user root root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, user=user, echo=ECHO))
    process = subprocess.Popen([program, "-e", "stderr", "-p", str(folder), "-c", str(config)])
    try:
        _await_port(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _await_port(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("nginx does not start; its message is above")


def peers() -> str:
    """Build the peers' environment if it is not there, and give its interpreter."""
    python, stamp = HOME / "peers" / "bin" / "python", HOME / f"{STAC_ASSET}.installed"
    if not (stamp.exists() and python.exists()):
        HOME.mkdir(parents=True, exist_ok=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run(
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, HOME / "peers"], check=True
        )
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, STAC_ASSET], check=True)
        stamp.touch()
    return str(python)


def write_files(folder: Path, case: Case) -> list[str]:
    """Write the case's files unless they are there, and give their MD5."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = []
    for number in range(case.count):
        path = folder / f"{number:04}.bin"
        if not path.exists():
            path.write_bytes(random.Random(number).randbytes(case.size))
        sums.append(hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest())
    return sums


async def ours(given: dict[str, Any]) -> dict[str, float]:
    """Download with our engine, in this process."""
    folder = Path(given["folder"])
    settings = TransferSettings(start_connections=given["start"], most_connections=given["connections"])

    def download(url: str, md5: str, place: Path) -> Download:
        checksum = Checksum("md5", bytes.fromhex(md5))
        return Download((url,), place / url.rpartition("/")[2], size=given["size"], checksums=(checksum,))

    def downloads(urls: list[str], place: Path) -> list[Download]:
        return [download(url, md5, place) for url, md5 in zip(urls, given["sums"], strict=False)]

    async with TransferEngine(settings, policy=AddressPolicy([Origin.of(given["urls"][0])])) as engine:
        await asyncio.gather(*map(engine.fetch, downloads(given["warm"], folder / "warm")))
        started, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*map(engine.fetch, downloads(given["urls"], folder)))
        wall, cpu = time.perf_counter() - started, time.process_time() - used
    return {"wall": wall, "cpu": cpu, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def in_process(command: list[str], given: dict[str, Any]) -> dict[str, float]:
    """Have another process download, which prints its figures."""
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stderr}")
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


def curl(given: dict[str, Any]) -> dict[str, float]:
    """Download with curl; its wall seconds include the start of its process, some milliseconds."""
    folder = Path(given["folder"])
    listed = "".join(f'url="{url}"\noutput="{folder}/{url.rpartition("/")[2]}"\n' for url in given["urls"])
    most = str(given["connections"])
    command = ["curl", "-sS", "--parallel", "--parallel-immediate", "--parallel-max", most, "-K", "-"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(listed.encode())
    process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"curl failed with status {process.returncode}")
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss / 1000}


class Contest:
    """Runs one case.

    Args:
        case: What to download.
        address: Where nginx listens.
        folder: Where files lie and arrive.
        python: The peers' interpreter.
    """

    def __init__(self, name: str, address: str, folder: Path, python: str) -> None:
        self._case, self._folder, case = CASES[name], folder / "out", CASES[name]
        kind = "large" if name == "large" else "small"
        base = f"{address}/slow" if case.delay else address
        urls = [f"{base}/{kind}/{number:04}.bin" for number in range(case.count)]
        self._given: dict[str, Any] = {
            "urls": urls,
            "warm": [url.replace("/slow/", "/") for url in urls[:WARM]],
            "sums": write_files(folder / "www" / kind, case),
            "size": case.size,
            "connections": case.connections,
            "start": case.connections if case.delay else TransferSettings.start_connections,
            "folder": str(self._folder),
        }
        self._peer = [python, str(PEER)]

    def _clean(self, run: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Run into a folder that is new, and see that every file arrived there."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        figures = run()
        warm = {path.name for path in self._folder.glob("warm/**/*.bin")}
        shutil.rmtree(self._folder / "warm", ignore_errors=True)
        sizes = [path.stat().st_size for path in self._folder.rglob("*.bin")]
        if sizes != [self._case.size] * self._case.count or len(warm) not in (0, WARM):
            raise SystemExit(f"{len(sizes)} of {self._case.count} files arrived, or not all whole")
        shutil.rmtree(self._folder)
        return figures

    def stac_asset(self, setting: tuple[int, bool]) -> dict[str, float]:
        """Let stac-asset run."""
        given = self._given | {"connections": setting[0], "stream": setting[1]}
        return self._clean(lambda: in_process(self._peer, given))

    def best_setting(self) -> tuple[int, bool]:
        """Try stac-asset's settings, each twice."""
        return min(
            self._case.trials, key=lambda setting: min(self.stac_asset(setting)["wall"] for _ in range(2))
        )

    def turns(self, repeats: int) -> Iterator[tuple[str, dict[str, float]]]:
        """Let all run, in turns."""
        best = self.best_setting()
        streams = "streaming" if best[1] else "not streaming"
        print(
            f"{self._case.title}: best setting of stac-asset: {best[0]} at once, {streams}", file=sys.stderr
        )
        ourselves = [sys.executable, "-m", "benchmarks.transfer", "--measure"]
        for _ in range(repeats):
            yield OURS, self._clean(lambda: in_process(ourselves, self._given))
            yield PEER_NAME, self.stac_asset(best)
            yield CURL, self._clean(lambda: curl(self._given))


@dataclass
class Row:
    """The figures of a contender in a case: median, least and most."""

    case: str
    contender: str
    wall: tuple[float, float, float]
    cpu: tuple[float, float, float]
    rss: float
    ratio: float
    """How many times as long as ours it takes."""

    def __str__(self) -> str:
        wall, cpu = (f"{mid:.2f} ({low:.2f} to {high:.2f})" for mid, low, high in (self.wall, self.cpu))
        return f"| {self.case} | {self.contender} | {wall} | {cpu} | {self.rss:.0f} | {self.ratio:.2f} |"


def rows(case: Case, figures: dict[str, list[dict[str, float]]]) -> list[Row]:
    """Sum up the runs of a case."""
    base = statistics.median(run["wall"] for run in figures[OURS])

    def spread(runs: Sequence[dict[str, float]], key: str) -> tuple[float, float, float]:
        values = [run[key] for run in runs]
        return statistics.median(values), min(values), max(values)

    return [
        Row(
            case=case.title,
            contender=name,
            wall=(wall := spread(runs, "wall")),
            cpu=spread(runs, "cpu"),
            rss=max(run["rss"] for run in runs),
            ratio=wall[0] / base,
        )
        for name, runs in figures.items()
    ]


def missed(case: Case, summed: list[Row]) -> Iterator[str]:
    """Give the targets that were missed."""
    by_name = {row.contender: row for row in summed}
    for name, target in ((PEER_NAME, case.times_peer), (CURL, case.times_curl)):
        if target is not None and by_name[name].ratio < target:
            yield f"{case.title}: {by_name[name].ratio:.2f} times the speed of {name}, {target:g} are wanted"
    if by_name[OURS].rss >= MOST_RSS:
        yield f"{case.title}: {by_name[OURS].rss:.0f} MB at the peak, less than {MOST_RSS} are wanted"


def contest(names: Sequence[str], repeats: int, root: Path | None) -> Iterator[tuple[Case, list[Row]]]:
    """Run the cases."""
    python = peers()
    with tempfile.TemporaryDirectory(dir=root) as text:
        folder = Path(text)
        (folder / "www").mkdir()
        with nginx(folder) as address:
            for name in names:
                figures: dict[str, list[dict[str, float]]] = {OURS: [], PEER_NAME: [], CURL: []}
                for contender, run in Contest(name, address, folder, python).turns(repeats):
                    figures[contender].append(run)
                yield CASES[name], rows(CASES[name], figures)


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transfer",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--check", action="store_true", help="exit status 1 if a target is missed")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(asyncio.run(ours(json.load(sys.stdin)))))
        return
    failures = report(given)
    if given.check and failures:
        raise SystemExit(1)


def report(given: argparse.Namespace) -> list[str]:
    """Print the rows, and give the targets that were missed."""
    failures: list[str] = []
    if not given.json:
        print("| files | | wall s | CPU s | peak MB | ours is so many times as fast |")
        print("|---|---|---|---|---|---|")
    for case, summed in contest(given.cases, given.repeats, given.folder):
        for row in summed:
            print(json.dumps(asdict(row)) if given.json else row, flush=True)
        failures += missed(case, summed)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} processors, load at the end {load}", file=sys.stderr)
    for failure in failures:
        print(f"missed: {failure}", file=sys.stderr)
    return failures


if __name__ == "__main__":
    main()
