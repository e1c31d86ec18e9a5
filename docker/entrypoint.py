"""Gives each file of the secrets' folder to a command as an environment variable of the file's name.

    python -I -S docker/entrypoint.py COMMAND [ARGUMENT ...]

Compose, Docker and Kubernetes can all mount secrets as files; programs read variables. What the environment
has already is kept. The folder is /run/secrets, or that of SECRETS_DIRECTORY.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def with_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the secrets in it; a newline at the end of a file is an editor's."""
    folder = Path(environment.get("SECRETS_DIRECTORY", "/run/secrets"))
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found = {file.name: file.read_text().rstrip("\r\n") for file in files if NAME.fullmatch(file.name)}
    return {**found, **environment}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: entrypoint.py COMMAND [ARGUMENT ...]")
    environment = with_secrets(os.environ)
    try:
        os.execvpe(sys.argv[1], sys.argv[1:], environment)  # noqa: S606
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")
