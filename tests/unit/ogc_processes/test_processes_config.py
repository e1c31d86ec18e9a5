import base64
import json

import httpx
import pytest
from fake_server import HOME, FakeServer, job

from eoflows.base.current_client import current
from eoflows.base.errors import InvalidInputError
from eoflows.services.ogc_processes import AsyncClient, Client, ClientConfig, ClientException


@pytest.fixture(autouse=True)
def _no_file_and_no_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ClientConfig.model_fields:
        monkeypatch.delenv(f"OGC_PROCESSES_{name.upper()}", raising=False)


def test_each_field_comes_from_the_first_place_that_has_it(tmp_path, monkeypatch):
    file = tmp_path / "mine.yml"
    file.write_text("server_url: https://file.example\nuser_name: file\naccess_token: file\n")
    monkeypatch.setenv("OGC_PROCESSES_USER_NAME", "environment")
    monkeypatch.setenv("OGC_PROCESSES_ACCESS_TOKEN", "environment")
    found = Client(config_path=str(file), access_token="argument").config
    assert found.access_token.get_secret_value() == "argument"
    assert (found.user_name, found.server_url, found.client_id) == (
        "environment",
        "https://file.example",
        "eoflows",
    )


def test_a_config_object_alone_wins(monkeypatch):
    monkeypatch.setenv("OGC_PROCESSES_USER_NAME", "environment")
    config = ClientConfig(server_url=HOME)
    client = AsyncClient(config, "/nowhere.yml", "https://other.example", "me", "token")
    assert client.config is config
    assert client.config.user_name is None


def test_the_default_file_and_no_file(tmp_path):
    assert ClientConfig.load().server_url == "http://127.0.0.1:8008"
    (tmp_path / "eoflows").mkdir()
    (tmp_path / "eoflows" / "ogc-processes.yml").write_text("server_url: https://default.example")
    assert ClientConfig.load().server_url == "https://default.example"


@pytest.mark.parametrize("text", ["- a", "geheim: [", "colour: geheim", "server_url: [geheim]", "7: a"])
def test_a_file_that_cannot_be_used(tmp_path, text):
    file = tmp_path / "mine.yml"
    file.write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        ClientConfig.load(file)
    assert "geheim" not in str(caught.value)


def test_a_named_file_must_be_there(tmp_path):
    with pytest.raises(InvalidInputError, match=r"no configuration file .*absent\.yml"):
        Client(config_path=str(tmp_path / "absent.yml"))


@pytest.mark.parametrize("url", ["", "x", "file:///x", "https://u:geheim@h/", "https://h/?key=geheim"])
def test_urls_that_are_no_servers(url):
    with pytest.raises(InvalidInputError) as caught:
        AsyncClient(ClientConfig(server_url=url))
    assert "geheim" not in str(caught.value)


PAIR = base64.b64encode(b"me:geheim").decode()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fields", "kind", "header", "value"),
    [
        ({}, "none", "authorization", None),
        ({"access_token": "geheim"}, "bearer", "authorization", "Bearer geheim"),
        ({"access_token": "geheim", "auth": "none"}, "none", "authorization", None),
        ({"access_token": "geheim", "token_header": "X-Auth-Token"}, "bearer", "x-auth-token", "geheim"),
        ({"user_name": "me", "password": "geheim"}, "basic", "authorization", f"Basic {PAIR}"),
        ({"api_key": "geheim"}, "api-key", "x-api-key", "geheim"),
        ({"api_key": "geheim", "api_key_header": "Key"}, "api-key", "key", "geheim"),
    ],
)
async def test_how_a_client_identifies(fields, kind, header, value):
    config = ClientConfig(server_url=HOME, **fields)
    assert config.auth_kind == kind
    assert "geheim" not in repr(config)
    assert "geheim" not in config.model_dump_json()
    server = FakeServer({"GET /jobs/a": job("a")})
    await AsyncClient(config, http=server.http(config.keyring())).get_job("a")
    assert server.requests[0].headers.get(header) == value
    assert await config.keyring().headers("https://other.example/") == {}


def test_a_login_knows_where_to_log_in():
    fields = {"user_name": "me", "password": "p", "auth_url": "https://login.example/token"}
    assert ClientConfig(**fields).auth_kind == "login"
    assert ClientConfig(**fields).credentials() is not None


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"auth": "bearer"}, "access_token"),
        ({"auth": "api-key"}, "api_key"),
        ({"password": "p"}, "user_name"),
        ({"auth": "login", "user_name": "me", "password": "p"}, "auth_url"),
    ],
)
def test_what_is_missing_is_named(fields, missing):
    with pytest.raises(InvalidInputError, match=rf"needs {missing}: .*OGC_PROCESSES_{missing.upper()}"):
        AsyncClient(ClientConfig(**fields))


CALLS = {
    "get_capabilities": ("GET /", {"title": "T", "links": []}, ()),
    "get_conformance": ("GET /conformance", {"conformsTo": []}, ()),
    "get_processes": ("GET /processes", {"processes": [], "links": []}, ()),
    "get_process": ("GET /processes/echo", {"id": "echo"}, ("echo",)),
    "execute_process": ("POST /processes/echo/execution", job("a"), ("echo", {"inputs": {}})),
    "get_jobs": ("GET /jobs", {"jobs": [job("a")], "links": []}, ()),
    "get_job": ("GET /jobs/a", job("a"), ("a",)),
    "dismiss_job": ("DELETE /jobs/a", job("a", "dismissed"), ("a",)),
    "get_job_results": ("GET /jobs/a/results", {"x": 1}, ("a",)),
}


def both(name):
    key, document, arguments = CALLS[name]
    server = FakeServer({key: document, "GET /processes/echo": {"id": "echo"}})
    return server, Client(ClientConfig(server_url=HOME), http=server.http()), arguments


@pytest.mark.anyio
@pytest.mark.parametrize("name", CALLS)
async def test_the_plain_client_gives_what_the_async_one_gives_inside_a_running_loop_too(name):
    server, client, arguments = both(name)
    with client:
        plain = getattr(client, name)(*arguments)
    async with server.client() as other:
        assert await getattr(other, name)(*arguments) == plain


@pytest.mark.parametrize("name", CALLS)
def test_the_plain_client_raises_what_the_async_one_raises(name):
    server, client, arguments = both(name)
    server.answers = {"GET /processes/echo": [{"id": "echo"}]} if name == "execute_process" else {}
    with client, pytest.raises(ClientException) as caught:
        getattr(client, name)(*arguments)
    assert json.loads(caught.value.api_error.model_dump_json())["status"] == 404


def test_jobs_one_by_one_and_the_nearest_client():
    _, client, _ = both("get_jobs")
    with client:
        assert current(Client) is client
        assert [one.jobID for one in client.jobs()] == ["a"]
    with pytest.raises(InvalidInputError):
        current(Client)


def test_a_client_of_its_own_is_closed():
    client = Client(server_url=HOME)
    client.close()
    with pytest.raises((RuntimeError, httpx.HTTPError)):
        client.get_capabilities()
