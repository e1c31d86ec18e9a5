"""One name for one meaning: values that are equal as JSON have the same digest."""

import hashlib
from typing import Any

import orjson

__all__ = ["json_digest"]


def json_digest(value: Any) -> str:
    """Give SHA-256, as 64 hex digits, over a value as JSON with sorted keys.

    Names in ledgers and storage are made of it: it stays as it is.
    """
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
