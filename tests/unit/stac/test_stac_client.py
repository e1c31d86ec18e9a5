import httpx
import pytest
from stac_server import HOME, SEARCH_LINK, StacServer, gathered, item, numbered, page

from eoflows.base.errors import (
    AbsentError,
    ContractError,
    DeadlineError,
    RefusedError,
    TruncatedError,
    UnreachableError,
)
from eoflows.stores.stac import SearchRequest

pytestmark = pytest.mark.anyio

EXPRESSION = {"op": "=", "args": [{"property": "product:type"}, "AUX_POEORB"]}


async def test_pages_by_a_merged_body():
    server = StacServer(numbered(7))
    found = await gathered(server.client(page_size=3).pages(SearchRequest(filter=EXPRESSION)))
    assert found == [["i0", "i1", "i2"], ["i3", "i4", "i5"], ["i6"]]
    assert [body.get("token") for body in server.bodies] == [None, "3", "6"]
    assert all(body["filter"] == EXPRESSION for body in server.bodies)


async def test_pages_by_a_whole_body():
    following = {"href": "search", "method": "POST", "body": {"token": "2"}}
    server = StacServer(
        lambda _, body: page([item("b")]) if "token" in body else page([item("a")], following)
    )
    assert await gathered(server.client().pages(SearchRequest(filter=EXPRESSION))) == [["a"], ["b"]]
    assert server.bodies[1] == {"token": "2"}


async def test_pages_by_get():
    def search(request, body):
        if request.method == "POST":
            return page([item("a")], {"href": "/auxip/search?token=2&limit=1"})
        return page([item("b")])

    server = StacServer(search)
    assert await gathered(server.client().pages(SearchRequest())) == [["a"], ["b"]]
    assert server.urls[1] == "https://station.example/auxip/search?token=2&limit=1"


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_pages_in_a_circle_are_refused(method):
    links = {
        "a": {"href": HOME + "search?page=b", "method": method, "merge": True, "body": {"page": "b"}},
        "b": {"href": HOME + "search?page=a", "method": method, "merge": True, "body": {"page": "a"}},
    }

    def search(request, body):
        here = body.get("page") or request.url.params.get("page") or "a"
        return page([item(here)], links[here])

    server = StacServer(search)
    with pytest.raises(ContractError, match="leads back"):
        await gathered(server.client().pages(SearchRequest()))
    assert len(server.urls) <= 4


async def test_an_item_that_comes_twice_is_given_once():
    """Pages shift when a product arrives while they are read; one id in two collections is two items."""
    pages = {
        None: page([item("a"), item("b")], {"href": "search", "method": "POST", "body": {"token": "2"}}),
        "2": page([item("b"), item("c"), item("a") | {"collection": "other"}]) | {"numberMatched": 4},
    }
    server = StacServer(lambda _, body: pages[body.get("token")])
    assert await gathered(server.client().pages(SearchRequest())) == [["a", "b"], ["c", "a"]]
    assert len(server.bodies) == 2


async def test_what_has_one_id_and_promises_other_bytes_is_not_dropped():
    def sized(size):
        return item("a") | {"assets": {"f": {"href": HOME + "f", "file:size": size}}}

    server = StacServer(lambda *_: page([sized(1), sized(1), sized(2)]) | {"numberMatched": 1})
    assert await gathered(server.client().pages(SearchRequest())) == [["a", "a"]]


@pytest.mark.parametrize(
    ("limit", "sizes", "asked"),
    [(1, [1], [1]), (3, [3], [3]), (4, [3, 1], [3, 3]), (6, [3, 3], [3, 3]), (100, [3, 3, 1], [3, 3, 3])],
)
async def test_the_limit_cuts_in_mid_page(limit, sizes, asked):
    server = StacServer(numbered(7))
    found = await gathered(server.client(page_size=3).pages(SearchRequest(limit=limit)))
    assert [len(one) for one in found] == sizes
    assert [name for one in found for name in one] == [f"i{number}" for number in range(sum(sizes))]
    assert [body["limit"] for body in server.bodies] == asked


async def test_a_server_that_gives_more_than_asked():
    server = StacServer(lambda *_: page([item(f"i{number}") for number in range(10)]))
    assert await gathered(server.client().pages(SearchRequest(limit=4))) == [["i0", "i1", "i2", "i3"]]


def listed(*sizes: int, matched: int | None = None, endless: bool = False):
    """Pages of these sizes; an endless listing has a next link for ever."""

    def search(request, body):
        number = int(body.get("token", 0))
        items = [item(f"i{number}-{one}") for one in range(sizes[number] if number < len(sizes) else 0)]
        following = {"href": "search", "method": "POST", "merge": True, "body": {"token": str(number + 1)}}
        found = page(items, *([following] if endless or number + 1 < len(sizes) else []))
        return found if matched is None else found | {"numberMatched": matched}

    return search


async def read(server: StacServer, **options) -> tuple[list[int], str]:
    """Give the sizes of the pages, and the words of the truncation that followed them."""
    sizes = []
    try:
        async for items in server.client(**options).pages(SearchRequest()):
            sizes.append(len(items))
    except TruncatedError as error:
        return sizes, str(error)
    return sizes, ""


@pytest.mark.parametrize("sizes", [(), (0,), (2, 0, 0, 0, 3), (0, 0, 2), (2, 0)])
async def test_empty_pages_are_followed_and_not_given(sizes):
    """A server may filter what a page holds after it has cut the page."""
    assert await read(StacServer(listed(*sizes))) == ([size for size in sizes if size], "")


@pytest.mark.parametrize("sizes", [(), (2, 3)])
async def test_empty_pages_that_lead_on_for_ever_are_no_end(sizes):
    server = StacServer(listed(*sizes, endless=True))
    found, words = await read(server)
    assert found == list(sizes)
    assert f"after {sum(sizes)} items came empty pages" in words
    assert len(server.bodies) == len(sizes) + 4


async def test_an_empty_page_that_leads_to_itself_is_no_end():
    def search(request, _):
        return page([item("a")] if request.method == "POST" else [], {"href": "search?page=2"})

    found, words = await read(StacServer(search))
    assert found == [1]
    assert "empty pages" in words


@pytest.mark.parametrize(("sizes", "matched"), [((2, 3), 5), ((2, 3), 4), ((), 0)])
async def test_an_endless_listing_ends_where_all_that_matches_has_come(sizes, matched):
    server = StacServer(listed(*sizes, matched=matched, endless=True))
    assert await read(server) == (list(sizes), "")
    assert len(server.bodies) == len(sizes) + 1


@pytest.mark.parametrize(("sizes", "matched"), [((2, 3), 6), ((0,), 1), ((1000,), 1200)])
async def test_fewer_items_than_the_server_counts_are_a_truncated_answer(sizes, matched):
    found, words = await read(StacServer(listed(*sizes, matched=matched)))
    assert found == [size for size in sizes if size]
    assert f"{matched} items match, and its pages ended after {sum(sizes)}" in words


@pytest.mark.parametrize("matched", [None, "7", True, -1, 0, 3, 5])
async def test_a_count_that_is_absent_or_wrong_or_of_one_page_says_nothing(matched):
    assert await read(StacServer(listed(2, 3, matched=matched))) == ([2, 3], "")


async def test_an_estimated_count_says_nothing():
    assert await read(StacServer(listed(2, 3, matched=600)), matched="estimate") == ([2, 3], "")


async def test_the_count_of_the_old_context_extension():
    server = StacServer(lambda *_: page([item("a")]) | {"context": {"returned": 1, "matched": 2}})
    assert "2 items match" in (await read(server))[1]


def shifting(*orders, counted=True, refused=()):
    """By what is sorted by, the pages that come; those that are `refused` cannot be sorted by."""
    by = dict(orders)

    def search(_, body):
        order = body["sortby"][0]["field"] if "sortby" in body else None
        if order in refused:
            return httpx.Response(400, json={"detail": f"cannot sort by {order}"})
        number, pages = int(body.get("token", 0)), by[order]
        following = {"href": "search", "method": "POST", "merge": True, "body": {"token": str(number + 1)}}
        found = page([item(name) for name in pages[number]], *([following] if pages[number + 1 :] else []))
        return found | {"numberMatched": 4} if counted else found

    return StacServer(search)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize(
    ("refused", "order"), [((), "id"), (("id",), "datetime"), (("id", "datetime"), None)]
)
async def test_a_list_that_shifts_is_read_once_more_in_a_lasting_order(counted, refused, order):
    """A product that arrives while pages are read shifts one onto the next page; one never came."""
    server = shifting((None, ["ab", "bc"]), (order, ["ab", "cd"]), counted=counted, refused=refused)
    if order is None:
        answers = iter([["ab", "bc"], ["ab", "cd"]])
        pages = [page for pair in answers for page in pair]
        search = server.search

        def twice(request, body):
            if body.get("sortby"):
                return search(request, body)
            found = search(request, body)
            return found | {"features": [item(name) for name in pages.pop(0)]}

        server.search = twice
    found = await gathered(server.client().pages(SearchRequest()))
    assert sorted(name for one in found for name in one) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("counted", "words"), [(True, "after 3 different ones"), (False, "came on two pages")]
)
async def test_a_list_that_shifts_again_is_said_to_be_cut(counted, words):
    server = shifting((None, ["ab", "bc"]), ("id", ["ab", "bc"]), counted=counted)
    found, said = await read(server)
    assert (found, len(server.bodies)) == ([2, 1], 4)
    assert words in said


async def test_pages_that_repeat_under_new_links_end():
    server = StacServer(listed(2, 2, endless=True))
    search = server.search

    def repeated(request, body):
        return search(request, body) | {"features": [item("a"), item("b")]}

    server.search = repeated
    found, words = await read(server)
    assert found == [2]
    assert "pages with nothing new that lead on" in words
    assert len(server.bodies) < 8


async def test_a_product_that_is_withdrawn_while_pages_are_read_hides_another():
    """Ten in pages of five; one of the first page goes, and the sixth comes on no page."""
    first, last = [item(f"i{n}") for n in range(5)], [item(f"i{n}") for n in range(6, 10)]

    def search(_, body):
        following = {"href": "search", "method": "POST", "body": {"token": "1"}}
        if "token" in body:
            return page(last) | {"numberMatched": 9}
        return page(first, following) | {"numberMatched": 10}

    found, words = await read(StacServer(search))
    assert found == [5, 4]
    assert "10 items match, and its pages ended after 9" in words


async def test_a_limit_that_is_reached_ends_the_search_before_the_server_does():
    server = StacServer(listed(3, 3, matched=100))
    assert await gathered(server.client().pages(SearchRequest(limit=4))) == [
        ["i0-0", "i0-1", "i0-2"],
        ["i1-0"],
    ]


async def test_known_ids_of_a_truncated_answer_are_an_error():
    server = StacServer(lambda _, body: page([{"id": body["ids"][0]}]) | {"numberMatched": 2})
    with pytest.raises(TruncatedError, match="2 items match"):
        await server.client().known_ids("s1-aux", ["a", "b"])


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "Catalog"},
        {"features": None},
        ["a"],
        "a",
        None,
        page([item("a")], {"href": "search?page=2"}, {"href": "search?page=3"}),
        page([item("a")], {"href": "search?page=2", "method": "DELETE"}),
        page([item("a")], {"href": "https://evil.example/search?page=2"}),
        page([item("a")], {"href": "file:///etc/passwd"}),
    ],
)
async def test_answers_that_break_the_contract(answer):
    server = StacServer(lambda *_: answer)
    with pytest.raises((ContractError, ValueError)):
        await gathered(server.client().pages(SearchRequest()))
    assert len(server.urls) == 1


@pytest.mark.parametrize(
    "links",
    [
        [],
        [SEARCH_LINK | {"rel": "root"}],
        [SEARCH_LINK | {"href": "https://evil.example/search"}],
    ],
)
async def test_a_search_link_that_is_absent_or_ambiguous_or_elsewhere(links):
    server = StacServer(numbered(1), links)
    with pytest.raises(ContractError):
        await gathered(server.client().pages(SearchRequest()))
    assert server.urls == []


@pytest.mark.parametrize(
    "links",
    [
        [SEARCH_LINK | {"method": "GET", "href": HOME + "by-get"}, SEARCH_LINK],
        [{"rel": "search", "href": HOME + "search"}],
        [SEARCH_LINK, SEARCH_LINK | {"type": "application/geo+json"}],
        [SEARCH_LINK | {"href": HOME + "find"}, SEARCH_LINK],
        [SEARCH_LINK | {"href": HOME + "page", "type": "text/html"}, SEARCH_LINK],
        [
            {"rel": "search", "href": HOME + "page", "type": "text/html"},
            {"rel": "search", "href": HOME + "search", "type": "application/geo+json"},
        ],
        [SEARCH_LINK | {"href": "https://other.example/search"}, SEARCH_LINK],
        [SEARCH_LINK | {"href": "http://["}, SEARCH_LINK],
        [SEARCH_LINK | {"href": None}, SEARCH_LINK],
        [SEARCH_LINK | {"href": "search"}, "junk"],
        [SEARCH_LINK | {"href": "http://station.example/auxip/search"}],
        [SEARCH_LINK | {"href": "http://station.example:8001/auxip/search"}],
    ],
)
async def test_the_search_link_is_followed_at_the_configured_origin(links):
    """Behind a proxy an API writes its inner scheme and port."""
    server = StacServer(numbered(1), links)
    assert await gathered(server.client().pages(SearchRequest())) == [["i0"]]
    assert server.urls == [HOME + "search"]


@pytest.mark.parametrize("landing", ["Catalog", [], {"type": "Catalog"}, {"links": "none"}])
async def test_no_landing_page(landing):
    server = StacServer(numbered(1))
    server.landing = landing
    with pytest.raises(ContractError, match="no STAC landing page"):
        await server.client().landing_page()


async def test_the_landing_page_is_read_once():
    server = StacServer(numbered(1))
    client = server.client()
    for _ in range(3):
        await gathered(client.pages(SearchRequest()))
    assert server.landings == 1


def by_get_only(total: int):
    """Answers searches by GET, and says so of any other."""
    search = numbered(total)

    def answer(request, body):
        if request.method == "POST":
            return httpx.Response(405, json={"detail": "Method Not Allowed"})
        query = dict(request.url.params)
        found = search(request, {"limit": int(query["limit"]), "token": query.get("token", 0)})
        for link in found["links"]:
            if link["rel"] == "next":
                href = request.url.copy_merge_params(link.pop("body"))
                link |= {"href": str(href), "method": "GET"}
        return found

    return answer


@pytest.mark.parametrize("method", [{"method": "GET"}, {"method": "POST"}, {}])
async def test_an_api_that_is_searched_by_get_only(method):
    server = StacServer(by_get_only(5), [{"rel": "search", "href": HOME + "search?map=a", **method}])
    client = server.client(page_size=2)
    request = SearchRequest(
        filter=EXPRESSION, collections=("a", "b"), sortby=({"field": "created", "direction": "desc"},)
    )
    for _ in range(2):
        assert await gathered(client.pages(request)) == [["i0", "i1"], ["i2", "i3"], ["i4"]]
    asked = dict(httpx.URL(server.urls[-3]).params)
    assert asked == {
        "map": "a",
        "limit": "2",
        "collections": "a,b",
        "sortby": "-created",
        "filter": "product:type = 'AUX_POEORB'",
        "filter-lang": "cql2-text",
    }
    assert len(server.urls) == (6 if method == {"method": "GET"} else 7)


async def test_a_landing_page_without_a_slash():
    class Bare(StacServer):
        def __call__(self, request):
            if request.url == HOME:
                return httpx.Response(404, json={"detail": "Not Found"})
            if request.url == HOME.rstrip("/"):
                return httpx.Response(200, json=self.landing)
            return super().__call__(request)

    assert await gathered(Bare(numbered(1)).client().pages(SearchRequest())) == [["i0"]]


async def test_the_next_link_asks_for_headers_and_credentials_are_not_its_to_give():
    following = {
        "href": "search",
        "method": "POST",
        "merge": True,
        "body": {"token": "1"},
        "headers": {"X-Page": "1", "Authorization": "Bearer theirs", "Content-Length": "5", "cookie": "a=b"},
    }
    sent = []

    def search(request, body):
        sent.append(request.headers)
        return page([item("b")]) if "token" in body else page([item("a")], following)

    assert await gathered(StacServer(search).client().pages(SearchRequest())) == [["a"], ["b"]]
    assert sent[1]["x-page"] == "1"
    assert "authorization" not in sent[1]
    assert "cookie" not in sent[1]


@pytest.mark.parametrize("status", [400, 413, 422, 500, 502])
@pytest.mark.parametrize("most", [1, 7, 100])
async def test_pages_that_are_too_large_are_asked_for_in_half_the_size(status, most):
    def search(request, body):
        if body["limit"] > most:
            return httpx.Response(status, json={"detail": "no"})
        return numbered(120)(request, body)

    server = StacServer(search)
    client = server.client(page_size=1000)
    for _ in range(2):
        before = len(server.bodies)
        found = await gathered(client.pages(SearchRequest()))
        assert [name for one in found for name in one] == [f"i{n}" for n in range(120)]
    # Of the second search nothing is asked for in vain.
    assert len(server.bodies) - before == len(found)


async def test_a_later_page_that_is_too_large_loses_and_doubles_nothing():
    """The first thirty are small; where a page has others, it may hold five."""

    def search(request, body):
        first = int(body.get("token", 0))
        if first + body["limit"] > 30 and body["limit"] > 5:
            return httpx.Response(502, json={"message": "Internal server error"})
        return numbered(42)(request, body)

    found = await gathered(StacServer(search).client(page_size=10).pages(SearchRequest()))
    assert [name for one in found for name in one] == [f"i{n}" for n in range(42)]


@pytest.mark.parametrize("status", [400, 422, 503])
async def test_what_is_refused_at_any_size_is_asked_for_twice_at_the_most(status):
    server = StacServer(lambda *_: httpx.Response(status, json={"detail": "no such filter"}))
    with pytest.raises((RefusedError, UnreachableError), match="no such filter"):
        await gathered(server.client().pages(SearchRequest()))
    assert len(server.bodies) <= 2


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("Sat, 10 Jan 2026 10:00:00 GMT", "2026-01-10T10:00:00+00:00"),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("Sat, 99 Jan 2026 10:00:00 GMT", None),
    ],
)
async def test_what_time_it_is_by_the_api(date, told):
    server = StacServer(numbered(1))
    server.headers = {} if date is None else {"date": date}
    found = await server.client().time()
    assert (found and found.isoformat()) == told


@pytest.mark.parametrize(("status", "error"), [(422, RefusedError), (503, UnreachableError)])
async def test_a_refusal_and_a_failure_are_never_an_empty_result(status, error):
    server = StacServer(lambda *_: httpx.Response(status, json={"detail": "no"}))
    with pytest.raises(error, match="no"):
        await gathered(server.client().pages(SearchRequest()))


class Clock:
    """Goes on only when somebody waits for the API or works between pages."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def paged(clock: Clock, waiting: float, working: float, timeout: float | None) -> int:
    def slow(request, body):
        clock.now += waiting
        return numbered(4)(request, body)

    client, pages = StacServer(slow).client(page_size=1, clock=clock), 0
    async for _ in client.pages(SearchRequest(), timeout=timeout):
        clock.now += working
        pages += 1
    return pages


@pytest.mark.parametrize(
    ("waiting", "working", "timeout"), [(2.0, 0.0, None), (2.0, 1000.0, 100.0), (2.0, 1e6, 8.5)]
)
async def test_time_between_pages_does_not_count(waiting, working, timeout):
    assert await paged(Clock(), waiting, working, timeout) == 4


async def test_time_spent_waiting_adds_up_over_the_pages():
    with pytest.raises(DeadlineError, match="its limit of 5 s"):
        await paged(Clock(), 2.0, 0.0, 5.0)


async def test_known_ids_are_asked_for_in_batches():
    there = {f"i{number}" for number in range(0, 1200, 2)}

    def search(_, body):
        found = [{"id": one} for one in body["ids"] if one in there]
        if "token" in body:
            return page(found[100:])
        following = {"href": "search", "method": "POST", "merge": True, "body": {"token": "2"}}
        return page(found[:100], *([following] if len(found) > 100 else []))

    server = StacServer(search)
    ids = [f"i{number}" for number in range(1200)]
    assert await server.client().known_ids("s1-aux", ids) == there
    first = [body for body in server.bodies if "token" not in body]
    assert [len(body["ids"]) for body in first] == [500, 500, 200]
    assert all(body["limit"] == len(body["ids"]) for body in server.bodies)
    assert all(body["collections"] == ["s1-aux"] for body in server.bodies)
    assert first[0]["fields"]["include"] == ["id"]
    assert await server.client().known_ids("s1-aux", []) == set()


async def test_known_ids_do_not_run_in_circles():
    following = {"href": "search", "method": "POST", "merge": True, "body": {"token": "1"}}
    server = StacServer(lambda *_: page([{"id": "a"}], following))
    with pytest.raises(ContractError, match="leads back"):
        await server.client().known_ids("s1-aux", ["a"])


async def test_one_item():
    server = StacServer(lambda _, body: page([item(one) for one in body["ids"] if one == "a"]))
    assert (await server.client().item("s1-aux", "a"))["id"] == "a"
    with pytest.raises(AbsentError, match="'b' in 's1-aux'"):
        await server.client().item("s1-aux", "b")
