"""Cloud Storage's JSON API at the root of the sandbox: `STORAGE_EMULATOR_HOST` is the sandbox's address."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.cloud_storage.accounts import GoogleAccounts
from eoflows.sandbox.cloud_storage.call import Call, segments
from eoflows.sandbox.cloud_storage.conditions import Conditions
from eoflows.sandbox.cloud_storage.downloads import ObjectResponse
from eoflows.sandbox.cloud_storage.errors import refusal
from eoflows.sandbox.cloud_storage.listing import list_objects
from eoflows.sandbox.cloud_storage.objects import StoredObject
from eoflows.sandbox.cloud_storage.partial import partial
from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings
from eoflows.sandbox.cloud_storage.store import ObjectStore
from eoflows.sandbox.cloud_storage.uploads import Uploads
from eoflows.sandbox.faults import BEHAVIOUR
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["CloudStorage"]

_ROOTS = ("/storage/v1/b", "/download/storage/v1/b", "/upload/storage/v1/b")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class CloudStorage:
    """The service, and the objects behind it."""

    def __init__(
        self, settings: CloudStorageSettings, accounts: GoogleAccounts, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.accounts = accounts
        """Key files and tokens."""
        self.store = ObjectStore(settings.buckets, clock)
        """All buckets and objects; tests may write to it."""
        self._uploads = Uploads(self.store)

    def routes(self) -> list[Route]:
        """Return the routes: at the root of the server, where the client expects them."""
        roots = [Route(f"{root}{{rest:path}}", self._serve, methods=_METHODS) for root in _ROOTS]
        return [*roots, Route("/batch/storage/v1", self._batch, methods=["POST"])]

    async def _serve(self, request: Request) -> Response:
        raw: str = request.scope["raw_path"].decode("ascii")
        root, _, rest = raw.partition("storage/v1/b")
        call = await self._call(request, segments(rest)[1:])
        try:
            if root == "/upload/":
                return self._uploads.answer(call.path[0], call)
            return self._answer(call, download=root == "/download/")
        except Refusal as refused:
            if refused.status == 304:
                return Response(status_code=304)
            raise

    async def _call(self, request: Request, path: tuple[str, ...]) -> Call:
        settings = replace(self.settings, **request.scope.get(BEHAVIOUR, {}))
        if settings.refuses is not None:
            status, reason, message = settings.refuses
            raise refusal(status, message, reason)
        if settings.auth == "bearer" and self.accounts.account(request) is None:
            raise refusal(401, "Invalid Credentials")
        return Call(
            method=request.method,
            path=path,
            query=request.query_params,
            headers=request.headers,
            body=await request.body(),
            base=f"{request.url.scheme}://{request.url.netloc}",
            settings=settings,
        )

    def _answer(self, call: Call, *, download: bool = False) -> Response:
        match call.path:
            case () | ("",):
                return self._buckets(call)
            case (bucket,):
                return self._bucket(bucket, call)
            case (bucket, "o"):
                if call.method != "GET":
                    raise refusal(501, "Uploads begin with /upload")
                most = call.settings.page_size
                document = list_objects(self.store, bucket, call.query, call.base, most=most)
                return JSONResponse(partial(document, call.query.get("fields")))
            case (bucket, "o", name):
                return self._object(bucket, name, call, download=download)
            case (bucket, "o", name, "compose") if call.method == "POST":
                return self._compose(bucket, name, call)
            case (bucket, "o", name, "copyTo" | "rewriteTo" as verb, "b", other, "o", target):
                return self._copy((bucket, name), (other, target), call, rewrite=verb == "rewriteTo")
        raise refusal(404, "Not Found")

    def _buckets(self, call: Call) -> Response:
        if call.method == "POST":
            name = str(call.json().get("name", ""))
            self.store.create_bucket(name)
            return self._told(call, self._bucket_document(name, call))
        items = [self._bucket_document(name, call) for name in sorted(self.store.buckets)]
        return self._told(call, {"kind": "storage#buckets", "items": items})

    def _bucket(self, bucket: str, call: Call) -> Response:
        if bucket not in self.store.buckets:
            raise refusal(404, "The specified bucket does not exist.")
        if call.method == "DELETE":
            self.store.delete_bucket(bucket)
            return Response(status_code=204)
        return self._told(call, self._bucket_document(bucket, call))

    def _bucket_document(self, bucket: str, call: Call) -> dict[str, Any]:
        made = f"{self.store.buckets[bucket]:%Y-%m-%dT%H:%M:%S}.000Z"
        return {
            "kind": "storage#bucket",
            "id": bucket,
            "name": bucket,
            "selfLink": f"{call.base}/storage/v1/b/{bucket}",
            "metageneration": "1",
            "location": "US",
            "locationType": "multi-region",
            "storageClass": "STANDARD",
            "timeCreated": made,
            "updated": made,
            "etag": "CAE=",
        }

    def _object(self, bucket: str, name: str, call: Call, *, download: bool) -> Response:
        conditions = Conditions.of(call.query)
        if call.method in ("PATCH", "PUT"):
            return self._object_told(call, self.store.patch(bucket, name, call.json(), conditions))
        generation = call.number("generation")
        if call.method == "DELETE":
            self.store.delete(bucket, name, generation, conditions)
            return Response(status_code=204)
        if download or call.query.get("alt") == "media":
            return self._content(bucket, name, generation, call)
        return self._object_told(call, self.store.get(bucket, name, generation, conditions))

    def _content(self, bucket: str, name: str, generation: int | None, call: Call) -> Response:
        if call.settings.overwrite == "before":
            self.store.spoil(bucket, name)
        found = self.store.get(bucket, name, generation, Conditions.of(call.query))
        if call.settings.overwrite == "after":
            self.store.spoil(bucket, name)
        return ObjectResponse(found, call.settings)

    def _compose(self, bucket: str, name: str, call: Call) -> Response:
        asked = call.json()
        sources = [
            self.store.get(
                bucket,
                one["name"],
                None if one.get("generation") is None else int(one["generation"]),
                Conditions.of(one.get("objectPreconditions") or {}),
            )
            for one in asked.get("sourceObjects", [])
        ]
        data = b"".join(one.data for one in sources)
        components = sum(one.components or 1 for one in sources)
        fields, conditions = asked.get("destination", {}), Conditions.of(call.query)
        return self._object_told(call, self.store.put(bucket, name, data, fields, conditions, components))

    def _copy(
        self, source: tuple[str, str], target: tuple[str, str], call: Call, *, rewrite: bool
    ) -> Response:
        conditions = Conditions.of(call.query, "ifSource")
        found = self.store.get(*source, call.number("sourceGeneration"), conditions)
        fields = {**found.fields, **call.json()}
        made = self.store.put(*target, found.data, fields, Conditions.of(call.query), found.components)
        if not rewrite:
            return self._object_told(call, made)
        size = str(made.size)
        about = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size}
        return self._told(call, {**about, "done": True, "resource": self._document(made, call)})

    def _object_told(self, call: Call, found: StoredObject) -> Response:
        return self._told(call, self._document(found, call))

    def _document(self, found: StoredObject, call: Call) -> dict[str, Any]:
        return found.document(call.base, composite_md5=call.settings.composite_md5)

    def _told(self, call: Call, document: Mapping[str, Any]) -> Response:
        return JSONResponse(partial(dict(document), call.query.get("fields")))

    async def _batch(self, request: Request) -> Response:
        """Carry out many requests in one, each by itself: one that is refused does not stop the others."""
        whole = await self._call(request, ())
        mark = re.search(r'boundary="?([^";]+)"?', whole.headers.get("content-type", ""))
        if mark is None:
            raise refusal(400, "Batch request without a boundary")
        parts = whole.body.split(b"--" + mark[1].encode())[1:-1]
        told = [self._batched(part, whole) for part in parts]
        body = b"".join(b"--batch_sandbox\r\n" + one for one in told) + b"--batch_sandbox--"
        return Response(body, media_type="multipart/mixed; boundary=batch_sandbox")

    def _batched(self, part: bytes, whole: Call) -> bytes:
        envelope, _, inner = part.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
        head, _, body = inner.partition(b"\n\n")
        method, target, *_ = head.split(b"\n")[0].decode().split(" ")
        path, _, query = target.partition("?")
        rest = path.partition("storage/v1/b")[2]
        call = replace(
            whole, method=method, path=segments(rest)[1:], query=QueryParams(query), body=body.strip()
        )
        try:
            answer = self._answer(call)
        except Refusal as refused:
            answer = JSONResponse(dict(refused.document), refused.status)
        name = re.search(rb"(?i)content-id:\s*<?([^>\n]+)", envelope)
        known = b"Content-ID: <response-" + name[1] + b">\r\n" if name else b""
        lines = f"HTTP/1.1 {answer.status_code} -\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        return (
            b"Content-Type: application/http\r\n" + known + b"\r\n" + lines.encode() + answer.body + b"\r\n"
        )
