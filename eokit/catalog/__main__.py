"""`python -m eokit.catalog`: serve a local catalogue as a read-only STAC API, or export a collection."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import orjson
import uvicorn

from eokit.catalog.export import export_geoparquet, export_items
from eokit.catalog.local import LocalCatalog
from eokit.catalog.serve import create_app
from eokit.errors import EoError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eokit.catalog", description=__doc__)
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="serve a catalogue, read-only")
    serve.add_argument("path", type=Path, help="the SQLite file; an absent one is an empty catalogue")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    serve.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    serve.add_argument("--ready-file", type=Path, help="write the ready line here too")
    serve.set_defaults(
        run=lambda options: _serve(options.path, options.host, options.port, options.ready_file)
    )
    export = commands.add_parser("export", help="write a collection to item files, or to one .parquet file")
    export.add_argument("path", type=Path, help="the SQLite file")
    export.add_argument("collection", help="which collection, like owner:name")
    export.add_argument("target", type=Path, help="a folder, or a file that ends in .parquet")
    export.add_argument("--replace", action="store_true", help="replace the target if it is there")
    export.set_defaults(run=_export)
    options = parser.parse_args(arguments)
    try:
        anyio.run(options.run, options)
    except (EoError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


class _Server(uvicorn.Server):
    """Tells where it listens as soon as it answers."""

    def __init__(self, config: uvicorn.Config, url: str, ready_file: Path | None) -> None:
        super().__init__(config)
        self._url = url
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        line = orjson.dumps({"url": self._url}).decode()
        print(line, flush=True)
        if self._ready_file is not None:
            await anyio.to_thread.run_sync(_write_whole, self._ready_file, line + "\n")


async def _serve(path: Path, host: str, port: int, ready_file: Path | None) -> None:
    async with LocalCatalog(path) as catalog:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family, backlog=128)
        # asyncio sends without delay only where the protocol is named: 40 ms for each request but the first.
        with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, bound.detach()) as listener:
            config = uvicorn.Config(create_app(catalog), log_level="warning", timeout_graceful_shutdown=5)
            server = _Server(config, _url(listener), ready_file)
            _stop_on_signals(server)
            await server.serve(sockets=[listener])


async def _export(options: argparse.Namespace) -> None:
    write = export_geoparquet if options.target.suffix == ".parquet" else export_items
    async with LocalCatalog(options.path) as catalog:
        count = await write(catalog, options.collection, options.target, replace=options.replace)
    print(f"{count} items of {options.collection} are in {options.target}")


def _stop_on_signals(server: uvicorn.Server) -> None:
    # uvicorn raises the signal again when it has stopped; this handler makes that a clean exit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    os.replace(part, path)


if __name__ == "__main__":
    sys.exit(main())
