"""Answers in the place of a server, at the transport."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from eoflows.base.http import RetryPolicy
from eoflows.services.geo_engine import GeoEngineClient, Profile

URL = "http://mock-instance"
SESSION = "c4983c3e-9b53-47ae-bda9-382223bd5081"


class Server:
    """Answers by method and path; anything else is 404, as the server has it."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"POST /anonymous": {"id": SESSION, "project": None, "view": None}}
        self.answers |= answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(f"{request.method} {request.url.path}")
        if isinstance(answer, Callable):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        if answer is None:
            return refusal("NotFound", "Not Found", 404)
        return httpx.Response(200, json=answer)

    def client(self, login: Any = None, *, profile: Profile | None = Profile.V0_9) -> GeoEngineClient:
        retry = RetryPolicy(attempts=2, base=0.0)
        return GeoEngineClient(URL, login, profile=profile, retry=retry, transport=httpx.MockTransport(self))

    def count(self, path: str) -> int:
        return sum(request.url.path == path for request in self.requests)

    def sent(self) -> Any:
        return json.loads(self.requests[-1].content)


def refusal(error: str, message: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": error, "message": message})
