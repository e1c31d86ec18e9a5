"""OpenTelemetry spans that continue the caller's, across processes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

__all__ = ["SpanKey", "span"]

SpanKey = tuple[int, int, bool]
"""Trace id, span id and whether the span is in another process."""


@contextmanager
def span(service: str, name: str, parent: SpanKey | None) -> Iterator[SpanKey | None]:
    """Open a span below the caller's; without an OpenTelemetry SDK this does nothing.

    Args:
        service: Service name, of which the tracer is made.
        name: What the span is about.
        parent: The caller's span, or None.

    Yields:
        The span to hand on, or the parent where nothing is recorded.
    """
    outer: AbstractContextManager[object] = nullcontext()
    if parent is not None:
        trace_id, span_id, is_remote = parent
        flags = TraceFlags(TraceFlags.SAMPLED)
        remote = SpanContext(trace_id, span_id, is_remote=is_remote, trace_flags=flags)
        # Not handed to the tracer as its context: without an SDK, older tracers leave that alone.
        outer = trace.use_span(NonRecordingSpan(remote))
    with outer, trace.get_tracer(service).start_as_current_span(name) as current:
        here = current.get_span_context()
        yield (here.trace_id, here.span_id, True) if here.is_valid else parent
