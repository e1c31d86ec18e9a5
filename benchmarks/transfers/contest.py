"""The contenders, and one case in which they take turns."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.transfers.cases import (
    ARIA,
    CASES,
    CURL,
    CURL_SUMS,
    OURS,
    PEER,
    PEER_COMMAND,
    PEER_ONE_ITEM,
    SIZE_ONLY,
)
from benchmarks.transfers.server import write_files
from eoflows.stores.transfer import TransferSettings

__all__ = ["Contest", "Figures", "peers"]

Figures = dict[str, float]
"""`wall` seconds from the first request to the last file, `process` seconds with start and imports, `cpu`
seconds and `rss`, the peak in MB."""

STAC_ASSET = "stac-asset[cli]==0.4.8"
HOME = Path(__file__).resolve().parents[2] / ".eoflows" / "bench"
SCRIPTS = Path(__file__).resolve().parents[1] / "peers"
WARM = 8


def peers() -> Path:
    """Build the peers' environment if it is not there, and give its `bin`."""
    programs, stamp = HOME / "peers" / "bin", HOME / f"{STAC_ASSET}.installed"
    if not (stamp.exists() and (programs / "python").exists()):
        HOME.mkdir(parents=True, exist_ok=True)
        uv, python = [sys.executable, "-m", "uv"], programs / "python"
        subprocess.run(
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, HOME / "peers"], check=True
        )
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, STAC_ASSET], check=True)
        stamp.touch()
    return programs


class Contest:
    """Runs one case.

    Args:
        name: What to download.
        address: Where nginx listens.
        folder: Where files lie and arrive.
        programs: The peers' `bin`.
    """

    def __init__(self, name: str, address: str, folder: Path, programs: Path) -> None:
        self._case, self._folder, self._programs = CASES[name], folder / "out", programs
        case, self._list = self._case, folder / "items.json"
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
        self._list.write_text(json.dumps(_item_collection(urls)))

    def turns(self, repeats: int) -> Iterator[tuple[str, Figures]]:
        """Let all run, in turns."""
        best = min(self._case.trials, key=self._trial)
        how = f"{best[0]} at once, {'streaming' if best[1] else 'not streaming'}"
        print(f"{self._case.title}: the best setting of stac-asset is {how}", file=sys.stderr)
        contenders: dict[str, Callable[[], Figures]] = {
            OURS: lambda: self._ours(verify=True),
            PEER: lambda: self._stac_asset(best, together=False),
            ARIA: self._aria,
            CURL_SUMS: self._curl_and_sums,
            CURL: self._curl,
            SIZE_ONLY: lambda: self._ours(verify=False),
            PEER_ONE_ITEM: lambda: self._stac_asset(best, together=True),
            PEER_COMMAND: lambda: self._stac_asset_command(best),
        }
        for _ in range(repeats):
            for name, run in contenders.items():
                yield name, self._clean(run)

    def _trial(self, setting: tuple[int, bool]) -> float:
        return min(self._clean(lambda: self._stac_asset(setting, together=False))["wall"] for _ in range(2))

    def _clean(self, run: Callable[[], Figures]) -> Figures:
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

    def _ours(self, *, verify: bool) -> Figures:
        return _run([sys.executable, "-m", "benchmarks.transfers.ours"], self._given | {"verify": verify})

    def _stac_asset(self, setting: tuple[int, bool], *, together: bool) -> Figures:
        given = self._given | {"connections": setting[0], "stream": setting[1], "together": together}
        return _run([str(self._programs / "python"), str(SCRIPTS / "stac_asset_download.py")], given)

    def _stac_asset_command(self, setting: tuple[int, bool]) -> Figures:
        most, stream = str(setting[0]), str(setting[1]).lower()
        options = ["--quiet", "--max-concurrent-downloads", most, "--stream", stream]
        program = str(self._programs / "stac-asset")
        return _command([program, "download", *options, str(self._list), str(self._folder)])

    def _curl(self) -> Figures:
        folder, most = self._folder, str(self._case.connections)
        names = ((url, url.rpartition("/")[2]) for url in self._given["urls"])
        listed = "".join(f'url="{url}"\noutput="{folder}/item-{name[:4]}/{name}"\n' for url, name in names)
        options = ["-sS", "--create-dirs", "--parallel", "--parallel-immediate", "--parallel-max", most]
        return _command(["curl", *options, "-K", "-"], listed)

    def _places(self) -> Iterator[tuple[str, str, str]]:
        """Give URL, folder and MD5 of each file."""
        for url, md5 in zip(self._given["urls"], self._given["sums"], strict=True):
            yield url, f"{self._folder}/item-{url[-8:-4]}", md5

    def _aria(self) -> Figures:
        """Let aria2 verify as it fetches."""
        listed = "".join(
            f"{url}\n dir={folder}\n out={url.rpartition('/')[2]}\n checksum=md5={md5}\n"
            for url, folder, md5 in self._places()
        )
        options = ["-q", "--no-conf", "-x1", "-s1", "--file-allocation=none", "--summary-interval=0"]
        return _command(["aria2c", *options, "-j", str(self._case.connections), "-i", "-"], listed)

    def _curl_and_sums(self) -> Figures:
        """Let curl fetch, and then md5sum verify with two processes."""
        fetched = self._curl()
        sums = [f"{md5}  {folder}/{url.rpartition('/')[2]}" for url, folder, md5 in self._places()]
        check = 'printf "%s\\n" "$@" | md5sum --quiet --check'
        command = ["xargs", "-d", "\\n", "-P", "2", "-n", str(-(-len(sums) // 8)), "sh", "-c", check, "sh"]
        checked = _command(command, "".join(f"{line}\n" for line in sums))
        added = {key: fetched[key] + checked[key] for key in ("wall", "cpu", "process")}
        return fetched | added


def _item_collection(urls: list[str]) -> dict[str, Any]:
    def item(url: str) -> dict[str, Any]:
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": f"item-{url[-8:-4]}",
            "geometry": None,
            "properties": {"datetime": "2025-01-01T00:00:00Z"},
            "links": [],
            "assets": {"data": {"href": url}},
        }

    return {"type": "FeatureCollection", "features": [item(url) for url in urls]}


def _run(command: list[str], given: dict[str, Any]) -> Figures:
    """Have another process measure itself."""
    started = time.perf_counter()
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    process = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stderr}")
    figures: Figures = json.loads(ended.stdout)
    return {"process": process} | figures


def _command(command: list[str], text: str = "") -> Figures:
    """Measure a command from outside: its wall seconds are those of the process."""
    small = [sys.executable, "-I", "-S", str(SCRIPTS / "command.py")]
    figures = _run(small, {"command": command, "input": text})
    return figures | {"process": figures["wall"]}
