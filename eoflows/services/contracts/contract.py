"""A contract: the fields of a document that our parsers read, and their types.

A field is a path, its type words:

| path | means |
|---|---|
| `links` | a field of the document |
| `links[]` | each element of that list |
| `links[].href` | a field of each element |
| `assets.*` | each value of that object |
| `context?.matched` | with `?` the field may be absent, and so may all below it |

Types are JSON's: `string`, `number`, `integer`, `boolean`, `object`, `array`, `null`; `time` is a string that
is a time; `any` is whatever there is. Several are separated by `|`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import parse_utc

__all__ = ["Breach", "Contract", "breaches", "news"]


@dataclass(frozen=True)
class Breach:
    """Where a document is not what our parsers read.

    Attributes:
        field: The field's path, `the document` for the whole.
        text: What is wrong with it.
    """

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


@dataclass
class _Node:
    """What is known of one place in a document."""

    path: str
    types: tuple[str, ...] = ()
    optional: bool = False
    fields: "dict[str, _Node] | None" = None
    each: "_Node | None" = None
    """Of a list's elements, or of all values of an object."""

    def child(self, name: str) -> "_Node":
        """The place below, made if it is new."""
        bare = name.removesuffix("?")
        if bare in ("[]", "*"):
            path = f"{self.path}[]" if bare == "[]" else f"{self.path}.*".removeprefix(".")
            self.each = self.each or _Node(path)
            return self.each
        self.fields = {} if self.fields is None else self.fields
        node = self.fields.setdefault(bare, _Node(f"{self.path}.{bare}".removeprefix(".")))
        node.optional |= name != bare
        return node


@dataclass(frozen=True)
class Contract:
    """What is relied on in the answer to one call.

    Attributes:
        method: HTTP method of the call.
        path: Regular expression of the end of its path.
        fields: Type words by path.
        status: Status of the answer that has the document.
        when: Values of fields by which documents of one call are told apart.
    """

    method: str
    path: str
    fields: Mapping[str, str]
    status: int = 200
    when: Mapping[str, str] = field(default_factory=dict)

    def covers(self, method: str, path: str, status: int, document: Any) -> bool:
        """Tell whether an answer is one that this is about."""
        here = re.search(f"(?:{self.path})$", path) is not None
        fields = document if isinstance(document, dict) else {}
        kind = all(fields.get(name) == value for name, value in self.when.items())
        return (method, status) == (self.method, self.status) and here and kind

    @cached_property
    def root(self) -> _Node:
        """The fields as a tree."""
        root = _Node("", ("object",))
        for path, words in self.fields.items():
            node = root
            for step in re.findall(r"\[\]|[^.\[\]]+", path):
                node = node.child(step)
            node.types = tuple(words.split("|"))
        return root


def breaches(document: Any, contract: Contract) -> list[Breach]:
    """Compare a document with a contract, and name each field once that differs."""
    return list(dict.fromkeys(_breaches(document, contract.root)))


def _breaches(value: Any, node: _Node) -> Iterator[Breach]:
    types = node.types or _implied(node)
    if types and not any(_is(value, one) for one in types):
        wanted = " or ".join(_NAMES[one] for one in types)
        given = "a string that is no time" if isinstance(value, str) and "time" in types else _named(value)
        yield Breach(node.path or "the document", f"is {given}, {wanted} was expected")
        return
    if node.each is not None:
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for one in values:
            yield from _breaches(one, node.each)
    if isinstance(value, dict):
        for name, child in (node.fields or {}).items():
            if name in value:
                yield from _breaches(value[name], child)
            elif not child.optional:
                yield Breach(child.path, "is gone")


def _implied(node: _Node) -> tuple[str, ...]:
    """What has fields is an object, and what has elements a list."""
    if node.fields is not None:
        return ("object",)
    if node.each is not None:
        return ("array",) if node.each.path.endswith("[]") else ("object",)
    return ()


def news(document: Any, contract: Contract) -> list[str]:
    """Name the fields of a document that a contract does not know, beside those that it does."""
    return list(dict.fromkeys(_news(document, contract.root)))


def _news(value: Any, node: _Node) -> Iterator[str]:
    if node.each is not None:
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for one in values:
            yield from _news(one, node.each)
    if node.fields is not None and isinstance(value, dict):
        for name, below in value.items():
            if name in node.fields:
                yield from _news(below, node.fields[name])
            else:
                yield f"{node.path}.{name}".removeprefix(".")


_NAMES = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "time": "a time",
    "any": "anything",
}


def _is(value: Any, word: str) -> bool:
    match word:
        case "any":
            return True
        case "time":
            return _is_time(value)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    kinds = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}
    return isinstance(value, kinds[word])


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and parse_utc(value) is not None
    except InvalidInputError:
        return False


def _named(value: Any) -> str:
    """Name a value's type; a value may be a secret."""
    words = ("null", "boolean", "integer", "number", "string", "array", "object")
    return _NAMES[next(word for word in words if _is(value, word))]
