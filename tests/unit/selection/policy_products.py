"""Products and questions for the policies, as items and as the oracle's figures."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from policy_oracle import FOREVER, P, Q

from eoflows.base.times import OPEN_END, OPEN_START, Interval, format_utc
from eoflows.products.selection import POLICIES, Boundary, Look, PolicyName, Selection, Wanted

EPOCH = datetime(2025, 8, 1, tzinfo=UTC)
STEP = 500
"""Milliseconds of a tick: products, intervals, margins and looks meet often."""


def moment(milliseconds: float) -> datetime:
    return OPEN_END if milliseconds >= FOREVER else EPOCH + timedelta(milliseconds=milliseconds)


def item(p: P) -> dict[str, Any]:
    """The item a station would give: `created` is the start of the validity, and misleads."""
    return {
        "type": "Feature",
        "id": p.id,
        "collection": "s1-aux",
        "properties": {
            "start_datetime": format_utc(moment(p.start)),
            "end_datetime": format_utc(moment(p.end)),
            "datetime": format_utc(moment(p.start)),
            "created": format_utc(moment(p.start)),
            "published": format_utc(moment(p.made)),
            "product:type": p.kind,
            "platform": p.platform,
        },
        "assets": {},
    }


def question(wanted: Wanted) -> Q:
    def ticks(at: datetime, none: int) -> int:
        return none if at in (OPEN_START, OPEN_END) else round((at - EPOCH) / timedelta(milliseconds=1))

    asked = wanted.interval
    a = ticks(asked.start, -FOREVER) - round(wanted.margin_before * 1000)
    b = ticks(asked.end, FOREVER) + round(wanted.margin_after * 1000)
    look = wanted.look or POLICIES[wanted.policy].look or Look(0, 0)
    window = tuple(
        edge + sign * (FOREVER if side == float("inf") else round(side * 1000))
        for edge, sign, side in ((a, -1, look.before), (b, 1, look.after))
    )
    strict = wanted.boundary is Boundary.STRICT
    return Q(str(wanted.policy), a, b, strict, wanted.platform, (window[0], window[1]), wanted.product_type)


ticks = st.integers(0, 12)


@st.composite
def product_lists(draw: st.DrawFn) -> list[P]:
    rows = draw(
        st.lists(
            st.tuples(
                ticks,
                st.one_of(st.integers(0, 6), st.none()),
                st.integers(0, 2),
                st.sampled_from(["sentinel-1a", "sentinel-1a", "sentinel-1c"]),
                st.sampled_from(["AUX_POEORB", "AUX_POEORB", "AUX_POEORB", "AUX_RESORB"]),
            ),
            max_size=14,
        )
    )
    names = draw(st.permutations([f"P{number:02}" for number in range(len(rows))]))
    return [
        P(
            name,
            first * STEP,
            FOREVER if length is None else (first + length) * STEP,
            made * STEP,
            platform,
            kind,
        )
        for name, (first, length, made, platform, kind) in zip(names, rows, strict=True)
    ]


@st.composite
def wanteds(draw: st.DrawFn) -> Wanted:
    policy = draw(st.sampled_from(sorted(PolicyName)))
    start, length = draw(ticks), draw(st.integers(0, 6))
    seconds = st.integers(0, 4).map(lambda tick: tick * STEP / 1000)
    looks = st.one_of(st.none(), st.builds(Look, seconds, seconds))
    return Wanted(
        "AUX_POEORB",
        Interval(moment(start * STEP), moment((start + length) * STEP)),
        draw(st.sampled_from(Boundary)),
        policy,
        draw(seconds),
        draw(seconds),
        draw(st.sampled_from([None, "sentinel-1a"])),
        draw(looks) if POLICIES[policy].look else None,
    )


def choose(wanted: Wanted, items: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """Choose among items; give the reasons of the chosen and of the others."""
    selection = Selection(wanted)
    chosen, passed = {}, {}
    for one in items:
        verdict = selection.judge(one)
        if verdict is not None:
            (chosen if verdict[0] else passed)[one["id"]] = verdict[1]
    late, others = selection.settle()
    chosen |= {one["id"]: why for one, why in late}
    passed |= dict(others)
    return chosen, passed
