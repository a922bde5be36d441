"""A shop whose spans OpenTelemetry's SDK writes."""

import base64
import json

from google.protobuf import json_format
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

MS = 1_000_000


class Shop:
    """A shop, its stock and its prices, that write spans with OpenTelemetry's SDK."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.tracers = {}
        for service, version in {"shop": "1", "stock": "7", "prices": "3"}.items():
            provider = TracerProvider(resource=Resource({"service.name": service, "service.version": version}))
            provider.add_span_processor(SimpleSpanProcessor(self.exporter))
            self.tracers[service] = provider.get_tracer("test")

    def span(self, service, name, start, end, parent=None, error=False, **attributes):
        context = otel.set_span_in_context(parent) if parent else None
        span = self.tracers[service].start_span(name, context, start_time=start, attributes=attributes)
        if error:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=end)
        return span

    def request(self, start, stock=10, error=False, pod="a"):
        root = self.span("shop", "GET /cart", start, start + (stock + 20) * MS, error=error)
        self.span("stock", "reserve", start + 10 * MS, start + (10 + stock) * MS, root, error, pod=pod)
        self.span("prices", "look up", start + 10 * MS, start + 15 * MS, root)

    def written(self):
        return encode_spans(self.exporter.get_finished_spans())


def shop(requests):
    made = Shop()
    for number, options in enumerate(requests):
        made.request(10**18 + number * 10**9, **options)
    return made.written()


def as_json(message):
    """What OTLP says of JSON: ids in hexadecimal digits."""
    document = json_format.MessageToDict(message, use_integers_for_enums=True)
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(document)
