import base64
import io
import json
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import google_crc32c
import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

from eoflows.base.errors import (
    AbsentError,
    ConflictError,
    ContractError,
    CredentialsError,
    IntegrityError,
    InvalidInputError,
    UnsafeNameError,
    UnsentError,
)
from eoflows.base.http import RetryPolicy
from eoflows.services.earth_engine import GCSStore, GoogleToken, LocalStore
from eoflows.services.earth_engine.tracking import change_document

pytestmark = pytest.mark.anyio


def crc32c(body):
    return base64.b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()


class Bucket(BaseAdapter):
    """A bucket with preconditions that loses some answers."""

    def __init__(self):
        super().__init__()
        self.objects = {}
        self.lose = 0
        self.damage = None

    def close(self):
        """Nothing is open."""

    def send(self, request, **_):
        status, body = self._answer(request, urlsplit(request.url))
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = status, request, request.url
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer.raw = urllib3.HTTPResponse(io.BytesIO(content), preload_content=False)
        return answer

    def _answer(self, request, parts):
        asked = dict(parse_qsl(parts.query))
        if parts.path.startswith("/upload/"):
            return self._upload(request, asked)
        name = unquote(parts.path.rpartition("/")[2])
        if name not in self.objects:
            return 404, {"error": {"code": 404, "message": "No such object"}}
        body, generation, _ = self.objects[name]
        if request.method == "DELETE":
            if asked["ifGenerationMatch"] != str(generation):
                return 412, {}
            del self.objects[name]
            return 204, b""
        if parts.path.startswith("/download/"):
            assert asked["generation"] == str(generation)
            return 200, self.damage or body
        return 200, self._about(name)

    def _upload(self, request, asked):
        boundary = request.headers["content-type"].partition('boundary="')[2].rstrip('"')
        parts = request.body.split(f"--{boundary}".encode())
        about, body = (part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts[1:3])
        name, wanted = json.loads(about)["name"], asked.get("ifGenerationMatch")
        _, generation, _ = self.objects.get(name, (b"", 0, {}))
        if wanted is not None and wanted != str(generation):
            return 412, {"error": {"code": 412}}
        self.objects[name] = (body, generation + 1, json.loads(about)["metadata"])
        if self.lose:
            self.lose -= 1
            return 503, {}
        return 200, self._about(name)

    def _about(self, name):
        body, generation, metadata = self.objects[name]
        return {
            "name": name,
            "size": str(len(body)),
            "crc32c": crc32c(body),
            "generation": str(generation),
            "metadata": metadata,
            "updated": "2026-01-01T00:00:00.000Z",
        }


@pytest.fixture
def bucket():
    return Bucket()


@pytest.fixture
def gcs(bucket):
    retry = RetryPolicy(attempts=3, base=0.0)
    return GCSStore("eo-bucket", adapter=bucket, retry=retry)


@pytest.fixture(params=["gcs", "local"])
def store(request, gcs, tmp_path):
    return gcs if request.param == "gcs" else LocalStore(tmp_path / "store")


async def test_documents_are_compared_and_swapped(store):
    async with store.open() as opened:
        assert await opened.read("a.json") is None
        await opened.write("a.json", {"n": 1}, 0)
        first = await opened.read("a.json")
        assert first.document == {"n": 1}
        with pytest.raises(ConflictError):
            await opened.write("a.json", {"n": 2}, 0)
        await opened.write("a.json", {"n": 2}, first.generation)
        with pytest.raises(ConflictError):
            await opened.write("a.json", {"n": 3}, first.generation)
        assert (await opened.read("a.json")).document == {"n": 2}


async def test_one_generation_is_removed_and_no_other(store):
    async with store.open() as opened:
        old = await opened.write("a.json", {"n": 1}, 0)
        new = await opened.write("a.json", {"n": 2}, old.generation)
        with pytest.raises(ConflictError):
            await opened.remove(old)
        assert await opened.remove(new)
        assert not await opened.remove(new)


async def test_changes_are_made_once_more_after_others(store):
    async with store.open() as opened:
        await opened.write("a.json", {"mine": 0, "theirs": 0}, 0)
        seen = []

        async def change(document):
            seen.append(dict(document))
            if len(seen) == 1:
                there = await opened.read("a.json")
                await opened.write("a.json", {**there.document, "theirs": 1}, there.generation)
            return {**document, "mine": 1}

        assert await change_document(opened, "a.json", change) == {"mine": 1, "theirs": 1}
        assert (await opened.read("a.json")).document == {"mine": 1, "theirs": 1}
        with pytest.raises(AbsentError):
            await change_document(opened, "none.json", change)


async def test_an_upload_whose_answer_was_lost_is_known_again(gcs, bucket):
    bucket.lose = 1
    async with gcs.open() as opened:
        made = await opened.write("a.json", {"n": 1}, 0)
    assert made.generation == 1
    assert json.loads(bucket.objects["a.json"][0]) == {"n": 1}


async def test_a_document_that_arrives_damaged_is_refused(gcs, bucket):
    bucket.objects["a.json"] = (b'{"n": 1}', 4, {})
    bucket.damage = b'{"n": 2}'
    async with gcs.open() as opened:
        with pytest.raises(IntegrityError, match="crc32c"):
            await opened.read("a.json")


async def test_what_is_no_document(gcs, bucket):
    bucket.objects["a.json"] = (b"[]", 4, {})
    async with gcs.open() as opened:
        with pytest.raises(ContractError):
            await opened.read("a.json")


async def test_a_folder_lists_whole_files_only(tmp_path):
    root = tmp_path / "store"
    (root / "P").mkdir(parents=True)
    for name in ("P/x.tif", "P/xy.tif", "P/.x.tif.part", "other.json"):
        (root / name).write_bytes(b"abc")
    (root / "P/link.tif").symlink_to(root / "P/x.tif")
    store = LocalStore(root)
    async with store.open() as opened:
        assert [one.name for one in await opened.list("P/x")] == ["P/x.tif", "P/xy.tif"]
        one, _ = await opened.list("P/x")
        assert one.checksum.digest == google_crc32c.value(b"abc").to_bytes(4, "big")
        path = await opened.fetch(one, tmp_path / "out" / "x.tif")
        assert path.read_bytes() == b"abc"
        (root / "P/x.tif").write_bytes(b"abd")
        with pytest.raises(IntegrityError):
            await opened.fetch(one, tmp_path / "out" / "y.tif")
        assert not (tmp_path / "out" / "y.tif").exists()
        with pytest.raises(UnsafeNameError):
            await opened.read("../x")


async def test_a_folder_takes_no_exports_unless_a_bucket_is_mounted():
    assert LocalStore(Path("/x"), mounts="eo-bucket").bucket == "eo-bucket"
    with pytest.raises(InvalidInputError, match="cannot write"):
        _ = LocalStore(Path("/x")).bucket


class Login:
    """Credentials of google-auth, as far as they are used."""

    def __init__(self, error=None):
        self.token, self.valid, self.error, self.renewals = "", False, error, 0

    def refresh(self, request):
        if self.error is not None:
            raise self.error
        self.renewals += 1
        self.token, self.valid = f"token-{self.renewals}", True


async def test_tokens_are_renewed_when_they_must_be():
    login = Login()
    key = GoogleToken(login)
    first = await key.headers()
    assert first == {"authorization": "Bearer token-1"}
    assert await key.headers() == first
    assert await key.headers(rejected=first) == {"authorization": "Bearer token-2"}
    assert await key.headers(rejected=first) == {"authorization": "Bearer token-2"}
    assert login.renewals == 2


async def test_google_may_refuse_or_be_away():
    from google.auth.exceptions import RefreshError, TransportError

    with pytest.raises(CredentialsError, match="refuses these credentials"):
        await GoogleToken(Login(RefreshError("invalid_grant: secret"))).headers()
    for away in (RefreshError("later", retryable=True), TransportError("no route")):
        with pytest.raises(UnsentError):
            await GoogleToken(Login(away)).headers()


def test_a_key_file_that_is_none_is_not_quoted():
    with pytest.raises(InvalidInputError, match="no key file") as caught:
        GoogleToken.of_account({"type": "service_account", "private_key": "hunter2"})
    assert "hunter2" not in str(caught.value)
