import pytest

from eoflows.sandbox.faults import KINDS, Fault, FaultBook
from eoflows.sandbox.log import RequestLog, path_matches

REQUEST = {"path": "/auxip/search", "method": "POST", "origin": "main"}


def struck(book, times, **changes):
    return [bool(book.fire(**{**REQUEST, **changes})) for _ in range(times)]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "/x", True),
        ("/auxip", "/auxip/search", True),
        ("/auxip/*/$value", "/auxip/Products(1)/$value", True),
        ("*.raw", "/x.eof", False),
        (r"re:/Products\(\w+\)/", "/auxip/Products(ab)/$value", True),
        ("re:^/x$", "/x/y", False),
    ],
)
def test_paths(pattern, path, fits):
    assert path_matches(pattern, path) is fits


@pytest.mark.parametrize(
    ("order", "pattern"),
    [
        ({}, "111111"),
        ({"times": 2}, "110000"),
        ({"after": 2, "times": 1}, "001000"),
        ({"every": 3}, "100100"),
        ({"after": 1, "every": 2, "times": 2}, "010100"),
        ({"method": "GET"}, "000000"),
        ({"origin": "other"}, "000000"),
        ({"path": "/prip"}, "000000"),
        ({"probability": 0.0}, "000000"),
    ],
)
def test_when_it_strikes(order, pattern):
    book = FaultBook()
    book.add(Fault("forbidden", **order))
    assert "".join("01"[hit] for hit in struck(book, 6)) == pattern


def test_chance_repeats_with_its_seed():
    def draw(seed):
        book = FaultBook()
        book.add(Fault("forbidden", probability=0.5, seed=seed))
        return struck(book, 40)

    assert draw(1) == draw(1) != draw(2)
    assert 5 < sum(draw(1)) < 35


def test_per_path_counts_each_path_by_itself():
    book = FaultBook()
    book.add(Fault("forbidden", per_path=True, times=1))
    assert [struck(book, 2, path=path) for path in ("/a", "/b")] == [[True, False]] * 2


def test_several_strike_in_order_and_can_be_withdrawn():
    book = FaultBook()
    first, second = book.add(Fault("latency"), Fault("throttle", times=1))
    assert [one.fault.kind for one in book.fire(**REQUEST)] == ["latency", "throttle"]
    assert book.struck(second) == 1
    book.remove(first)
    assert book.fire(**REQUEST) == []
    with book.active(Fault("hang")):
        assert [one.fault.kind for one in book.fire(**REQUEST)] == ["hang"]
    assert [order["kind"] for order in book.listing()] == ["throttle"]


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "nonsense"},
        {"kind": "throttle", "parameters": {"delay": 1}},
        {"kind": "redirect", "parameters": {"target": "moon"}},
        {"kind": "hang", "path": "re:("},
        {"kind": "hang", "every": 0},
        {"kind": "hang", "probability": 2},
    ],
)
def test_bad_orders(order):
    with pytest.raises(ValueError, match=r".+"):
        Fault(**order)


@pytest.mark.parametrize("kind", KINDS)
def test_orders_survive_the_wire(kind):
    fault = Fault(kind, path="/x", times=3)
    assert Fault(**fault.to_dict()) == fault


def test_a_redirect_leaves_its_own_target_alone():
    book = FaultBook()
    book.add(Fault("redirect"))
    assert book.fire(**REQUEST)
    assert not book.fire(**REQUEST, query="_sandbox_hop=0")


def begin(log, path, **more):
    return log.begin(path=path, method="GET", origin="main", query="a=1&a=2", headers={}, body_size=0, **more)


def test_the_log_is_bounded_and_keeps_counting():
    log = RequestLog(capacity=3)
    numbers = [begin(log, f"/{index}") for index in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    log.update(1, status=200)
    log.update(4, status=200)
    assert [(entry.path, entry.status) for entry in log.entries()] == [
        ("/2", None),
        ("/3", 200),
        ("/4", None),
    ]
    log.clear()
    log.update(4, status=500)
    assert log.entries() == []
    assert begin(log, "/x") == 6
    assert log.entries(since=5)[0].parameters == {"a": ["1", "2"]}


def test_peak_counts_what_was_served_at_one_moment():
    log = RequestLog()
    for began, ended in ((0, 2), (1, 3), (3.5, 4)):
        log.update(begin(log, "/x"), began=began, ended=ended)
    assert log.peak() == 2
    assert not log.wait_for(lambda log: log.count("/x") == 4, timeout=0.01)
