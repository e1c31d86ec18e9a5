"""What this process sends in confidence, and the one function that takes it out of a text.

Services repeat what they were sent: in error pages, status messages, redirects, lists. Whatever leaves for
people or for storage (errors, log lines, tables, reports, rows of the ledger) passes `hide`, which finds a
known secret also where it is percent-encoded, escaped, of another case, in base64, cut short or taken apart.

A text and a secret are compared by their letters and digits alone, after each layer of escapes is undone. So
neither the encoding nor what a parser of paths and queries puts between the parts matters.
"""

import base64
import html
import logging
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit

__all__ = ["Secrets", "cleanse", "hide", "hide_in", "remember", "remember_login", "remember_url", "sent_in"]

MASK = "***"
_MOST = 2048
_LAYERS = 5
_LOOSE = 8
"""Letters and digits from which on nothing else is compared; shorter secrets have to stand as they are.

So many are enough where the text, or the server's quote, breaks off.
"""
_LEAST = 4
_SEPARATORS = re.compile(r"[./?&=#:,;\s]+")
_ESCAPE = re.compile(
    r"(?:%[0-9a-fA-F]{2})+|(?:\\x[0-9a-fA-F]{2})+|(?:\\u[0-9a-fA-F]{4})+|\\.|"
    r"&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});",
    re.DOTALL,
)
_BROKEN_OFF = re.compile(r"[\W_]*(?:$|\.\.|…|\*)")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/]{20}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PARAMETER = re.compile(
    r"(?P<before>(?:[?&;]|%3F|%26|%253F|%2526|\\u0026)(?:amp;)?)(?P<name>[\w.~$-]{1,80})(?P<is>=|%3D|%253D)"
    r"(?P<value>[^&;\s\"'<>\\#`]+?)(?=%26|%2526|[&;\s\"'<>\\#`)\]}]|$)",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*:(?:\\?/){2})[^\s/?#\"'<>@]*:[^\s/?#\"'<>@]*@")
_CONFIDENTIAL = frozenset(
    (
        *("sig", "signature", "token", "secret", "password", "passwd", "pwd", "passphrase", "key", "apikey"),
        *("auth", "authorization", "credential", "credentials", "session", "sessionid", "jwt", "sas"),
        *("policy", "hmac", "ticket", "assertion", "cookie", "bearer", "accesskey"),
    )
)
"""Words in the names of headers and parameters whose values are nobody else's business."""


class Secrets:
    """A memory of secrets, for all threads; the oldest of more than 2048 are forgotten.

    Example:
        >>> known = Secrets()
        >>> known.remember("PLANTED/KEY-123")
        >>> known.hide("GET /f/planted%2Fkey-123 is forbidden")
        'GET /f/*** is forbidden'
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Marks | None] = OrderedDict()
        self._index: _Marks | None = _Marks()

    def remember(self, *secrets: str) -> None:
        """Take note of secrets; a short plain word is none that could be told from others."""
        new = [secret for secret in secrets if secret not in self._known and not _is_plain_word(secret)]
        if new:
            with self._lock:
                self._known.update(dict.fromkeys(new))
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
                self._index = None

    def hide(self, text: str, also: Iterable[str] = ()) -> str:
        """Give a text without secrets, without logins in URLs, and without signatures in queries.

        Args:
            text: What is to be shown or kept.
            also: Further secrets, which need not be remembered: what one request sent.
        """
        marks, more = self._marks(), [_Marks.of(secret) for secret in also]
        found = _without(text, _Marks.all([marks, *more]) if more else marks)
        if "=" in found or "%3" in found:
            found = _PARAMETER.sub(_masked, found)
        return _LOGIN.sub(r"\g<scheme>", found) if "@" in found else found

    def _marks(self) -> "_Marks":
        index = self._index
        if index is None:
            with self._lock:
                for secret, marks in self._known.items():
                    if marks is None:
                        self._known[secret] = _Marks.of(secret)
                index = self._index = _Marks.all(marks for marks in self._known.values() if marks)
        return index

    def hide_in(self, document: Any, also: Iterable[str] = ()) -> Any:
        """Give JSON values without secrets; what is hidden becomes text."""
        also = tuple(also)
        match document:
            case str():
                return self.hide(document, also)
            case Mapping():
                return {self.hide(str(name), also): self.hide_in(one, also) for name, one in document.items()}
            case list() | tuple():
                return [self.hide_in(one, also) for one in document]
            case int() | float() if not isinstance(document, bool):
                shown = self.hide(str(document), also)
                return document if shown == str(document) else shown
            case _:
                return document


class _Marks:
    """What is looked for.

    Attributes:
        loose: Letters and digits that are found whatever is between them, by how they begin.
        strict: What has to stand as it is.
    """

    __slots__ = ("loose", "strict")

    def __init__(self) -> None:
        self.loose: dict[str, set[str]] = {}
        self.strict: set[str] = set()

    @classmethod
    def of(cls, secret: str) -> "_Marks":
        """The forms of a secret that no undoing of escapes leads to."""
        marks = cls()
        raw = secret.encode("utf-8", "surrogatepass")
        forms = [secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
        forms += [part for part in _SEPARATORS.split(secret) if len(_letters(part)) >= 2 * _LOOSE]
        for layer in (layer for form in forms for layer in _peeled(form)):
            letters = _letters(layer)
            if len(letters) >= _LOOSE:
                marks.loose.setdefault(letters[:_LOOSE], set()).add(letters)
            elif len(plain := _plain(layer)) >= _LEAST:
                marks.strict.add(plain)
        return marks

    @classmethod
    def all(cls, several: "Iterable[_Marks]") -> "_Marks":
        """Join them."""
        joined = cls()
        for marks in several:
            joined.strict |= marks.strict
            for beginning, letters in marks.loose.items():
                joined.loose.setdefault(beginning, set()).update(letters)
        return joined

    def __bool__(self) -> bool:
        return bool(self.loose or self.strict)

    def seen_in(self, text: str) -> "_Marks":
        """Those that may be in a text, some of the escapes of which are undone."""
        seen = _Marks()
        letters, plain = _letters(text), _plain(text)
        for place in range(len(letters) - _LOOSE + 1):
            beginning = letters[place : place + _LOOSE]
            if beginning in self.loose:
                seen.loose[beginning] = self.loose[beginning]
        seen.strict = {mark for mark in self.strict if mark in plain}
        return seen


def _is_plain_word(secret: str) -> bool:
    """Whether it may well stand in a text without being meant: all small letters, and few."""
    return len(secret) < 6 or (len(secret) < 12 and secret.isalpha() and secret.islower())


def _peeled(text: str) -> Iterator[str]:
    """The text, and what it becomes as layer after layer of escapes is undone."""
    for _ in range(_LAYERS):
        yield text
        bare = _ESCAPE.sub(lambda found: _unescaped(found[0]), text)
        if bare == text:
            return
        text = bare


def _unescaped(escape: str) -> str:
    if escape.startswith("&"):
        return html.unescape(escape)
    if escape.startswith("\\u"):
        units = bytes.fromhex(escape.replace("\\u", ""))
        return units.decode("utf-16-be", "replace")
    if escape.startswith(("\\x", "%")):
        raw = bytes.fromhex(escape.replace("\\x", "").replace("%", ""))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    return {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}.get(escape[1], escape[1])


def _letters(text: str) -> str:
    """Letters and digits, whatever their case or Unicode form."""
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKD", text).casefold()
    return folded if folded.isalnum() else "".join(filter(str.isalnum, folded))


def _plain(text: str) -> str:
    """The text in one case, without the space and plus that stand for each other in queries."""
    return re.sub(r"[\s+]+", "", text.casefold())


def _without(text: str, marks: _Marks) -> str:
    spans = [
        span
        for depth, bare in enumerate(_peeled(text) if marks else ())
        if (seen := marks.seen_in(bare))
        for span in _Layer.of(text, depth).places(seen)
    ]
    shown, end = list[str](), 0
    for first, last in sorted(spans):
        if first >= end:
            shown += [text[end:first], MASK]
        end = max(end, last)
    return "".join([*shown, text[end:]])


class _Layer:
    """A text with some layers of escapes undone, which knows where each character came from."""

    def __init__(self, text: str, spans: list[tuple[int, int]]) -> None:
        self.text, self.spans = text, spans

    @classmethod
    def of(cls, text: str, depth: int) -> "_Layer":
        layer = cls(text, [(place, place + 1) for place in range(len(text))])
        for _ in range(depth):
            layer = layer._peel()
        return layer

    def _peel(self) -> "_Layer":
        text: list[str] = []
        spans: list[tuple[int, int]] = []
        end = 0
        for found in _ESCAPE.finditer(self.text):
            text.append(self.text[end : found.start()])
            spans += self.spans[end : found.start()]
            bare = _unescaped(found[0])
            first, last = self.spans[found.start()][0], self.spans[found.end() - 1][1]
            text.append(bare)
            spans += _shares(bare, found[0], self.spans[found.start() : found.end()]) or [
                (first, last)
            ] * len(bare)
            end = found.end()
        return _Layer("".join([*text, self.text[end:]]), spans + self.spans[end:])

    def places(self, marks: _Marks) -> Iterator[tuple[int, int]]:
        """Where secrets stand, or a beginning of one where the text breaks off."""
        letters, origin = self._folded(_letters)
        for beginning, secrets in marks.loose.items():
            for start in _all_of(beginning, letters):
                for secret in secrets:
                    size = _common(secret, letters, start)
                    last = origin[start + size - 1]
                    if size == len(secret) or _BROKEN_OFF.match(self.text, last + 1):
                        yield self.spans[origin[start]][0], self.spans[last][1]
        plain, origin = self._folded(_plain)
        for secret in marks.strict:
            for start in _all_of(secret, plain):
                first, last = origin[start], origin[start + len(secret) - 1]
                around = self.text[max(first - 1, 0) : first] + self.text[last + 1 : last + 2]
                # As a part of a word it is a word.
                if not (secret.isalnum() and any(map(str.isalnum, around))):
                    yield self.spans[first][0], self.spans[last][1]

    def _folded(self, fold: Callable[[str], str]) -> tuple[str, list[int]]:
        """The text as it is compared, and which character each of it came from."""
        view = [(folded, place) for place, one in enumerate(self.text) for folded in fold(one)]
        return "".join(folded for folded, _ in view), [place for _, place in view]


def _all_of(part: str, text: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start
        start = text.find(part, start + 1)


def _common(secret: str, text: str, start: int) -> int:
    """How many characters of a secret stand at a place."""
    size = 0
    while size < len(secret) and start + size < len(text) and text[start + size] == secret[size]:
        size += 1
    return size


def _shares(bare: str, escape: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """The part of a run of escapes that each of its characters came from; None where that is not plain."""
    if not escape.startswith(("%", "\\x")):
        return None
    width = 3 if escape.startswith("%") else 4
    sizes = [len(character.encode("utf-8", "surrogatepass")) for character in bare]
    if sum(sizes) * width != len(escape):
        sizes = [1] * len(bare)
    shares, place = [], 0
    for size in sizes:
        shares.append((spans[place][0], spans[place + size * width - 1][1]))
        place += size * width
    return shares


def _is_confidential(name: str) -> bool:
    """Whether the name of a header or parameter says that its value is a secret."""
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & _CONFIDENTIAL) or name.lower() in _CONFIDENTIAL or words >= {"x", "amz"}


def _masked(found: re.Match[str]) -> str:
    shown = found["value"] if not _is_confidential(found["name"]) else MASK
    return f"{found['before']}{found['name']}{found['is']}{shown}"


def sent_in(url: str, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give what a request sends in confidence: by its URL's user and query, and by its headers.

    Args:
        url: The URL, with all its parts.
        headers: Its headers.
    """
    try:
        parts = urlsplit(url)
        yield from filter(None, (parts.password, parts.username if parts.password else None))
    except ValueError:
        return
    for pair in re.split(r"[&;]", parts.query):
        name, _, value = pair.partition("=")
        if _is_confidential(unquote_plus(name)) or _LONG_RUN.search(value):
            yield unquote_plus(value)
            yield value
    for name, value in (headers or {}).items():
        if _is_confidential(name):
            yield from _secrets_of_header(name, value)


def _secrets_of_header(name: str, value: str) -> Iterator[str]:
    if name.lower() == "cookie":
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        return
    # The scheme is none: `Bearer`, `Basic`.
    scheme, _, rest = value.partition(" ")
    yield rest.strip() if rest and scheme.isalpha() else value
    if scheme.lower() == "basic":
        try:
            login = base64.b64decode(rest, validate=True).decode()
        except ValueError:
            return
        yield from (login, login.partition(":")[2])


_KNOWN = Secrets()
_logs_pass = threading.Lock()


def remember(*secrets: str) -> None:
    """Take note of secrets of this process; from the first on, log lines are without them."""
    _KNOWN.remember(*secrets)
    # It is never given back: one factory for the life of the process.
    if _logs_pass.acquire(blocking=False):
        logging.setLogRecordFactory(_factory(logging.getLogRecordFactory()))


def remember_login(user: str, password: str) -> None:
    """Take note of a password, also as it stands behind its user in HTTP's Basic."""
    remember(password, f"{user}:{password}")


def remember_url(url: str, headers: Mapping[str, str] | None = None) -> None:
    """Take note of what a request is about to send in confidence."""
    if "?" in url or "@" in url or headers:
        remember(*sent_in(url, headers))


def hide(text: str, also: Iterable[str] = ()) -> str:
    """Give a text without anything that this process has sent in confidence; see `Secrets.hide`."""
    return _KNOWN.hide(text, also)


def hide_in(document: Any, also: Iterable[str] = ()) -> Any:
    """Give JSON values likewise; see `Secrets.hide_in`."""
    return _KNOWN.hide_in(document, also)


def cleanse(error: BaseException) -> None:
    """Take secrets out of a foreign error, and of those that led to it, for it may be shown as a cause."""
    several: list[BaseException | None] = [error]
    seen = set[int]()
    while several:
        one = several.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.args = tuple(hide(part) if isinstance(part, str) else part for part in one.args)
            several += [one.__cause__, one.__context__]


def _factory(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    """Make log records whose text and traceback are without secrets."""

    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):
            return record
        shown = hide(said)
        if shown != said:
            record.msg, record.args = shown, ()
        if record.exc_info and record.exc_info[0] is not None:
            said = logging.Formatter().formatException(record.exc_info)
            shown = hide(said)
            if shown != said:
                record.exc_text, record.exc_info = shown, None
        return record

    return made
