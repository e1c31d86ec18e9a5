from opentelemetry import trace

from eoflows.base.tracing import span

PARENT = (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True)


def test_without_a_caller_and_without_an_sdk_nothing_is_handed_on():
    with span("rs.workflows", "aux-search", None) as here:
        assert here is None


def test_the_callers_span_is_handed_on():
    with span("rs.workflows", "aux-search", PARENT) as here:
        assert here == PARENT
        context = trace.get_current_span().get_span_context()
        assert (context.trace_id, context.span_id, context.is_remote) == PARENT
        assert context.trace_flags.sampled
    assert not trace.get_current_span().get_span_context().is_valid
