import inspect
import re

import pytest

from eoflows.base import errors
from eoflows.base.errors import (
    DeadlineError,
    EoError,
    IntegrityError,
    InvalidInputError,
    PartialError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    public_url,
)


def test_the_drawing_is_the_tree():
    depth: dict[int, str] = {}
    drawn = {}
    for line in errors.__doc__.splitlines():
        found = re.match(r"^([│├└─ ]*)(\w+Error)\b", line)
        if found:
            level = len(found[1]) // 4
            depth[level] = found[2]
            drawn[found[2]] = depth.get(level - 1) if level else None
    classes = {name: one for name, one in vars(errors).items() if inspect.isclass(one)}
    real = {
        name: one.__bases__[0].__name__ if one is not EoError else None
        for name, one in classes.items()
        if issubclass(one, EoError)
    }
    assert drawn == real


def test_the_public_names_are_written_down():
    assert errors.__all__ == sorted(errors.__all__)
    assert set(errors.__all__) == {
        name for name, one in vars(errors).items() if getattr(one, "__module__", "") == "eoflows.base.errors"
    }


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:geheim@Host.example:8443/p/a?sig=geheim#geheim", "https://host.example:8443/p/a"),
        ("http://[::1]:80/x?geheim", "http://[::1]:80/x"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("s3://bucket/key?versionId=geheim", "s3://bucket/key"),
        ("relative/path?geheim", "relative/path"),
        ("demo:geheim@host/x", "demo:..."),
        ("data:text/plain,geheim", "data:..."),
        ("http://h:99999/geheim", "<not a URL>"),
        ("http://[geheim", "<not a URL>"),
        ("", ""),
    ],
)
def test_urls_are_shown_without_secrets(url, shown):
    assert public_url(url) == shown


def test_builtin_kinds():
    """Callers that know only Python's own errors understand these."""
    assert issubclass(InvalidInputError, ValueError)
    assert issubclass(DeadlineError, TimeoutError)


def test_messages_say_where_and_how_much():
    assert str(UnreachableError("no answer", url="https://h/x?geheim")) == "no answer (https://h/x)"
    assert str(UnreachableError("no answer")) == "no answer"
    assert ThrottledError("wait", retry_after=7.0).retry_after == 7.0
    refused = RefusedError("no", url="https://h/", status=418, detail="tea")
    assert (refused.status, refused.detail, refused.url) == (418, "tea", "https://h/")
    assert str(IntegrityError("size", 10, 9, where="a.zip")) == "size of a.zip is 9, promised was 10"


@pytest.mark.parametrize(("failed", "lines"), [(1, 2), (5, 6), (6, 7), (1000, 7)])
def test_many_failures_are_one_short_message(failed, lines):
    causes = {f"item-{number}": ValueError(f"cause {number}") for number in range(failed)}
    error = PartialError("some failed", causes)
    text = str(error).splitlines()
    assert len(text) == lines
    assert text[:2] == ["some failed", "  item-0: cause 0"]
    assert (text[-1] == f"  and {failed - 5} more") == (failed > 5)
    assert error.causes == causes
