"""`python -m eoflows.sandbox`: a sandbox in a process of its own."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import FrameType

import orjson

from eoflows.sandbox.geo_engine import GeoEngineSettings
from eoflows.sandbox.server import Sandbox
from eoflows.sandbox.settings import ApiKey, SandboxSettings, StagingSettings
from eoflows.sandbox.up42.settings import Up42Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with Sandbox(_settings(options)) as box:
        line = orjson.dumps({"url": box.url, "other_url": box.other_url}).decode()
        if options.ready_file is not None:
            _write_whole(options.ready_file, f"{line}\n")
        print(line, flush=True)
        ended.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = SandboxSettings()
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.sandbox",
        description="Local stand-ins for /auxip, /prip, /cadip, /cdse, /catalog, RS staging (/processes,"
        " /jobs), OGC API - Processes (/ogc), UP42 (/up42, /up42-auth), Geo Engine (/geoengine/0.9), and at"
        " the root Earth Engine (/v1) and Cloud Storage (/storage/v1)."
        " Prints one JSON line with the addresses when it is ready. x-api-key: sandbox-demo-key."
        " OAuth2 at /oauth2/token: demo, demo-password.",
    )
    add = parser.add_argument
    add("--host", default=defaults.host, help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port of the main origin, 0: a free one (default: %(default)s)")
    add("--seed", type=int, default=0, help="another seed, other products (default: %(default)s)")
    add("--start", type=date.fromisoformat, default=defaults.start, help="first day (default: %(default)s)")
    add("--days", type=int, default=defaults.days, help="days of generated products (default: %(default)s)")
    add("--load", type=Path, action="append", default=[], help="list of real products, .jsonl or .jsonl.gz")
    add(
        "--scale",
        type=float,
        default=1.0,
        help="factor on the sizes of loaded products (default: %(default)s)",
    )
    add(
        "--published-from",
        choices=("created", "last_modified"),
        default="created",
        help="for loaded products",
    )
    add("--api-key", action="append", default=[], help="one more key that may do everything; can be repeated")
    add(
        "--token-lifetime", type=float, default=defaults.token_lifetime, help="seconds (default: %(default)s)"
    )
    add("--staging-directory", type=Path, help="where RS staging writes files; without it they are dropped")
    add("--geo-engine-cache", type=int, default=64, help="MiB of stream messages kept (default: %(default)s)")
    add("--ready-file", type=Path, help="file that receives the JSON line when the sandbox is ready")
    return parser


def _settings(options: argparse.Namespace) -> SandboxSettings:
    more = {key: ApiKey(user="demo") for key in options.api_key}
    return SandboxSettings(
        host=options.host,
        port=options.port,
        seed=options.seed,
        start=options.start,
        days=options.days,
        load=tuple(options.load),
        scale=options.scale,
        published_from=options.published_from,
        token_lifetime=options.token_lifetime,
        keys={**SandboxSettings().keys, **more},
        staging=StagingSettings(directory=options.staging_directory),
        # Whoever looks from outside expects jobs to go on by themselves.
        up42=Up42Settings(pace="clock", durations={"running": 5.0}),
        geo_engine=GeoEngineSettings(cache_bytes=options.geo_engine_cache * 1024 * 1024),
    )


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
