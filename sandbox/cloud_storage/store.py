"""All buckets: every change is checked against its conditions and carried out under one lock."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from eoflows.sandbox.cloud_storage.conditions import NO_CONDITIONS, Conditions
from eoflows.sandbox.cloud_storage.errors import refusal
from eoflows.sandbox.cloud_storage.objects import WRITABLE, StoredObject

__all__ = ["ObjectStore"]


class ObjectStore:
    """Buckets and their live objects, safe for threads. Methods raise what the service would answer."""

    def __init__(self, buckets: Iterable[str], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._first = tuple(buckets)
        self._generation = 0
        self._buckets: dict[str, dict[str, StoredObject]] = {}
        self._made: dict[str, datetime] = {}
        self.clear()

    def clear(self) -> None:
        """Go back to the buckets of the start, empty. Generations go on."""
        with self._lock:
            self._buckets = {name: {} for name in self._first}
            self._made = dict.fromkeys(self._first, self._clock())

    @property
    def buckets(self) -> Mapping[str, datetime]:
        """Name of each bucket to when it was made."""
        with self._lock:
            return dict(self._made)

    def create_bucket(self, name: str) -> None:
        """Add an empty bucket.

        Raises:
            Refusal: 409, it is there.
        """
        with self._lock:
            if name in self._buckets:
                raise refusal(409, f"The requested bucket name is not available: {name}")
            self._buckets[name], self._made[name] = {}, self._clock()

    def delete_bucket(self, name: str) -> None:
        """Remove a bucket.

        Raises:
            Refusal: 404 it is unknown, 409 it is not empty.
        """
        with self._lock:
            if self._objects(name):
                raise refusal(409, "The bucket you tried to delete is not empty.")
            del self._buckets[name], self._made[name]

    def names(self, bucket: str) -> list[str]:
        """Return the names in a bucket, in the order of their UTF-8 bytes."""
        with self._lock:
            return sorted(self._objects(bucket), key=str.encode)

    def find(self, bucket: str, name: str) -> StoredObject | None:
        """Return the live object, None if there is none.

        Raises:
            Refusal: 404, there is no such bucket.
        """
        with self._lock:
            return self._objects(bucket).get(name)

    def get(
        self,
        bucket: str,
        name: str,
        generation: int | None = None,
        conditions: Conditions = NO_CONDITIONS,
    ) -> StoredObject:
        """Return the live object; older generations are gone.

        Raises:
            Refusal: 404, 412 or 304.
        """
        with self._lock:
            found = self.find(bucket, name)
            if found is None or generation not in (None, found.generation):
                at = "" if generation is None else f"#{generation}"
                raise refusal(404, f"No such object: {bucket}/{name}{at}")
            conditions.check(found)
            return found

    def put(
        self,
        bucket: str,
        name: str,
        data: bytes,
        fields: Mapping[str, Any] | None = None,
        conditions: Conditions = NO_CONDITIONS,
        components: int | None = None,
    ) -> StoredObject:
        """Write an object, over an older one if there is one and the conditions allow it.

        Raises:
            Refusal: 404 no such bucket, 400 no name, 412 a condition does not hold.
        """
        with self._lock:
            objects, now = self._objects(bucket), self._clock()
            conditions.check(objects.get(name))
            if not name:
                raise refusal(400, "Required object name", "required")
            self._generation = max(self._generation + 1, int(now.timestamp() * 1_000_000))
            objects[name] = StoredObject(
                bucket=bucket,
                name=name,
                data=data,
                generation=self._generation,
                created=now,
                updated=now,
                fields=_writable(fields or {}),
                components=components,
            )
            return objects[name]

    def patch(
        self, bucket: str, name: str, fields: Mapping[str, Any], conditions: Conditions = NO_CONDITIONS
    ) -> StoredObject:
        """Change fields of an object: None removes one, and so does None inside `metadata`."""
        with self._lock:
            found = self.get(bucket, name, conditions=conditions)
            merged = {**found.fields, **fields}
            if isinstance(merged.get("metadata"), Mapping):
                old = found.fields.get("metadata") or {}
                mixed = {**old, **merged["metadata"]}
                merged["metadata"] = {key: value for key, value in mixed.items() if value is not None}
            changed = replace(
                found,
                fields=_writable(merged),
                metageneration=found.metageneration + 1,
                updated=self._clock(),
            )
            self._buckets[bucket][name] = changed
            return changed

    def delete(
        self,
        bucket: str,
        name: str,
        generation: int | None = None,
        conditions: Conditions = NO_CONDITIONS,
    ) -> None:
        """Remove an object."""
        with self._lock:
            self.get(bucket, name, generation, conditions)
            del self._buckets[bucket][name]

    def spoil(self, bucket: str, name: str) -> StoredObject:
        """Give an object a new generation: other content of the same length."""
        with self._lock:
            found = self.get(bucket, name)
            return self.put(bucket, name, bytes(byte ^ 0xFF for byte in found.data), found.fields)

    def _objects(self, bucket: str) -> dict[str, StoredObject]:
        if bucket not in self._buckets:
            raise refusal(404, "The specified bucket does not exist.")
        return self._buckets[bucket]


def _writable(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in WRITABLE if fields.get(name) is not None}
