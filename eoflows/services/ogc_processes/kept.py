"""Answers of synchronous executions, kept with the job: nobody can ask for them a second time."""

import base64
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from eoflows.base.errors import InvalidInputError

__all__ = ["MOST_KEPT", "answer_in", "kept_answer"]

MOST_KEPT = 4 * 1024 * 1024
"""Largest body in bytes that is kept; the ledger is no storage for rasters."""

_HEADERS = ("content-type", "link")


def kept_answer(answer: httpx.Response) -> dict[str, Any]:
    """Give an answer as JSON values; of a body larger than `MOST_KEPT` only the size."""
    found: dict[str, Any] = {"status": answer.status_code, "size": len(answer.content)}
    headers = [[name, value] for name in _HEADERS for value in answer.headers.get_list(name)]
    # Links to results may be signed, and cannot be asked for again: they are kept as what they are, bytes.
    found["headers"] = base64.b64encode(orjson.dumps(headers)).decode()
    if len(answer.content) <= MOST_KEPT:
        found["body"] = base64.b64encode(answer.content).decode()
    return found


def answer_in(kept: Mapping[str, Any]) -> httpx.Response:
    """Give the answer back.

    Raises:
        InvalidInputError: Its body was too large to be kept.
    """
    if "body" not in kept:
        raise InvalidInputError(
            f"the server answered at once with {kept['size']} bytes of results, and at most {MOST_KEPT} are "
            "kept; run it again under another run_key, with outputs by reference or at a server that "
            "answers with a job"
        )
    given = kept["headers"]
    # Earlier releases kept them in plain.
    pairs = orjson.loads(base64.b64decode(given)) if isinstance(given, str) else given
    headers = [(str(name), str(value)) for name, value in pairs]
    return httpx.Response(kept["status"], headers=headers, content=base64.b64decode(kept["body"]))
