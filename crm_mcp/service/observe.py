"""Traces, metrics and request ids of the service: what is set up only where it is asked for."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_mcp import __version__
from crm_mcp.errors import ConfigError, StateError
from crm_mcp.ledger import Ledger
from crm_mcp.telemetry import REQUEST_ID, request_id, watch_waiting
from crm_mcp.telemetry_settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource

NOT_INSTALLED = "CRM_MCP_TELEMETRY_…: more has to be installed: pip install 'crm-mcp[team]'"


class RequestIds:
    """Gives each request an id of ours, told in its answer; one that comes along is not heeded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under its own id."""
        own = secrets.token_hex(8)
        scope[REQUEST_ID] = own
        token = request_id.set(own)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", own.encode())]
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            request_id.reset(token)


@contextmanager
def observed(settings: TelemetrySettings, ledger: Ledger) -> Iterator[None]:
    """Send traces and metrics where the settings say, while the block runs.

    Raises:
        ConfigError: the packages for it are not installed, or the address cannot be had.
    """
    if not (settings.metrics or settings.otlp):
        yield
        return
    try:
        from opentelemetry.sdk.resources import Resource
    except ImportError:
        raise ConfigError(NOT_INSTALLED) from None
    resource = Resource.create({"service.name": "crm-mcp", "service.version": __version__})
    with ExitStack() as closing:
        _measure(settings, resource, closing)
        if settings.otlp:
            _trace(settings.otlp, resource, closing)
        watch_waiting(lambda: _waiting(ledger))
        yield


def _waiting(ledger: Ledger) -> int | None:
    try:
        return len(ledger.waiting())
    except StateError:
        return None  # a look at the other numbers must not fail for it


def _measure(settings: TelemetrySettings, resource: "Resource", closing: ExitStack) -> None:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider

    readers: list[MetricReader] = []
    if settings.metrics:
        readers.append(_prometheus(settings.metrics, closing))
    if settings.otlp:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        exporter = OTLPMetricExporter(endpoint=f"{settings.otlp.rstrip('/')}/v1/metrics")
        readers.append(PeriodicExportingMetricReader(exporter))
    provider = MeterProvider(readers, resource)
    metrics.set_meter_provider(provider)
    closing.callback(provider.shutdown)


def _prometheus(address: str, closing: ExitStack) -> "MetricReader":
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import start_http_server
    except ImportError:
        raise ConfigError(NOT_INSTALLED) from None
    parts = urlsplit(f"//{address}")
    try:
        server, thread = start_http_server(parts.port or 0, parts.hostname or "127.0.0.1")
    except OSError as error:
        raise ConfigError(f"CRM_MCP_TELEMETRY_METRICS: {address}: {error.strerror}") from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    closing.callback(stop)
    reader: Any = PrometheusMetricReader()
    return reader  # type: ignore[no-any-return]


def _trace(endpoint: str, resource: "Resource", closing: ExitStack) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    closing.callback(provider.shutdown)
