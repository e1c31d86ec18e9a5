"""The store: generations, preconditions, lists, partial answers."""

import base64
import hashlib
from datetime import UTC, datetime

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.cloud_storage.conditions import Conditions
from eoflows.sandbox.cloud_storage.listing import list_objects
from eoflows.sandbox.cloud_storage.partial import partial
from eoflows.sandbox.cloud_storage.store import ObjectStore
from eoflows.sandbox.stac.errors import Refusal

MOMENT = datetime(2025, 8, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def store():
    return ObjectStore(["b"], lambda: MOMENT)


def refused(call):
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.status


def test_what_is_told_of_an_object(store):
    made = store.put("b", "a/ä ?.tif", b"hello", {"contentType": "image/tiff", "unknown": 1})
    told = made.document("http://here")
    assert told["size"] == "5"
    assert told["md5Hash"] == base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    assert told["crc32c"] == base64.b64encode(google_crc32c.value(b"hello").to_bytes(4, "big")).decode()
    assert told["selfLink"] == "http://here/storage/v1/b/b/o/a%2F%C3%A4%20%3F.tif"
    assert told["generation"] == str(made.generation)
    assert told["timeCreated"] == "2025-08-01T12:30:15.250Z"
    assert told["contentType"] == "image/tiff"
    assert "unknown" not in told


def test_generations_grow_even_when_the_clock_stands_still(store):
    generations = [store.put("b", name, b"").generation for name in "aaba"]
    assert generations == sorted(set(generations))


def test_a_composed_object_has_no_md5(store):
    assert "md5Hash" not in store.put("b", "c", b"ab", components=2).document("")


def test_generation_zero_means_absent(store):
    absent = Conditions(generation_match=0)
    first = store.put("b", "a", b"1", conditions=absent)
    assert refused(lambda: store.put("b", "a", b"2", conditions=absent)) == 412
    assert store.get("b", "a").data == b"1"
    stale = Conditions(generation_match=first.generation)
    second = store.put("b", "a", b"2", conditions=stale)
    assert refused(lambda: store.put("b", "a", b"3", conditions=stale)) == 412
    assert refused(lambda: store.delete("b", "a", conditions=stale)) == 412
    assert refused(lambda: store.get("b", "a", first.generation)) == 404
    store.delete("b", "a", conditions=Conditions(generation_match=second.generation))
    assert refused(lambda: store.get("b", "a")) == 404
    assert refused(lambda: store.put("b", "a", b"4", conditions=stale)) == 412


def test_conditions_on_fields_and_against_a_match(store):
    made = store.put("b", "a", b"1", {"metadata": {"x": "1", "y": "2"}})
    changed = store.patch("b", "a", {"metadata": {"x": None, "z": "3"}}, Conditions(metageneration_match=1))
    assert (changed.generation, changed.metageneration) == (made.generation, 2)
    assert changed.fields["metadata"] == {"y": "2", "z": "3"}
    assert refused(lambda: store.patch("b", "a", {}, Conditions(metageneration_match=1))) == 412
    unwanted = Conditions(generation_not_match=made.generation)
    assert refused(lambda: store.get("b", "a", conditions=unwanted)) == 304
    assert refused(lambda: Conditions.of({"ifGenerationMatch": "x"})) == 400


def test_buckets(store):
    store.create_bucket("other")
    assert refused(lambda: store.create_bucket("other")) == 409
    store.put("other", "a", b"")
    assert refused(lambda: store.delete_bucket("other")) == 409
    store.delete("other", "a")
    store.delete_bucket("other")
    assert refused(lambda: store.names("other")) == 404


def test_a_spoiled_object_has_the_same_length(store):
    made = store.put("b", "a", b"content")
    other = store.spoil("b", "a")
    assert (other.size, other.data == made.data, other.generation > made.generation) == (7, False, True)


NAMES = st.lists(st.text("ab/é", min_size=1, max_size=5), unique=True, max_size=25)


@given(
    names=NAMES,
    prefix=st.text("ab/", max_size=2),
    delimiter=st.sampled_from(["", "/"]),
    page=st.integers(1, 7),
)
def test_pages_together_are_the_whole_list(names, prefix, delimiter, page):
    store = ObjectStore(["b"], lambda: MOMENT)
    for name in names:
        store.put("b", name, b"")
    query = {"prefix": prefix, "maxResults": str(page)} | ({"delimiter": delimiter} if delimiter else {})
    items, prefixes, token = [], [], None
    for _ in range(len(names) + 1):
        found = list_objects(store, "b", query | ({"pageToken": token} if token else {}), "", most=1000)
        assert len(found.get("items", [])) + len(found.get("prefixes", [])) <= page
        items += [one["name"] for one in found.get("items", [])]
        prefixes += found.get("prefixes", [])
        token = found.get("nextPageToken")
        if token is None:
            break
    inside = sorted((name for name in names if name.startswith(prefix)), key=str.encode)
    folded = [name for name in inside if delimiter and delimiter in name[len(prefix) :]]
    heads = {prefix + name[len(prefix) :].split("/")[0] + "/" for name in folded}
    assert token is None
    assert items == [name for name in inside if name not in folded]
    assert prefixes == sorted(heads, key=str.encode)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"matchGlob": "a/*.tif"}, ["a/1.tif"]),
        ({"matchGlob": "**.tif"}, ["a/1.tif", "a/b/2.tif"]),
        ({"matchGlob": "{c,d}.t?t"}, ["c.txt"]),
        ({"startOffset": "a/b", "endOffset": "c.txt"}, ["a/b/2.tif"]),
    ],
)
def test_globs_and_bounds(store, query, found):
    for name in ("a/1.tif", "a/b/2.tif", "c.txt"):
        store.put("b", name, b"")
    listed = list_objects(store, "b", query, "", most=1000)
    assert [one["name"] for one in listed["items"]] == found


def test_partial_answers():
    document = {"items": [{"name": "a", "size": "1", "owner": {"id": 1, "x": 2}}], "kind": "k", "token": "t"}
    assert partial(document, None) == document
    assert partial(document, "items(name,owner/id),token") == {
        "items": [{"name": "a", "owner": {"id": 1}}],
        "token": "t",
    }
    assert partial(document, "items/name") == {"items": [{"name": "a"}]}
    assert refused(lambda: partial(document, "items(name")) == 400
