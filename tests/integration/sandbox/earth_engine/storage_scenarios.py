"""What the official Cloud Storage client does against a server; prints one JSON line.

Arguments: address of the server, name of a scenario, JSON for the scenario.
"""

import hashlib
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage import transfer_manager
from google.cloud.storage.exceptions import DataCorruption
from google.oauth2 import service_account

MIB = 2**20
DATA = random.Random(1).randbytes(12 * MIB + 17)
THREADS = {"worker_type": transfer_manager.THREAD, "max_workers": 4}


def failure(call):
    try:
        call()
    except GoogleAPICallError as error:
        return error.code
    except DataCorruption:
        return "DataCorruption"
    return None


def digest(data):
    return hashlib.sha256(data).hexdigest()


def names(asked):
    return [one.name for one in bucket.list_blobs()]


def uploads(asked):
    """Each way to write, and what comes back."""
    bucket.blob("text é #?.txt").upload_from_string("héllo", content_type="text/plain")
    bucket.blob("pieces.bin", chunk_size=5 * MIB).upload_from_file(io.BytesIO(DATA))
    bucket.blob("whole.bin").upload_from_file(io.BytesIO(DATA), size=len(DATA), checksum="crc32c")
    bucket.blob("md5.bin").upload_from_file(io.BytesIO(DATA[:100]), size=100, checksum="md5")
    bucket.blob("empty").upload_from_string(b"")
    with bucket.blob("written.txt").open("w") as target:
        target.write("x" * 1000)
    listed = {one.name: one for one in client.list_blobs("eo-bucket", page_size=2)}
    return {
        "sizes": {name: one.size for name, one in listed.items()},
        "types": [listed["text é #?.txt"].content_type, listed["pieces.bin"].content_type],
        "same": [
            digest(bucket.blob(name).download_as_bytes()) == digest(DATA)
            for name in ("pieces.bin", "whole.bin")
        ],
        "crc32c": [listed["pieces.bin"].crc32c == listed["whole.bin"].crc32c, len(listed["empty"].crc32c)],
        "text": bucket.blob("text é #?.txt").download_as_text(),
        "part": bucket.blob("pieces.bin").download_as_bytes(start=5, end=9) == DATA[5:10],
        "read": bucket.blob("written.txt").open("r").read(3),
    }


def conditions(asked):
    blob = bucket.blob("state.json")
    made = failure(lambda: blob.upload_from_string("1", if_generation_match=0))
    first = blob.generation
    return {
        "made": made,
        "twice": failure(lambda: bucket.blob("state.json").upload_from_string("2", if_generation_match=0)),
        "swapped": failure(lambda: blob.upload_from_string("3", if_generation_match=first)),
        "stale": failure(
            lambda: bucket.blob("state.json").upload_from_string("4", if_generation_match=first)
        ),
        "resumable": failure(
            lambda: bucket.blob("state.json", chunk_size=MIB).upload_from_file(
                io.BytesIO(b"5"), if_generation_match=first
            )
        ),
        "old": failure(lambda: bucket.blob("state.json", generation=first).download_as_bytes()),
        "stale read": failure(lambda: bucket.blob("state.json").download_as_bytes(if_generation_match=first)),
        "unchanged": failure(
            lambda: bucket.blob("state.json").reload(if_generation_not_match=blob.generation)
        ),
        "stale delete": failure(lambda: bucket.blob("state.json").delete(if_generation_match=first)),
        "content": bucket.blob("state.json").download_as_text(),
        "deleted": failure(lambda: bucket.blob("state.json").delete(if_generation_match=blob.generation)),
        "again": failure(lambda: bucket.blob("state.json").delete()),
        "bucket": failure(lambda: client.get_bucket("nowhere")),
    }


def lists(asked):
    for name in ("a/1.tif", "a/2.tif", "a/b/3.tif", "c.txt"):
        bucket.blob(name).upload_from_string(name)
    folders = client.list_blobs("eo-bucket", prefix="a/", delimiter="/")
    return {
        "all": [one.name for one in client.list_blobs("eo-bucket", page_size=1)],
        "folder": [[one.name for one in folders], sorted(folders.prefixes)],
        "glob": [one.name for one in client.list_blobs("eo-bucket", match_glob="**.tif")],
        "offsets": [one.name for one in client.list_blobs("eo-bucket", start_offset="a/2", end_offset="c")],
        "fields": [
            [one.name, one.size, one.content_type]
            for one in client.list_blobs("eo-bucket", fields="items(name,size),nextPageToken", page_size=3)
        ],
        "there": [bucket.blob("c.txt").exists(), bucket.blob("d.txt").exists(), bucket.exists()],
    }


def changes(asked):
    bucket.blob("a").upload_from_string("first,")
    bucket.copy_blob(bucket.blob("a"), bucket, "b")
    moved = bucket.rename_blob(bucket.blob("b"), "c")
    joined = bucket.blob("joined")
    joined.compose([bucket.blob("a"), moved])
    joined.metadata = {"made": "here"}
    joined.patch()
    with client.batch():
        for name in ("a", "c"):
            bucket.blob(name).delete()
    client.create_bucket("another")
    buckets = [one.name for one in client.list_buckets()]
    client.bucket("another").delete()
    return {
        "names": names(asked),
        "joined": [joined.download_as_text(), joined.md5_hash, joined.metadata, joined.metageneration],
        "buckets": [buckets, [one.name for one in client.list_buckets()]],
    }


def plain(path):
    bucket.blob("whole.bin").download_to_filename(path)


def pieces(path):
    bucket.blob("whole.bin", chunk_size=MIB).download_to_filename(path)


def parallel(path):
    blob = bucket.blob("whole.bin")
    transfer_manager.download_chunks_concurrently(blob, path, chunk_size=MIB, **THREADS)


def one_by_one(path):
    transfer_manager.download_chunks_concurrently(
        bucket.get_blob("whole.bin"), path, chunk_size=MIB, worker_type=transfer_manager.THREAD, max_workers=1
    )


def many(path):
    folder, name = path.parent, "whole.bin"
    transfer_manager.download_many_to_path(
        bucket, [name], destination_directory=str(folder), raise_exception=True, **THREADS
    )
    (folder / name).rename(path)


def downloads(asked):
    """Fetch `whole.bin` in the ways that people do, and tell what lies there after each."""
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in (plain, pieces, parallel, one_by_one, many):
            if way.__name__ in asked["ways"]:
                path = Path(folder) / f"{way.__name__}.out"
                outcome = failure(lambda way=way, path=path: way(path))
                state = "absent" if not path.exists() else "good" if path.read_bytes() == DATA else "bad"
                told[way.__name__] = [outcome, state]
    return told


def start(asked, url):
    os.environ["STORAGE_EMULATOR_HOST"] = url
    credentials = AnonymousCredentials()
    if "key_file" in asked:
        scopes = ["https://www.googleapis.com/auth/devstorage.read_write"]
        credentials = service_account.Credentials.from_service_account_info(asked["key_file"], scopes=scopes)
    return storage.Client(project="demo-project", credentials=credentials)


if __name__ == "__main__":
    url, scenario, text = sys.argv[1:]
    asked = json.loads(text)
    client = start(asked, url)
    bucket = client.bucket("eo-bucket")
    print(json.dumps(globals()[scenario](asked)))
