"""`python -m eoflows.stores.catalog`: serve a local catalogue as a read-only STAC API, or export one.

An export reads a local catalogue or one behind a STAC API. The key of an API is taken from an environment
variable that is named on the command line, where everybody on the host could read the key itself.
"""

import argparse
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import orjson
import uvicorn
from pydantic import SecretStr

from eoflows.base.errors import EoError, InvalidInputError
from eoflows.base.files import write_whole
from eoflows.base.http import ApiKey, BearerToken, Credentials, HttpClient, Keyring, Origin
from eoflows.stores.catalog.export import export_geoparquet, export_items
from eoflows.stores.catalog.interface import Catalog
from eoflows.stores.catalog.local import LocalCatalog
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog
from eoflows.stores.catalog.serve import create_app

__all__ = ["main"]

_SECONDS = 120.0
"""For one answer of a STAC API: a page has a thousand whole items."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        anyio.run(options.run, options)
    except (EoError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eoflows.stores.catalog", description=__doc__)
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
    export.add_argument("catalog", help="the SQLite file, or the URL of a STAC API")
    export.add_argument("collection", help="which collection, like owner:name")
    export.add_argument("target", type=Path, help="a folder, or a file that ends in .parquet")
    export.add_argument("--replace", action="store_true", help="replace the target if it is there")
    export.add_argument(
        "--profile",
        type=CatalogProfile,
        choices=list(CatalogProfile),
        default=CatalogProfile.RS_SERVER,
        help="which rules an API has (default %(default)s)",
    )
    secret = export.add_mutually_exclusive_group()
    secret.add_argument("--key-from", metavar="VARIABLE", help="environment variable with its x-api-key")
    secret.add_argument("--token-from", metavar="VARIABLE", help="environment variable with a bearer token")
    export.set_defaults(run=_export)
    return parser


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
            await anyio.to_thread.run_sync(write_whole, self._ready_file, f"{line}\n".encode())


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
    async with _opened(options) as catalog:
        count = await write(catalog, options.collection, options.target, replace=options.replace)
    print(f"{count} items of {options.collection} are in {options.target}")


@asynccontextmanager
async def _opened(options: argparse.Namespace) -> AsyncIterator[Catalog]:
    """Open the catalogue for reading, whichever kind it is."""
    if "://" not in options.catalog:
        async with LocalCatalog(options.catalog, create=False) as local:
            if local.database.absent:
                raise InvalidInputError(
                    f"there is no catalogue {local.path}; give its file, or the URL of a STAC API"
                )
            yield local
        return
    origin, credentials = Origin.of(options.catalog), _credentials(options)
    keyring = Keyring([(origin, credentials)] if credentials else [])
    async with HttpClient(keyring=keyring, trusted=[origin], timeout=_SECONDS) as http:
        yield RemoteCatalog(options.catalog, http, profile=options.profile, writable=False)


def _credentials(options: argparse.Namespace) -> Credentials | None:
    name = options.key_from or options.token_from
    if name is None:
        return None
    if name not in os.environ:
        raise InvalidInputError(f"there is no environment variable {name}")
    secret = SecretStr(os.environ[name])
    return ApiKey(secret) if options.key_from else BearerToken(secret)


def _stop_on_signals(server: uvicorn.Server) -> None:
    # uvicorn raises the signal again when it has stopped; this handler makes that a clean exit.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
