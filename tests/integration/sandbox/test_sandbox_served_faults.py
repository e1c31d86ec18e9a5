import gzip
import threading
from email.utils import parsedate_to_datetime

import httpcore
import httpx
import pytest

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.settings import StationSettings

KEY = {"x-api-key": "sandbox-demo-key"}


def order(box, kind, address="*", times=None, **parameters):
    return box.faults.add(Fault(kind, path=address, times=times, parameters=parameters))[0]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttle", 429),
        ("unavailable", 503),
        ("server_error", 500),
        ("forbidden", 403),
        ("expired_token", 401),
    ],
)
def test_refusals_strike_as_often_as_ordered(box, http, address, kind, status):
    order(box, kind, address, times=2)
    assert [http.get(address).status_code for _ in range(3)] == [status, status, 200]


def test_retry_after_in_seconds_or_as_a_date(box, http, address):
    order(box, "throttle", address, times=1, retry_after=7)
    order(box, "unavailable", address, times=2)
    order(box, "throttle", address, retry_after=60, http_date=True)
    assert http.get(address).headers["retry-after"] == "7"
    assert "retry-after" not in http.get(address).headers
    answer = http.get(address)
    wait = parsedate_to_datetime(answer.headers["retry-after"]) - parsedate_to_datetime(
        answer.headers["date"]
    )
    assert 55 <= wait.total_seconds() <= 65


def test_a_server_error_can_close_the_connection(box, http, address):
    order(box, "server_error", address, times=1, close=True, status=502)
    assert http.get(address).status_code == 502
    assert box.log.wait_for(lambda log: box.connections == 0)
    assert http.get(address).status_code == 200


def test_truncation_and_reset_break_the_promise(box, http, address):
    order(box, "truncate", address, times=1, after_bytes=5000)
    pieces = []
    with http.stream("GET", address) as answer, pytest.raises(httpx.RemoteProtocolError):
        pieces.extend(answer.iter_raw())
    assert answer.num_bytes_downloaded == 5000
    order(box, "truncate", address, times=1, after_bytes=10**9)
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(address)
    order(box, "reset", address, times=1)
    with pytest.raises(httpx.ReadError):
        http.get(address)
    order(box, "reset", address, times=1, after_bytes=1000)
    with pytest.raises(httpx.ReadError):
        http.get(address)
    assert http.get(address).status_code == 200


def test_a_stall_lasts_until_the_client_leaves(box, http, address):
    since = box.log.last
    order(box, "stall", address, after_bytes=100)
    with http.stream("GET", address) as answer:
        pieces = answer.iter_raw(100)
        assert len(next(pieces)) == 100
        with pytest.raises(httpcore.ReadTimeout):
            answer.extensions["network_stream"].read(1, timeout=0.2)
        assert not box.log.entries(address, since=since)[0].aborted
    assert box.log.wait_for(lambda log: log.count(address, since=since, fault="stall", status=200) == 1)
    assert box.log.wait_for(lambda log: log.entries(address, since=since)[0].aborted)
    assert box.log.entries(address, since=since)[0].bytes_sent == 100
    box.faults.clear()
    order(box, "stall", address, after_bytes=100, seconds=0.05)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(box.url + address, headers=KEY)


def test_a_hang_gives_no_answer(box, address):
    order(box, "hang", address, times=1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(box.url + address, headers=KEY, timeout=httpx.Timeout(60, read=0.2))
    order(box, "hang", address, times=1, seconds=0.05)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(box.url + address, headers=KEY)


def test_wrong_bodies(box, http, address, orbit):
    good = http.get(address).content
    flipped = order(box, "wrong_checksum", address, offset=10, count=2)
    bad = http.get(address).content
    assert len(bad) == len(good)
    assert [index for index in range(len(good)) if bad[index] != good[index]] == [10, 11]
    box.faults.remove(flipped)
    order(box, "wrong_size", address, times=1, delta=-5)
    assert http.get(address).content == good[:-5]
    order(box, "wrong_size", address, times=1, delta=5)
    assert http.get(address).content == good + bytes(5)


def test_error_pages_with_200(box, http, address):
    good = http.get(address).content
    order(box, "error_page", address, times=1)
    page = http.get(address)
    assert (page.status_code, page.headers["content-type"]) == (200, "application/xml")
    assert b"<error" in page.content
    order(box, "error_page", address, times=1, format="html")
    assert http.get(address).text.startswith("<!DOCTYPE html>")
    order(box, "error_page", address, times=1, at_byte=262_100)
    injected = http.get(address).content
    assert len(injected) == len(good)
    assert injected[:262_100] == good[:262_100]
    assert injected[262_100:].startswith(b"<?xml")


def test_bad_json(box, http):
    order(box, "bad_json", "/auxip/search", times=1)
    answer = http.post("/auxip/search", json={"limit": 1})
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r".+"):
        answer.json()


def test_a_lost_answer_takes_effect(box, http):
    http.post("/catalog/collections", json={"id": "lost"}).raise_for_status()
    order(box, "lost_answer", "/catalog/collections/lost/items", times=1)
    item = {
        "type": "Feature",
        "id": "a",
        "geometry": None,
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
    }
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/catalog/collections/lost/items", json=item)
    assert http.post("/catalog/collections/lost/items", json=item).status_code == 409


def test_lies_about_ranges(box, http, address, orbit):
    span = {"range": "bytes=100-199"}
    order(box, "wrong_range", address, times=1, shift=5)
    assert http.get(address, headers=span).headers["content-range"] == f"bytes 105-204/{orbit.size}"
    order(box, "wrong_range", address, times=1, shift=0, total_shift=9)
    assert http.get(address, headers=span).headers["content-range"] == f"bytes 100-199/{orbit.size + 9}"
    order(box, "ignore_range", address, times=1)
    answer = http.get(address, headers=span)
    assert (answer.status_code, len(answer.content)) == (200, orbit.size)


def test_content_that_changes_between_requests(box, http, address):
    before = http.get(address)
    order(box, "changed", address)
    resumed = http.get(address, headers={"range": "bytes=100-", "if-range": before.headers["etag"]})
    assert resumed.status_code == 200
    assert resumed.headers["etag"] != before.headers["etag"] != resumed.content != before.content
    again = http.get(address, headers={"range": "bytes=100-", "if-range": resumed.headers["etag"]})
    assert again.status_code == 200
    box.faults.clear()
    order(box, "changed", address, version="2", content=False)
    stable = http.get(address, headers={"range": "bytes=100-", "if-range": '"changed-2"'})
    assert (stable.status_code, stable.content) == (206, before.content[100:])


def test_encodings(box, http, address):
    good = http.get(address).content
    order(box, "gzip", address, times=1)
    with http.stream("GET", address) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())) == good
    order(box, "chunked", address, times=1)
    answer = http.get(address)
    assert "content-length" not in answer.headers
    assert answer.content == good


def test_delays(box, http, address, orbit):
    order(box, "latency", address, times=1, seconds=0.15)
    assert http.get(address).elapsed.total_seconds() >= 0.15
    order(box, "slow", address, times=1, rate=orbit.size * 5, piece=orbit.size // 4)
    with http.stream("GET", address) as answer:
        assert len(answer.read()) == orbit.size
    assert answer.elapsed.total_seconds() >= 0.15


@pytest.mark.parametrize("target", ["other_origin", "same_origin", "downgrade"])
def test_redirects_that_lead_to_the_product(box, http, address, orbit, target):
    since = box.log.last
    order(box, "redirect", address, target=target)
    first = http.get(address)
    assert first.status_code == 302
    final = http.get(first.headers["location"], headers={"x-api-key": "sandbox-demo-key"})
    assert len(final.content) == orbit.size
    seen = box.log.entries(address, since=since)[-1]
    assert seen.origin == ("other" if target == "other_origin" else "main")
    assert seen.headers["x-api-key"] == "sandbox-demo-key"


def test_the_other_origin_serves_without_credentials(box, http, address, orbit):
    order(box, "redirect", address)
    location = http.get(address).headers["location"]
    assert location.startswith(box.other_url)
    assert len(httpx.get(location).content) == orbit.size
    assert httpx.get(box.url + address, params={"_sandbox_hop": "0"}).status_code == 401


def test_a_redirected_search_is_answered(box, http):
    order(box, "redirect", "/auxip/search", target="same_origin")
    answer = http.get("/auxip/search", params={"limit": 2}, follow_redirects=True)
    assert (len(answer.history), answer.json()["numberReturned"]) == (1, 2)


def test_faults_add_up(box, http, address, orbit):
    box.faults.add(Fault("chunked", path=address), Fault("wrong_checksum", path=address))
    answer = http.get(address)
    assert "content-length" not in answer.headers
    assert answer.content != orbit.content.read(0, orbit.size)
    assert box.log.entries(address)[-1].faults == ("chunked", "wrong_checksum")


def test_redirects_without_end_and_in_a_chain(box, http, address, orbit):
    name = order(box, "redirect", address, target="loop")
    with pytest.raises(httpx.TooManyRedirects):
        http.get(address, follow_redirects=True)
    box.faults.remove(name)
    order(box, "redirect", address, target="chain", hops=4)
    answer = http.get(address, follow_redirects=True)
    assert (len(answer.history), len(answer.content)) == (5, orbit.size)
    assert box.log.count("/_sandbox/hop") >= 4


@pytest.mark.parametrize(
    ("parameters", "location"),
    [
        ({"target": "file"}, "file:///etc/hostname"),
        ({"target": "link_local"}, "http://169.254.169.254/latest/meta-data/"),
        ({"target": "private"}, "http://10.0.0.1/internal"),
        ({"target": "url", "url": "ftp://x/y", "status": 307}, "ftp://x/y"),
    ],
)
def test_redirects_that_must_not_be_followed(box, http, address, parameters, location):
    order(box, "redirect", address, **parameters)
    assert http.get(address).headers["location"] == location


def test_a_token_expires_until_it_is_renewed():
    settings = SandboxSettings(days=1, stations={"auxip": StationSettings(download_auth="bearer")})
    with Sandbox(settings) as box, httpx.Client(base_url=box.url) as http:
        address = f"/auxip/Products({box.stations['auxip'].products[0].uuid})/$value"

        def token():
            form = {"grant_type": "password", "username": "demo", "password": "demo-password"}
            return {"authorization": f"Bearer {http.post('/oauth2/token', data=form).json()['access_token']}"}

        old = token()
        order(box, "expired_token", address, revoke=True)
        assert [http.get(address, headers=old).status_code for _ in range(3)] == [401, 401, 401]
        assert http.get(address, headers=token()).status_code == 200


def test_a_client_that_leaves_is_noted(box, http):
    from dataclasses import replace

    large = replace(box.stations["prip"].products[0], name="S1A_BIG.raw", size=50_000_000)
    box.stations["prip"].add(large)
    path, since = f"/prip/Products({large.uuid})/$value", box.log.last
    with http.stream("GET", path) as answer:
        next(answer.iter_raw())
    assert box.log.wait_for(lambda log: log.entries(path, since=since)[0].aborted)
    assert box.log.entries(path, since=since)[0].bytes_sent < large.size


def test_it_stops_while_requests_hang(recwarn):
    others = set(threading.enumerate())
    with Sandbox(SandboxSettings(days=0)) as box:
        order(box, "hang", "/auxip")
        errors = []

        def ask():
            try:
                httpx.get(f"{box.url}/auxip/", headers=KEY, timeout=20)
            except httpx.HTTPError as error:
                errors.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        assert box.log.wait_for(lambda log: log.count("/auxip") == 1)
        assert box.connections == 1
    asking.join(10)
    assert len(errors) == 1
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "sandbox"]
