"""What an operator sees from outside: counts and times of calls, by names that we know ourselves.

Only the interface of OpenTelemetry is used here; without an SDK behind it nothing is kept. No
argument, no result, no caller's name and no text of somebody else ever becomes an attribute.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation

NAME = "crm_mcp"
NO_ANSWER = "no_answer"
REFUSALS = frozenset({"refused", "not_confirmed", "approval_required", "changed_since_preview"})

REQUEST_ID = "crm_mcp.request_id"
"""Where an HTTP request keeps its id for those who answer it elsewhere than it came in."""
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The HTTP request that is being answered, by an id of ours."""

_tracer = trace.get_tracer(NAME)

Told = Callable[[str], None]
Attributes = Mapping[str, str]


class Instruments:
    """What is counted and timed; made with the first call, for a start needs none of it."""

    def __init__(self) -> None:
        from opentelemetry import metrics

        meter = metrics.get_meter(NAME)
        self.calls = meter.create_counter(
            "crm_mcp.calls", "1", "Calls of tools, by what came of them."
        )
        self.seconds = meter.create_histogram(
            "crm_mcp.call.duration", "s", "Time of a call, in whole."
        )
        self.vendor_seconds = meter.create_histogram(
            "crm_mcp.vendor.duration", "s", "Time until a CRM had answered one request."
        )
        self.refusals = meter.create_counter("crm_mcp.refusals", "1", "What was refused, by why.")


instruments = cache(Instruments)


@contextmanager
def message(method: str) -> Iterator[None]:
    """Stand around one message of a client; its method is one that the server knows."""
    with _span(method, SpanKind.SERVER, {"mcp.method.name": method}):
        yield


@contextmanager
def call(operation: Operation | None) -> Iterator[Told]:
    """Stand around one call; gives what is told its status.

    Args:
        operation: None where there is none of the name that was given, which is told to nobody.
    """
    named = {"tool": "unknown", "vendor": "", "effect": ""}
    if operation is not None:
        vendor, effect = operation.vendor, operation.effect
        named = {"tool": operation.name, "vendor": vendor, "effect": effect}
    ends = ["error"]
    start = time.perf_counter()
    with _span(f"call {named['tool']}", SpanKind.INTERNAL, named) as span:
        try:
            yield ends.append
        except ToolFailure as failure:
            ends.append(failure.kind)
            raise
        finally:
            outcome = ends[-1]
            span.set_attribute("outcome", outcome)
            instruments().calls.add(1, {**named, "outcome": outcome})
            instruments().seconds.record(time.perf_counter() - start, {**named, "outcome": outcome})
            if outcome in REFUSALS:
                refused(outcome)


@contextmanager
def vendor_request(operation: Operation, method: str) -> Iterator[Told]:
    """Stand around one request to a CRM; gives what is told the status of its answer."""
    named = {"tool": operation.name, "vendor": operation.vendor}
    ends = [NO_ANSWER]
    start = time.perf_counter()
    attributes = {**named, "http.request.method": method}
    with _span(f"{operation.vendor} request", SpanKind.CLIENT, attributes) as span:
        try:
            yield ends.append
        finally:
            span.set_attribute("http.response.status_code", ends[-1])
            instruments().vendor_seconds.record(
                time.perf_counter() - start, {**named, "status": ends[-1]}
            )


def refused(reason: str) -> None:
    """Count a refusal."""
    instruments().refusals.add(1, {"reason": reason})


def watch_waiting(count: Callable[[], int | None]) -> None:
    """Show how many approvals wait, whenever somebody looks; None where nobody knows."""
    from opentelemetry import metrics

    def look(_: metrics.CallbackOptions) -> list[metrics.Observation]:
        waiting = count()
        return [] if waiting is None else [metrics.Observation(waiting)]

    metrics.get_meter(NAME).create_observable_gauge(
        "crm_mcp.approvals.waiting", [look], "1", "Questions that wait for a person."
    )


def trace_id() -> str:
    """Give the trace that is being written; empty where none is."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


@contextmanager
def _span(name: str, kind: SpanKind, attributes: Attributes) -> Iterator[Span]:
    """Write a span; of an error only its class, for its words may be anybody's."""
    with _tracer.start_as_current_span(
        name,
        kind=kind,
        attributes={**attributes, **({"request.id": request_id.get()} if request_id.get() else {})},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
