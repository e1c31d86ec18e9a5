"""Reads cql2-text into cql2-json: as much of it as GET searches need."""

import re
from typing import Any

from eoflows.sandbox.stac.cql2 import TEMPORAL, FilterError

__all__ = ["parse_text"]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<quoted>"[^"]+")
  | (?P<name>[A-Za-z_][\w:.]*)
  | (?P<sign><>|<=|>=|[=<>(),+\-])
    )""",
    re.VERBOSE,
)
_FUNCTIONS = {name.lower(): name for name in TEMPORAL} | {
    name.lower(): name
    for name in ("casei", "accenti", "a_equals", "a_contains", "a_containedBy", "a_overlaps")
}


def parse_text(text: str) -> Any:
    """Return the cql2-json of a cql2-text.

    Raises:
        FilterError: It cannot be read.
    """
    reader = _Reader(text)
    node = reader.either()
    if reader.tokens:
        raise FilterError(f"unexpected {reader.tokens[0][1]!r} in {text!r}")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise FilterError(f"cannot read {text[position:]!r}")
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            position = found.end()

    def _accept(self, *words: str) -> str | None:
        if self.tokens and self.tokens[0][0] in ("name", "sign") and self.tokens[0][1].lower() in words:
            return self.tokens.pop(0)[1].lower()
        return None

    def _expect(self, *words: str) -> str:
        found = self._accept(*words)
        if found is None:
            raise FilterError(f"expected {' or '.join(words)}, found {self.tokens[:1]}")
        return found

    def either(self) -> Any:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else {"op": "or", "args": parts}

    def _both(self) -> Any:
        parts = [self._not()]
        while self._accept("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}

    def _not(self) -> Any:
        if self._accept("not"):
            return {"op": "not", "args": [self._not()]}
        return self._predicate()

    def _predicate(self) -> Any:
        left = self._operand()
        compare = self._accept("=", "<>", "<", "<=", ">", ">=")
        if compare:
            return {"op": compare, "args": [left, self._operand()]}
        negated = self._accept("not")
        word = self._accept("in", "between", "like", "is")
        if word is None:
            return left
        node = getattr(self, f"_after_{word}")(left)
        return {"op": "not", "args": [node]} if negated else node

    def _after_in(self, left: Any) -> Any:
        return {"op": "in", "args": [left, self._arguments()]}

    def _after_between(self, left: Any) -> Any:
        low = self._operand()
        self._expect("and")
        return {"op": "between", "args": [left, low, self._operand()]}

    def _after_like(self, left: Any) -> Any:
        return {"op": "like", "args": [left, self._operand()]}

    def _after_is(self, left: Any) -> Any:
        negated = self._accept("not")
        self._expect("null")
        node = {"op": "isNull", "args": [left]}
        return {"op": "not", "args": [node]} if negated else node

    def _operand(self) -> Any:
        if self._accept("("):
            node = self.either()
            self._expect(")")
            return node
        if not self.tokens:
            raise FilterError("the filter ends too early")
        kind, text = self.tokens.pop(0)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text) if re.search("[.eE]", text) else int(text)
        if kind == "quoted":
            return {"property": text[1:-1]}
        if kind == "name":
            return self._named(text)
        raise FilterError(f"unexpected {text!r}")

    def _named(self, name: str) -> Any:
        if name.lower() in ("true", "false"):
            return name.lower() == "true"
        if not (self.tokens and self.tokens[0] == ("sign", "(")):
            return {"property": name}
        arguments = self._arguments()
        if name.lower() in ("timestamp", "date"):
            return {name.lower(): arguments[0]}
        if name.lower() == "interval":
            return {"interval": [_plain(argument) for argument in arguments]}
        return {"op": _FUNCTIONS.get(name.lower(), name), "args": arguments}

    def _arguments(self) -> list[Any]:
        self._expect("(")
        found = [self.either()]
        while self._accept(","):
            found.append(self.either())
        self._expect(")")
        return found


def _plain(argument: Any) -> Any:
    """Return a literal end of an interval as cql2-json writes it: text."""
    if isinstance(argument, dict) and argument.keys() <= {"timestamp", "date"}:
        return next(iter(argument.values()))
    return argument
