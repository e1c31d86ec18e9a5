"""The name of an intent says what is asked for, and never when."""

from hypothesis import given
from hypothesis import strategies as st

from eoflows.jobs.models import Billing, JobState, Phase, fingerprint, intent_key
from eoflows.services.dummy import DummyRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
INPUTS = st.dictionaries(st.text(), JSON, max_size=4)


def reordered(value: object) -> object:
    if isinstance(value, dict):
        return {name: reordered(one) for name, one in reversed(value.items())}
    return [reordered(one) for one in value] if isinstance(value, list) else value


@given(INPUTS, st.text(), st.text())
def test_the_order_of_names_does_not_matter(inputs, where, run) -> None:
    first, second = DummyRequest(inputs=inputs), DummyRequest(inputs=reordered(inputs))
    assert intent_key(where, first, run) == intent_key(where, second, run)
    assert fingerprint(where, first) == fingerprint(where, second)
    assert len(intent_key(where, first, run)) == 64


@given(INPUTS, INPUTS, st.text(), st.text())
def test_what_differs_has_another_name(one, other, run, second_run) -> None:
    asked = DummyRequest(inputs=one)
    if reordered(one) != reordered(other):
        assert intent_key("e", asked) != intent_key("e", DummyRequest(inputs=other))
    if run != second_run:
        assert intent_key("e", asked, run) != intent_key("e", asked, second_run)
    assert intent_key("e", asked) != intent_key("f", asked)
    assert intent_key("e", asked) != intent_key("e", DummyRequest(process="other", inputs=one))


def test_work_done_and_billing_done_are_two_facts() -> None:
    done = JobState(id="a", phase=Phase.SUCCEEDED, billing=Billing.WITHHELD)
    assert not done.settled
    assert JobState(id="a", phase=Phase.SUCCEEDED, billing=Billing.CAPTURED).settled
    assert not JobState(id="a", phase=Phase.RUNNING).settled
