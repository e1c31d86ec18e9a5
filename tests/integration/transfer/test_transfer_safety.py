"""Where the engine goes, and what it takes along."""

import hashlib
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from hostile_server import HostileServer, Reply, in_turn
from pydantic import SecretStr

from eoflows.base.errors import (
    AbsentError,
    ContractError,
    CredentialsError,
    ForbiddenAddressError,
    InvalidInputError,
    StorageError,
    UnreachableError,
)
from eoflows.base.http import AddressPolicy, ApiKey, BearerToken, Keyring, Origin, RetryPolicy
from eoflows.stores.transfer import Download, TransferEngine, TransferSettings

pytestmark = pytest.mark.anyio

BODY = b"product" * 1000


def to(location: str, status: int = 302):
    return lambda reply: reply.send(status, b"moved", location=location, set_cookie="session=secret")


async def fetch(engine, download: Download):
    async with engine:
        return await engine.fetch(download)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_credential_and_no_custom_header_reaches_another_origin(
    server, other, engine_for, want, status
):
    server.routes["/f"] = to(other.url + "/signed?signature=1", status)
    other.routes["/signed"] = lambda reply: reply.file(BODY)
    keyring = Keyring([(Origin.of(server.url), ApiKey(SecretStr("secret-key")))])
    receipt = await fetch(engine_for(server, other, keyring=keyring), want(BODY, server.url + "/f"))
    assert server.log[0].headers["x-api-key"] == "secret-key"
    assert set(other.log[0].headers) == {"host", "user-agent", "accept", "accept-encoding"}
    assert receipt.url == server.url + "/f"


async def test_each_origin_gets_its_own_credential(server, other, engine_for, want):
    server.routes["/f"] = to(other.url + "/g")
    other.routes["/g"] = lambda reply: reply.file(BODY)
    keyring = Keyring(
        [
            (Origin.of(server.url), ApiKey(SecretStr("one"))),
            (Origin.of(other.url), BearerToken(SecretStr("two"))),
        ]
    )
    await fetch(engine_for(server, other, keyring=keyring), want(BODY, server.url + "/f"))
    assert "authorization" not in server.log[0].headers
    assert other.log[0].headers["authorization"] == "Bearer two"
    assert "x-api-key" not in other.log[0].headers


async def test_a_resume_through_a_redirect_asks_the_last_server(server, other, engine_for, want):
    body = bytes(range(256)) * 12_000

    async def cut(reply: Reply) -> None:
        await reply.part_of(body, 2_000_000)
        reply.writer.close()

    server.routes["/f"] = to(other.url + "/g")
    other.routes["/g"] = in_turn(cut, lambda reply: reply.file(body))
    await fetch(engine_for(server, other), want(body, server.url + "/f"))
    assert other.log[1].headers["range"] == "bytes=2000000-"


async def test_five_redirects_are_followed_and_six_are_not(server, engine_for, want):
    for number in range(6):
        server.routes[f"/{number}"] = to(f"/{number + 1}")
    server.routes["/6"] = lambda reply: reply.file(BODY)
    await fetch(engine_for(server), want(BODY, server.url + "/1"))
    with pytest.raises(ContractError, match="more than 5 redirects"):
        await fetch(engine_for(server), want(BODY, server.url + "/0", name="other"))


async def test_a_loop_ends(server, engine_for, want):
    server.routes["/f"] = to("/f")
    with pytest.raises(ContractError, match="more than 5 redirects"):
        await fetch(engine_for(server), want(BODY, server.url + "/f"))
    assert len(server.log) == 6


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/hostname",
        "ftp://example.com/x",
        "gopher://example.com/x",
        "data:text/plain,x",
        "s3://bucket/key",
    ],
)
async def test_a_redirect_stays_in_http(server, engine_for, want, location):
    server.routes["/f"] = to(location)
    download = want(None, server.url + "/f")
    with pytest.raises(ForbiddenAddressError, match=r"is not http\(s\)"):
        await fetch(engine_for(server), download)
    assert not download.path.exists()


@pytest.mark.parametrize("location", ["", "http://[broken/", "http://user:pass@localhost/"])
async def test_a_redirect_to_nowhere(server, engine_for, want, location):
    server.routes["/f"] = to(location)
    with pytest.raises((ContractError, InvalidInputError)) as caught:
        await fetch(engine_for(server), want(None, server.url + "/f"))
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
        "http://10.0.0.1/",
        "http://0x7f.1:9/",
        "http://[::ffff:127.0.0.1]:9/",
        "http://0.0.0.0:9/",
    ],
)
async def test_a_redirect_to_an_address_that_nobody_configured(server, engine_for, want, target):
    server.routes["/f"] = to(target)
    with pytest.raises(ForbiddenAddressError, match="asset_origins"):
        await fetch(engine_for(server), want(None, server.url + "/f"))


async def test_an_item_that_names_a_private_address(server, want):
    server.routes["/f"] = lambda reply: reply.file(BODY)
    async with TransferEngine(
        TransferSettings(), Keyring(), AddressPolicy(), RetryPolicy(attempts=2)
    ) as engine:
        with pytest.raises(ForbiddenAddressError, match="not a public address"):
            await engine.fetch(want(BODY, server.url + "/f"))
    assert server.opened == 0


@pytest.mark.parametrize("url", ["/etc/hostname", "ftp://example.com/f", "", "C:\\x"])
async def test_only_known_schemes(engine_for, want, url):
    with pytest.raises(ForbiddenAddressError, match="cannot be fetched"):
        await fetch(engine_for(), want(None, url))


@pytest.mark.parametrize("url", ["s3://bucket/f", "gs://bucket/f"])
async def test_only_configured_buckets(engine_for, want, url):
    with pytest.raises(InvalidInputError, match="'bucket' is configured"):
        await fetch(engine_for(), want(None, url))


async def test_a_url_with_a_password_is_refused_without_showing_it(engine_for, want):
    with pytest.raises(InvalidInputError) as caught:
        await fetch(engine_for(), want(None, "https://me:hunter2@example.com/f"))
    assert "hunter2" not in str(caught.value)


async def test_the_environment_has_no_say(server, engine_for, want, monkeypatch, tmp_path: Path):
    server.routes["/f"] = lambda reply: reply.file(BODY)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await fetch(engine_for(server), want(BODY, server.url + "/f"))
    assert "authorization" not in server.log[0].headers


class Renewed:
    """A token that is renewed when it was refused."""

    def __init__(self, most: int) -> None:
        self.number, self.most = 1, most

    async def headers(self, rejected=None):
        if rejected == {"authorization": f"Bearer {self.number}"} and self.number < self.most:
            self.number += 1
        return {"authorization": f"Bearer {self.number}"}


async def test_a_token_that_expires_in_mid_run_is_renewed(server, engine_for, want):
    body = bytes(3_000_000)

    async def guarded(reply: Reply) -> None:
        if reply.request.headers.get("authorization") != f"Bearer {1 if len(server.log) == 1 else 2}":
            await reply.send(401)
        elif len(server.log) == 1:
            await reply.part_of(body, 2_000_000)
            reply.writer.close()
        else:
            await reply.file(body)

    server.routes["/f"] = guarded
    keyring = Keyring([(Origin.of(server.url), Renewed(2))])
    download = want(body, server.url + "/f")
    await fetch(engine_for(server, keyring=keyring), download)
    assert [request.headers.get("authorization")[-1] for request in server.log] == ["1", "1", "2"]
    assert server.log[2].headers["range"] == "bytes=2000000-"


async def test_401_with_nothing_new_to_offer(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.send(401)
    keyring = Keyring([(Origin.of(server.url), Renewed(1))])
    with pytest.raises(CredentialsError) as caught:
        await fetch(engine_for(server, keyring=keyring), want(BODY, server.url + "/f"))
    assert "Bearer" not in str(caught.value)
    assert len(server.log) == 1


async def test_file_urls_only_under_configured_roots(engine_for, want, tmp_path: Path):
    roots = (tmp_path / "in",)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a b").write_bytes(BODY)
    (tmp_path / "secret").write_bytes(BODY)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    receipt = await fetch(engine_for(file_roots=roots), want(BODY, f"file://{tmp_path}/in/a%20b"))
    assert receipt.path.read_bytes() == BODY
    for bad in ("secret", "in/../secret", "in/%2e%2e/secret", "in/link"):
        with pytest.raises(ForbiddenAddressError, match="file_roots"):
            await fetch(engine_for(file_roots=roots), want(BODY, f"file://{tmp_path}/{bad}", name="x"))
    with pytest.raises(ForbiddenAddressError):
        await fetch(engine_for(), want(BODY, f"file://{tmp_path}/in/a%20b", name="x"))
    with pytest.raises(AbsentError):
        await fetch(engine_for(file_roots=roots), want(BODY, f"file://{tmp_path}/in/none", name="x"))


async def test_a_link_in_the_place_of_the_part_is_not_followed(server, engine_for, want, tmp_path: Path):
    server.routes["/f"] = lambda reply: reply.file(BODY)
    download = want(BODY, server.url + "/f")
    download.path.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    part = download.path.with_name(f".{download.path.name}.part")
    part.symlink_to(victim)
    with pytest.raises(StorageError, match="symbolic link"):
        await fetch(engine_for(server), download)
    part.unlink()
    part.hardlink_to(victim)
    with pytest.raises(StorageError, match="plain file"):
        await fetch(engine_for(server), download)
    assert victim.read_bytes() == b"precious"


async def test_a_link_in_the_place_of_the_file_is_replaced(server, engine_for, want, tmp_path: Path):
    server.routes["/f"] = lambda reply: reply.file(BODY)
    download = want(BODY, server.url + "/f")
    download.path.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(BODY)
    download.path.symlink_to(victim)
    receipt = await fetch(engine_for(server), download)
    assert receipt.fetched == len(BODY)
    assert not download.path.is_symlink()


@pytest.fixture
def secure(tmp_path: Path):
    """A TLS server whose certificate nobody knows but its own file."""
    pem = tmp_path / "tls.pem"
    openssl = shutil.which("openssl") or pytest.skip("no openssl command to make a certificate with")
    command = f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {pem}.key -out {pem}"
    command += " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, f"{pem}.key")
    server = HostileServer(tls=context)
    yield server, pem
    server.close()


async def test_certificates_are_verified(secure, engine_for, want):
    server, pem = secure
    server.routes["/f"] = lambda reply: reply.file(BODY)
    with pytest.raises(UnreachableError, match="certificate"):
        await fetch(engine_for(server, attempts=1), want(BODY, server.url + "/f"))
    assert server.log == []
    await fetch(engine_for(server, ca_bundle=pem), want(BODY, server.url + "/f"))


async def test_a_redirect_never_leaves_encryption(secure, other, engine_for, want):
    server, pem = secure
    server.routes["/f"] = to(other.url + "/g")
    with pytest.raises(ForbiddenAddressError, match="leaves encryption"):
        await fetch(engine_for(server, other, ca_bundle=pem), want(BODY, server.url + "/f"))
    assert other.log == []


async def test_a_name_of_255_bytes_has_room_for_its_part(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.file(BODY)
    receipt = await fetch(engine_for(server), want(BODY, server.url + "/f", name="x" * 255))
    assert hashlib.md5(receipt.path.read_bytes()).digest() == receipt.checksums[0].digest
