import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.stores.transfer.heads import Head
from eoflows.stores.transfer.pages import page_error


def head(*lines: str) -> Head:
    return Head.parse([line.encode() + b"\r\n" for line in lines])


def test_the_last_head_counts():
    found = head(
        "HTTP/1.1 100 Continue", "ETag: no", "", "HTTP/1.1 206 Partial", "Content-Range: bytes 5-9/10", ""
    )
    assert (found.status, found.range, found.validator) == (206, (5, 10), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 0-0/*", (0, None)),
        ("bytes */77", (None, 77)),
        ("Bytes  1-2/3", (1, 3)),
        ("bytes 1-2", None),
        ("items 1-2/3", None),
        ("", None),
    ],
)
def test_content_range(text, expected):
    assert head("HTTP/1.1 206 X", f"content-range: {text}").range == expected


def test_validators():
    assert head("HTTP/1.1 200 X", 'ETag: "a"', "Last-Modified: then").validator == '"a"'
    assert head("HTTP/1.1 200 X", 'ETag: W/"a"', "Last-Modified: then").validator == "then"
    assert head("HTTP/1.1 200 X", "ETag: naked").validator is None


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_lines_are_survived(lines):
    found = Head.parse(lines)
    assert found.status >= 0
    _ = (found.length, found.range, found.validator, found.is_page)


@given(st.binary(max_size=200))
def test_any_page_is_survived(data):
    error = page_error(data, "x")
    assert error is None or str(error).isprintable()


@pytest.mark.parametrize(
    "secret", ["token=abc123", '{"access_token": "abc123"}', "X-Amz-Signature=abc123&x=1"]
)
def test_a_page_shows_no_secret(secret):
    error = page_error(b"<html>" + secret.encode() if secret[0] != "{" else secret.encode(), "x")
    assert error is not None
    assert "abc123" not in str(error)


def test_digits_of_other_scripts_are_no_numbers():
    found = Head.parse([b"HTTP/1.1 2\xb20 OK\r\n", b"Content-Length: 1\xb2\r\n"])
    assert (found.status, found.length) == (0, None)


def test_products_are_no_pages():
    assert page_error(b"PK\3\4", "x") is None
    assert page_error(b"<\0binary", "x") is None
