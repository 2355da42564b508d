"""Sends spans with the OpenTelemetry SDK and its OTLP exporter, and prints what was sent as JSON.

Arguments: grpc or http, the endpoint, and gzip or none.
Values become [type, value], so that types are told apart.
"""

import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

protocol, endpoint, compression = sys.argv[1:4]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    chosen = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=chosen)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    chosen = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    exporter = OTLPSpanExporter(endpoint=endpoint + "/v1/traces", compression=chosen)

sent, failed = [], []


class Recorder(SpanExporter):
    """Passes on to the stock exporter and notes what it acknowledged."""

    def export(self, spans):
        result = exporter.export(spans)
        (sent if result == SpanExportResult.SUCCESS else failed).extend(spans)
        return result

    def shutdown(self):
        exporter.shutdown()


resource = Resource.create({"service.name": "python-" + protocol, "service.version": "0.1.0", "answer": 42, "ratio": 0.5, "ok": True, "list": ["a", "b"]})
provider = TracerProvider(resource=resource)
provider.add_span_processor(BatchSpanProcessor(Recorder()))
tracer = provider.get_tracer("interop.test", "1.2.3", "https://opentelemetry.io/schemas/1.37.0", {"scope.attribute": "yes"})
other = provider.get_tracer("interop.other")

# The exporter of this SDK does not send the trace state of a link.
remote = SpanContext(0x0123456789ABCDEF0123456789ABCDEF, 0x0123456789ABCDEF, True, TraceFlags(1))
for i in range(20):
    with tracer.start_as_current_span("run %d" % i, kind=SpanKind.SERVER, links=[Link(remote, {"why": "interop", "n": i})]) as run:
        run.set_attributes({
            "text": "Grüße, 世界", "empty": "", "int": i, "negative": -(2**62), "double": 0.1 * i, "whole": 2.0, "true": True, "false": False,
            "strings": ["x", "", "z"], "ints": [1, 2**53 + 1], "doubles": [0.5, 1e300], "bools": [True, False],
            "http.request.method": "POST", "http.response.status_code": 200, "user.id": "user-%d" % i, "long": "word " * 500,
        })
        run.add_event("started", {"attempt": 1, "note": "first"})
        with other.start_as_current_span("chat model", kind=SpanKind.CLIENT) as chat:
            chat.set_attributes({"gen_ai.request.model": "demo", "gen_ai.usage.input_tokens": 10 + i, "gen_ai.request.temperature": 0.7, "gen_ai.response.finish_reasons": ["stop"]})
            if i % 5 == 0:
                try:
                    raise ValueError("no such model")
                except ValueError as error:
                    chat.record_exception(error)
                    chat.set_status(Status(StatusCode.ERROR, "no such model"))
        run.set_status(StatusCode.OK)
provider.shutdown()


def typed(value):
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["double", value]
    if isinstance(value, str):
        return ["string", value]
    return ["array", [typed(v) for v in value]]


def attributes(of):
    return {k: typed(v) for k, v in (of or {}).items()}


def plain(span):
    context = span.get_span_context()
    return {
        "trace_id": "%032x" % context.trace_id, "span_id": "%016x" % context.span_id,
        "parent_span_id": "%016x" % span.parent.span_id if span.parent else "",
        "name": span.name, "kind": span.kind.name.lower(), "start": str(span.start_time), "end": str(span.end_time),
        "status": span.status.status_code.value, "status_message": span.status.description or "",
        "attributes": attributes(span.attributes),
        "events": [{"name": e.name, "time": str(e.timestamp), "attributes": attributes(e.attributes)} for e in span.events],
        "links": [{"trace_id": "%032x" % l.context.trace_id, "span_id": "%016x" % l.context.span_id, "attributes": attributes(l.attributes)} for l in span.links],
        "resource": attributes(span.resource.attributes),
        "scope": {"name": span.instrumentation_scope.name, "version": span.instrumentation_scope.version or "", "schema_url": span.instrumentation_scope.schema_url or "", "attributes": attributes(span.instrumentation_scope.attributes)},
    }


print(json.dumps({"sent": [plain(s) for s in sent], "failed": len(failed)}))
