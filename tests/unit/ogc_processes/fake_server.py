"""A server of a few lines, at httpx's transport."""

from collections.abc import Callable
from typing import Any

import httpx

from eoflows.base.http import HttpClient, Keyring, RetryPolicy
from eoflows.services.ogc_processes import AsyncClient, ClientConfig

HOME = "https://processes.example/api"
ECHO: dict[str, Any] = {
    "id": "echo",
    "version": "1",
    "inputs": {"message": {"schema": {"type": "string"}}},
    "outputs": {"echo": {"schema": {"type": "object"}}},
}
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class FakeServer:
    """Answers by method and path below the landing page; the last answer of each for ever."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.requests: list[httpx.Request] = []
        for key, value in {"GET /processes/echo": ECHO, **(answers or {})}.items():
            self.answers[key] = list(value) if isinstance(value, tuple) else [value]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert request.url.host == "processes.example", request.url
        key = f"{request.method} {request.url.raw_path.decode().removeprefix('/api')}"
        found = self.answers.get(key) or self.answers.get(key.partition("?")[0])
        if found is None:
            return httpx.Response(404, json={"type": "about:blank", "title": f"no {key}"})
        answer = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        if not isinstance(answer, httpx.Response):
            return httpx.Response(200, json=answer)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def http(self, keyring: Keyring | None = None) -> HttpClient:
        return HttpClient(
            transport=httpx.MockTransport(self),
            retry=RetryPolicy(attempts=3),
            sleep=_at_once,
            keyring=keyring,
            timeout=7,
        )

    def client(self, **options: Any) -> AsyncClient:
        return AsyncClient(ClientConfig(server_url=HOME + "/"), http=self.http(), **options)

    def sent(self, method: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == method]


async def _at_once(seconds: float) -> None:
    """Waiting costs no time here."""


def job(name: str, status: str = "running", **fields: Any) -> dict[str, Any]:
    return {"jobID": name, "status": status, "type": "process", "processID": "echo", **fields}
