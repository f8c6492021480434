"""Sends traces, logs and metrics with the official Python SDK, over gRPC and HTTP, and prints what was sent."""

import json
import logging
import sys

from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode


def run(name, spans, logs, metrics):
    resource = Resource.create({"service.name": name, "deployment.environment.name": "test"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    meters = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics, 60_000)])
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=loggers))
    tracer = tracers.get_tracer("shop", "1.2.3")
    ids = []
    for i in range(20):
        with tracer.start_as_current_span("POST /buy") as root:
            ids.append(format(root.get_span_context().trace_id, "032x"))
            root.set_attributes({"n": i, "ratio": 1.0, "ok": True, "tags": ["a", "b"], "raw": b"\x00\xff", "ünï": "ö"})
            with tracer.start_as_current_span("SELECT stock") as child:
                child.add_event("cache.miss", {"key": f"k{i}"})
                if i % 5 == 0:
                    child.set_status(Status(StatusCode.ERROR, "no stock"))
            logger.info("bought %s", i)
    counter = meters.get_meter("shop").create_counter("sold", unit="{item}")
    counter.add(20, {"kind": "book"})
    histogram = meters.get_meter("shop").create_histogram("took", unit="s")
    histogram.record(0.25)
    tracers.shutdown()
    loggers.shutdown()
    meters.shutdown()
    return {"spans": 40, "logs": 20, "points": 2, "traces": ids}


grpc, http = sys.argv[1], sys.argv[2]
sent = {
    "py-grpc": run("py-grpc", GrpcSpans(endpoint=f"http://{grpc}", insecure=True),
                   GrpcLogs(endpoint=f"http://{grpc}", insecure=True), GrpcMetrics(endpoint=f"http://{grpc}", insecure=True)),
    "py-http": run("py-http", HttpSpans(endpoint=f"http://{http}/v1/traces", compression=Compression.Gzip),
                   HttpLogs(endpoint=f"http://{http}/v1/logs", compression=Compression.Deflate),
                   HttpMetrics(endpoint=f"http://{http}/v1/metrics")),
}
print(json.dumps(sent))
