"""A container's paths and addresses here, wherever this checkout lies and whatever its path looks like."""

import shlex
from pathlib import Path

import pytest
from compose_file import HOST, Compose

PLACES = ["/tmp/clone", "/data", "/home/me/my data/8080", "/run/secrets/0.0.0.0/$$HOME", "/opt/eoflows/tmp"]


@pytest.fixture
def given() -> dict[str, str]:
    passwords = ("PREFECT_DATABASE_PASSWORD", "LEDGER_PASSWORD", "CATALOG_PASSWORD", "POSTGRES_PASSWORD")
    names = (*passwords, "STORAGE_SECRET_KEY", "PREFECT_AUTH")
    return dict.fromkeys(names, "secret")


@pytest.mark.parametrize("place", PLACES)
def test_what_is_put_in_is_not_translated_again(tmp_path: Path, given: dict[str, str], place: str) -> None:
    home, weed = Path(place) / "opt/eoflows", Path(place) / "weed"
    images = {"eoflows": (Path(place) / "bin", home)}
    paths = {"/entrypoint.sh": weed, "/opt/eoflows": home}
    compose = Compose(given, tmp_path, images, {"storage": 1}, paths)

    assert compose.main("worker").command[:4] == ["python", "-I", "-S", str(home / "docker/entrypoint.py")]
    said = " ".join(compose.main("storage").command)
    assert f'exec {shlex.quote(str(weed))} "$@"' in said
    assert f"-dir={tmp_path}/storage/data" in said
    assert f"$(cat {tmp_path}/storage/secrets/storage_secret_key)" in said
    assert f"-ip.bind={HOST}" in said
    setup = compose.main("setup").environment
    assert setup["PREFECT_HOME"] == f"{tmp_path}/setup/tmp/prefect"
    assert setup["STORAGE_SPOOL"] == f"{tmp_path}/state/spool"
    assert setup["STORAGE_ENDPOINT"] == f"http://{HOST}:1"
    assert setup["CATALOG_URL"] == f"http://{HOST}:{compose.ports['catalog']}/"
