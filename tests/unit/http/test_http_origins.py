import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import Origin


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://Station.Example/auxip/?q=1#f", "https://station.example"),
        ("https://station.example:443/", "https://station.example"),
        ("https://station.example:8443", "https://station.example:8443"),
        ("HTTP://127.0.0.1:80/x", "http://127.0.0.1"),
        ("http://[::1]:8001/x", "http://[::1]:8001"),
        ("https://user:word@station.example/", "https://station.example"),
    ],
)
def test_origin_of_a_url(url, text):
    assert str(Origin.of(url)) == text
    assert Origin.of(str(Origin.of(url))) == Origin.of(url)


@pytest.mark.parametrize(
    "url",
    ["", "station.example/x", "/x", "file:///etc/passwd", "s3://bucket/x", "https:///x", "http://h:99999/"],
)
def test_no_origin(url):
    with pytest.raises(InvalidInputError):
        Origin.of(url)


def test_scheme_host_and_port_all_count():
    urls = ["http://a/", "https://a/", "http://a:81/", "http://b/", "http://a.b/"]
    assert len({Origin.of(url) for url in urls}) == len(urls)


def test_a_password_in_a_wrong_url_is_not_repeated():
    with pytest.raises(InvalidInputError) as caught:
        Origin.of("ftp://user:geheim@host/path?sig=geheim")
    assert "geheim" not in str(caught.value)
