"""nginx, private to the run, and the files it serves."""

import hashlib
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.transfers.cases import Case

__all__ = ["nginx", "write_files"]

_ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
_INSTALL = (
    "nginx or its echo module is not installed (apt-get install nginx-light libnginx-mod-http-echo); "
    "it serves the files and delays them"
)
_CONFIG = """
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
    """Serve the folder's `www`, and give the address; what is under `/slow/` comes after 50 ms."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not _ECHO.exists():
        raise SystemExit(_INSTALL)
    port, user = _free_port(), "user root root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, user=user, echo=_ECHO))
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


def write_files(folder: Path, case: Case) -> list[str]:
    """Write the case's files unless they are there, and give their MD5."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = []
    for number in range(case.count):
        path = folder / f"{number:04}.bin"
        if not path.exists():
            path.write_bytes(random.Random(number).randbytes(case.size))
        with path.open("rb") as file:
            sums.append(hashlib.file_digest(file, "md5").hexdigest())
    return sums
