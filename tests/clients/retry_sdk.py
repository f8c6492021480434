"""Three batches of spans and one of logs through a proxy that loses every other answer: the SDK sends again."""

import logging
import sys

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

address = f"http://{sys.argv[1]}"
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
tracer = provider.get_tracer("retry")
for batch in range(3):
    for i in range(20):
        tracer.start_span(f"work {batch}.{i}").end()
    provider.force_flush()
provider.shutdown()

logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{address}/v1/logs")))
logger = logging.getLogger("retry")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.propagate = False
for i in range(20):
    logger.warning("line %d", i)
logs.force_flush()
logs.shutdown()
