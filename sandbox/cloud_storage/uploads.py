"""The three ways to write an object: bytes alone, fields and bytes together, or in pieces."""

import itertools
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.responses import JSONResponse, Response

from eoflows.sandbox.cloud_storage.call import Call
from eoflows.sandbox.cloud_storage.conditions import Conditions
from eoflows.sandbox.cloud_storage.errors import refusal
from eoflows.sandbox.cloud_storage.objects import StoredObject, crc32c_text, md5_text
from eoflows.sandbox.cloud_storage.partial import partial
from eoflows.sandbox.cloud_storage.store import ObjectStore

__all__ = ["Uploads"]

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass
class _Session:
    bucket: str
    fields: dict[str, Any]
    conditions: Conditions
    mask: str | None
    data: bytearray = field(default_factory=bytearray)
    made: StoredObject | None = None


class Uploads:
    """Uploads, those in pieces kept until their last one."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._sessions: dict[str, _Session] = {}

    def answer(self, bucket: str, call: Call) -> Response:
        """Carry out a request below `/upload/storage/v1/b/BUCKET/o`."""
        with self._lock:
            if "upload_id" in call.query:
                return self._piece(call)
            kind = call.query.get("uploadType", "media")
            if kind == "resumable":
                return self._begin(bucket, call)
            if kind == "multipart":
                fields, data, media_type = _multipart(call)
            elif kind == "media":
                fields, data, media_type = {}, call.body, call.headers.get("content-type")
            else:
                raise refusal(400, f"Invalid upload type: {kind}")
            fields = _with_type(_named(fields, call), media_type)
            made = self._write(bucket, fields, data, Conditions.of(call.query), call.headers)
            return JSONResponse(partial(made.document(call.base), call.query.get("fields")))

    def _write(
        self,
        bucket: str,
        fields: dict[str, Any],
        data: bytes,
        conditions: Conditions,
        headers: Mapping[str, str],
    ) -> StoredObject:
        _check_hashes(data, {**_header_hashes(headers), **fields})
        return self._store.put(bucket, fields.get("name", ""), data, fields, conditions)

    def _begin(self, bucket: str, call: Call) -> Response:
        fields = _with_type(_named(call.json(), call), call.headers.get("x-upload-content-type"))
        conditions = Conditions.of(call.query)
        conditions.check(self._store.find(bucket, fields.get("name", "")))
        name = f"upload-{next(self._numbers)}"
        self._sessions[name] = _Session(bucket, fields, conditions, call.query.get("fields"))
        query = f"uploadType=resumable&upload_id={name}"
        location = f"{call.base}/upload/storage/v1/b/{bucket}/o?{query}"
        return Response(status_code=200, headers={"location": location, "x-guploader-uploadid": name})

    def _piece(self, call: Call) -> Response:
        session = self._sessions.get(call.query["upload_id"])
        if session is None:
            raise refusal(404, "Upload session not found")
        if call.method == "DELETE":
            del self._sessions[call.query["upload_id"]]
            return Response(status_code=499)
        if session.made is None:
            total = self._take(session, call)
            if total is None or len(session.data) < total:
                return _incomplete(session)
            session.made = self._write(
                session.bucket, session.fields, bytes(session.data), session.conditions, call.headers
            )
        return JSONResponse(partial(session.made.document(call.base), session.mask))

    def _take(self, session: _Session, call: Call) -> int | None:
        """Add a piece and return the whole length, None while it is unknown."""
        span = call.headers.get("content-range")
        if span is None:
            session.data[:] = call.body
            return len(call.body)
        found = _RANGE.fullmatch(span)
        if found is None:
            raise refusal(400, f"Failed to parse Content-Range header: {span}")
        first, last, total = found.groups()
        whole = None if total == "*" else int(total)
        if first is None:
            return whole
        begin, stop = int(first), int(last) + 1
        if begin > len(session.data) or stop - begin != len(call.body):
            raise refusal(
                400, f"Invalid request: {span} for {len(call.body)} bytes after {len(session.data)}"
            )
        if whole is None and len(call.body) % call.settings.upload_unit:
            raise refusal(400, f"Pieces must be multiples of {call.settings.upload_unit} bytes")
        session.data[begin:] = call.body
        return whole


def _incomplete(session: _Session) -> Response:
    headers = {"range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
    return Response(status_code=308, headers=headers)


def _named(fields: dict[str, Any], call: Call) -> dict[str, Any]:
    return {**fields, "name": call.query["name"]} if "name" in call.query else fields


def _with_type(fields: dict[str, Any], media_type: str | None) -> dict[str, Any]:
    return {"contentType": media_type, **fields} if media_type else fields


def _multipart(call: Call) -> tuple[dict[str, Any], bytes, str | None]:
    found = re.search(r'boundary="?([^";]+)"?', call.headers.get("content-type", ""))
    if found is None:
        raise refusal(400, "Multipart upload without a boundary")
    mark = b"--" + found[1].encode()
    parts = call.body.removeprefix(mark).split(b"\r\n" + mark)
    if len(parts) != 3 or not parts[2].startswith(b"--"):
        raise refusal(400, "Multipart upload must have two parts")
    (_, about), (headers, data) = (part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1) for part in parts[:2])
    media_type = re.search(rb"(?i)content-type:\s*([^\r\n]+)", headers)
    try:
        fields = orjson.loads(about)
    except orjson.JSONDecodeError as error:
        raise refusal(400, "Parse Error", "parseError") from error
    return dict(fields), data, media_type[1].decode() if media_type else None


def _header_hashes(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (part.strip().split("=", 1) for part in headers.get("x-goog-hash", "").split(",") if part)
    return {{"md5": "md5Hash"}.get(name, name): value for name, value in pairs}


def _check_hashes(data: bytes, told: Mapping[str, Any]) -> None:
    true = {"crc32c": ("CRC32C", crc32c_text), "md5Hash": ("MD5", md5_text)}
    for name, (label, compute) in true.items():
        if told.get(name) and told[name] != compute(data):
            raise refusal(
                400,
                f'Provided {label} hash "{told[name]}" doesn\'t match calculated {label} hash'
                f' "{compute(data)}".',
            )
