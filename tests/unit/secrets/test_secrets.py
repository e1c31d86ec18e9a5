"""Whatever a service does to what it was sent before it repeats it: nobody reads it."""

import base64
import html
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import httpx
import orjson
import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from eoflows import flows, tasks
from eoflows.base import secrets
from eoflows.base.errors import EoError, PartialError, RefusedError
from eoflows.base.http import ApiKey, BasicLogin, BearerToken, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.base.secrets import Secrets
from eoflows.products.staging import ItemRecord, Outcome

pytestmark = pytest.mark.anyio
URL = "https://station.example/auxip/search"

Encoding = Callable[[str], str]


def _every_byte(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _some_bytes(text: str) -> str:
    return "".join(quote(one, safe="") if place % 3 else _every_byte(one) for place, one in enumerate(text))


CASES: list[Encoding] = [str, str.upper, str.lower, str.swapcase]
ENCODINGS: list[Encoding] = [
    str,
    lambda text: quote(text, safe=""),
    quote,
    quote_plus,
    _every_byte,
    _some_bytes,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    html.escape,
    lambda text: "".join(f"&#{ord(one)};" for one in text),
    lambda text: repr(text.encode())[2:-1],
]
LAST: list[Encoding] = [
    str,
    lambda text: f"/a/{text}/b?x={text}&y",
    lambda text: f'{{"detail": "{text}"}}',
    lambda text: f"key {text}.",
    lambda text: f"<b>{text}</b>",
]

keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=10, max_size=40)
words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z", "M", "Lm", "Sk")), min_size=10)


def telling(secret: str) -> bool:
    """Whether it is known again however it is written: no plain word, as docs/security.md has it."""
    word = len(secret) < 12 and secret.isalpha() and secret.islower()
    return not word and sum(map(str.isalnum, secret)) >= 10 and len(set(secret)) > 4


def readings(text: str) -> list[str]:
    """What somebody who tries can read in a text: written without our code."""
    found = [text]
    for _ in range(4):
        last = found[-1]
        plain = re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), last, flags=re.IGNORECASE)
        plain = re.sub(r"\\([^ux])", r"\1", plain)
        found.append(html.unescape(unquote(plain)))
    return [one.casefold() for one in found]


def check(secret: str, shown: str) -> None:
    assert not any(secret.casefold() in reading for reading in readings(shown)), shown
    for form in (base64.b64encode, base64.urlsafe_b64encode):
        assert form(secret.encode()).decode().strip("=") not in shown


@settings(max_examples=examples(100))
@given(
    secret=keys | words,
    case=st.sampled_from(CASES),
    inner=st.sampled_from(ENCODINGS),
    outer=st.sampled_from(ENCODINGS),
    last=st.sampled_from(LAST),
)
def test_a_secret_is_found_however_it_is_written(secret, case, inner, outer, last):
    assume(telling(secret) and case(secret).casefold() == secret.casefold())
    known = Secrets()
    known.remember(secret)
    text = last(outer(inner(case(secret))))
    shown = known.hide(f"before {text} after")
    check(secret, shown)
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown


@settings(max_examples=examples(25))
@given(secret=keys, wrap=st.integers(min_value=4, max_value=20), encoding=st.sampled_from(ENCODINGS))
def test_base64_is_found_in_lines_and_under_other_escapes(secret, wrap, encoding):
    assume(telling(secret))
    known = Secrets()
    known.remember(secret)
    coded = base64.b64encode(secret.encode()).decode()
    lines = "\n".join(coded[start : start + wrap] for start in range(0, len(coded), wrap))
    for text in (encoding(coded), lines, base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")):
        assert re.fullmatch(r"x \*\*\*[\W_]* y|x \*\*\*(%\w\w|&#\d+;|%25\w\w)* y", known.hide(f"x {text} y"))


@settings(max_examples=examples(25))
@given(
    secret=keys,
    cut=st.integers(min_value=8, max_value=40),
    end=st.sampled_from(["", "...", "…", "*", " .."]),
)
def test_what_is_left_of_a_secret_where_a_text_breaks_off(secret, cut, end):
    assume(telling(secret) and sum(map(str.isalnum, secret[:cut])) >= 8)
    known = Secrets()
    known.remember(secret)
    shown = known.hide(f"key {secret[:cut]}{end}")
    assert secret[:cut].rstrip("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") not in shown


@settings(max_examples=examples(25))
@given(
    secret=st.text("abcdefABCDEF0123456789+/=-._%", min_size=6),
    text=st.text("ghijklmnopqrstuvwxyz GHIJKLMNOPQRSTUVWXYZ.,:/-_()[]{}'\"\n"),
)
def test_a_text_of_other_letters_stays_as_it_is(secret, text):
    assume(any(map(str.isalnum, secret)))
    known = Secrets()
    known.remember(secret)
    assert known.hide(text) == text


def test_plain_words_are_no_secrets_and_parts_of_words_are_words():
    known = Secrets()
    known.remember("password", "demo", "s3cret", "")
    text = "the password of demo is as3cretive"
    assert known.hide(text) == text
    assert known.hide("it is s3cret, S3CRET and %733cret") == "it is ***, *** and ***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:pw@h.example/x", "https://h.example/x"),
        ("postgresql://u:pw@h/db", "postgresql://h/db"),
        ("https://h/x?X-Amz-Signature=ab1&x=1", "https://h/x?X-Amz-Signature=***&x=1"),
        ("https:\\/\\/h\\/x?sig=ab%2B1", "https:\\/\\/h\\/x?sig=***"),
        ("to=https%3A%2F%2Fh%3Fx%3D1%26token%3Dab1", "to=https%3A%2F%2Fh%3Fx%3D1%26token%3D***"),
        ("GET /x?collections=a-1&api_key=ab1 HTTP", "GET /x?collections=a-1&api_key=*** HTTP"),
        ("a?keyword=x&author=y&tokens=z", "a?keyword=x&author=y&tokens=z"),
        ("at 12:30 (x@y.example) 7:3@2", "at 12:30 (x@y.example) 7:3@2"),
    ],
)
def test_signatures_and_logins_in_addresses(text, shown):
    assert Secrets().hide(text) == shown


def test_values_of_documents():
    known = Secrets()
    known.remember("1234567890", "PLANTED-KEY-1")
    document = {"a": [1234567890, 7, None, True, 1.5], "planted%2Dkey-1": ("x", {"b": "PLANTED-KEY-1!"})}
    assert known.hide_in(document) == {"a": ["***", 7, None, True, 1.5], "***": ["x", {"b": "***!"}]}


def test_the_memory_is_bounded_and_the_oldest_go():
    known = Secrets()
    for number in range(2100):
        known.remember(f"token-number-{number:05}")
    assert known.hide("token-number-00000") == "token-number-00000"
    assert known.hide("token-number-02099") == "***"


# What a service may do with what it was sent: where it stands in the answer, and how it is written there.
PLACES: list[Callable[[str], httpx.Response | Exception]] = [
    lambda said: httpx.Response(403, json={"detail": said}),
    lambda said: httpx.Response(422, json={"detail": [{"input": {said: [said]}}]}),
    lambda said: httpx.Response(404, json={"description": json.dumps({"detail": said})}),
    lambda said: httpx.Response(400, text=said),
    lambda said: httpx.Response(500, text=f"{'x' * 290} {said}"),
    lambda said: httpx.Response(503, text=said, headers={"retry-after": "1"}),
    lambda said: httpx.Response(401, headers={"www-authenticate": quote(said)}, json={"title": said}),
    lambda said: httpx.Response(302, headers={"location": f"file:///{quote(said)}?{quote(said)}"}),
    lambda said: httpx.Response(302, headers={"location": f"https://[{quote(said)}"}),
    lambda said: httpx.RemoteProtocolError(f"illegal status line: {said.encode()!r}"),
    httpx.ConnectError,
    lambda said: httpx.Response(200, text=said),
]
KEYS: list[Callable[[str], tuple[str, ApiKey]]] = [
    lambda secret: (secret, ApiKey(SecretStr(secret))),
    lambda secret: (secret, ApiKey(SecretStr(secret), header="x-odd-name")),
    lambda secret: (secret, BearerToken(SecretStr(secret))),
    lambda secret: (secret, BasicLogin("demo", SecretStr(secret))),
]


@settings(max_examples=examples(60))
@given(
    secret=keys,
    key=st.sampled_from(KEYS),
    place=st.sampled_from(PLACES),
    case=st.sampled_from(CASES),
    encoding=st.sampled_from(ENCODINGS),
)
async def test_nothing_of_an_error_shows_what_was_sent(secret, key, place, case, encoding):
    # Names of errors are the test's own finds, taken from the source; they stand in what is shown.
    assume(telling(secret) and any(map(str.isdigit, secret)))
    secret, credentials = key(secret)
    login = base64.b64encode(f"demo:{secret}".encode()).decode()
    said = f"{encoding(case(secret))} or {login}"

    def answer(request: httpx.Request) -> httpx.Response:
        found = place(said)
        if isinstance(found, Exception):
            raise found
        return found

    http = HttpClient(
        keyring=Keyring([(Origin.of(URL), credentials)]),
        retry=RetryPolicy(attempts=1),
        transport=httpx.MockTransport(answer),
    )
    async with http:
        with pytest.raises(EoError) as caught:
            await http.json("GET", f"{URL}?sig={quote(secret, safe='')}")
    shown = "\n".join(everything_of(caught.value))
    check(secret, shown)
    # The login as a whole is known where it was sent.
    assert login not in shown or not isinstance(credentials, BasicLogin)


def everything_of(error: BaseException | None) -> list[str]:
    """All texts of an error and of what led to it."""
    if error is None:
        return []
    own = [str(error), repr(error), repr(error.__dict__) if isinstance(error, EoError) else ""]
    return [*own, *everything_of(error.__cause__), *everything_of(error.__context__)]


async def test_the_query_of_an_address_is_hidden_where_it_is_quoted_alone():
    signature = "9f8e7d6c5b4a39281706f5e4"

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"detail": f"bad {signature} and {signature.upper()}"})

    async with HttpClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(RefusedError, match=r"bad \*\*\* and \*\*\*"):
            await http.request("GET", f"https://store.example/f?X-Amz-Signature={signature}")
    assert secrets.hide(f"later: {signature}") == "later: ***"


def test_errors_records_and_log_lines_pass_the_border(caplog):
    secrets.remember("PLANTED-KEY-777")
    assert "777" not in str(EoError("PLANTED-KEY-777"))
    assert "777" not in str(PartialError("one", {"a": ValueError("planted%2Dkey-777")}))
    assert "777" not in orjson.dumps(ItemRecord("a", Outcome.FAILED, "PLANTED-KEY-777")).decode()
    log = logging.getLogger("eoflows.tests")
    try:
        raise ValueError("PLANTED-KEY-777")
    except ValueError:
        log.exception("with %s", "planted-key-777")
    log.warning("%d of %d", 1, 2)
    assert "777" not in caplog.text
    assert "ValueError: ***" in caplog.text
    assert "1 of 2" in caplog.text


def test_artifacts_are_made_in_one_place():
    folders = [Path(tasks.__file__).parent, Path(flows.__file__).parent]
    users = {
        path.name
        for folder in folders
        for path in folder.glob("*.py")
        if "prefect.artifacts" in path.read_text()
    }
    assert users == set()
    assert "from prefect import artifacts" in (folders[0] / "artifacts.py").read_text()
