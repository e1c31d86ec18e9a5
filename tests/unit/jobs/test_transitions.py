"""The table of transitions is total, and what follows from a move is what the other rooms rely on."""

from itertools import product

import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.models import CLOSED, OPEN, Billing, Phase
from eoflows.jobs.transitions import Event, Move, Standing, moved, phases_of

STANDINGS = [
    Standing(phase, known, queued, stopping)
    for phase, known, queued, stopping in product(Phase, *[(False, True)] * 3)
]
SAID = frozenset(OPEN | CLOSED)


def moves(event: Event) -> list[tuple[Standing, Phase, Billing, Move]]:
    """Every move that an event makes, with what was said."""
    found = []
    for row, said, billing in product(STANDINGS, SAID, Billing):
        try:
            found.append((row, said, billing, moved(row, event, said=said, billing=billing)))
        except InvalidInputError:
            continue
    return found


ALL = {event: moves(event) for event in Event}


def unsent(row: Standing) -> bool:
    return not row.known and row.phase in (Phase.PLANNED, Phase.REJECTED, Phase.CANCELLED)


@pytest.mark.parametrize("event", Event)
def test_each_event_moves_the_phases_that_it_names(event: Event) -> None:
    moving = {row.phase for row, *_ in ALL[event]}
    assert phases_of(event) <= moving
    assert moving - phases_of(event) <= {Phase.REJECTED, Phase.CANCELLED}


@pytest.mark.parametrize("event", Event)
def test_an_end_is_told_once_and_nothing_that_goes_on_is(event: Event) -> None:
    for row, _, _, move in ALL[event]:
        began_closed = row.phase in CLOSED and not (unsent(row) and event not in (Event.END, Event.PAY))
        if move.phase in CLOSED and not began_closed:
            assert (move.ends, move.untold) == (True, True), (row, move)
        if move.phase not in CLOSED:
            assert not move.ends
            assert move.untold is not True
        if began_closed and move.phase in CLOSED:
            assert (move.phase, move.untold, move.ends) == (row.phase, None, False)


@pytest.mark.parametrize("event", Event)
def test_only_what_may_be_at_the_service_or_is_to_be_sent_is_watched(event: Event) -> None:
    for row, _, billing, move in ALL[event]:
        if move.phase in CLOSED:
            assert move.watched == (event is Event.SAY and billing is Billing.WITHHELD)
        elif move.phase is Phase.PLANNED:
            assert move.watched == (row.queued or event is Event.RESUBMIT)
        else:
            assert move.watched


@pytest.mark.parametrize("event", Event)
def test_results_are_wanted_of_jobs_that_succeed_now(event: Event) -> None:
    for row, _, _, move in ALL[event]:
        succeeds = move.ends and move.phase is Phase.SUCCEEDED
        assert (move.wanted is True) == succeeds, (row, move)


def test_nothing_that_may_exist_is_sent_or_has_its_money_freed_as_if_it_did_not() -> None:
    for event in (Event.PLAN, Event.SEND):
        for row, _, _, move in ALL[event]:
            doubtful = event is Event.SEND and row.phase in (Phase.SENDING, Phase.UNKNOWN)
            assert unsent(row) or doubtful or row.phase is Phase.PLANNED, (row, move)
    freeing = {(event, row.phase) for event in Event for row, _, _, move in ALL[event] if move.frees}
    assert not {phase for _, phase in freeing} & (OPEN | {Phase.SUCCEEDED, Phase.FAILED, Phase.LOST})
    assert {Event.DOUBT, Event.SAY, Event.END, Event.ABANDON, Event.PAY} & {
        event for event, _ in freeing
    } == set()


def test_what_ended_begins_anew_only_if_it_was_never_sent_or_was_lost() -> None:
    for event, found in ALL.items():
        for row, _, _, move in found:
            if move.begins:
                again = event is Event.FOLLOW or (event, row.phase) == (Event.RESUBMIT, Phase.LOST)
                assert unsent(row) or again, (event, row)


def test_only_what_its_service_may_have_is_followed_again() -> None:
    followed = {row.phase for row, *_ in ALL[Event.FOLLOW]}
    assert followed == {Phase.OVERDUE, Phase.UNREACHABLE, Phase.LOST, Phase.ABANDONED}
    assert all(row.known and move.phase is Phase.RUNNING for row, _, _, move in ALL[Event.FOLLOW])


def test_what_somebody_wants_stopped_is_not_planned_again() -> None:
    back = [(row.stopping, move.phase) for row, _, _, move in ALL[Event.PUT_BACK]]
    assert {phase for stopping, phase in back if stopping} == {Phase.CANCELLED}
    assert {phase for stopping, phase in back if not stopping} == {Phase.PLANNED}


def test_a_denied_approval_ends_what_waits_for_it_and_that_is_told() -> None:
    move = moved(Standing(Phase.PLANNED), Event.DENY)
    assert (move.phase, move.untold, move.frees, move.watched) == (Phase.CANCELLED, True, True, False)


@pytest.mark.parametrize("phase", sorted(OPEN | CLOSED))
def test_what_means_nothing_says_so(phase: Phase) -> None:
    with pytest.raises(InvalidInputError, match=f"a job is {phase}: to send it means nothing"):
        moved(Standing(phase, known=True), Event.SEND)
