// Sends traces, logs and metrics with the official Node SDK over HTTP/JSON, set up by environment variables as most
// programs do it, and prints what was sent.
import { createRequire } from 'node:module';
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://${process.argv[2]}`;
process.env.OTEL_EXPORTER_OTLP_PROTOCOL = 'http/json';
process.env.OTEL_SERVICE_NAME = 'node-http';
process.env.OTEL_TRACES_EXPORTER = 'otlp';
process.env.OTEL_METRICS_EXPORTER = 'otlp';
process.env.OTEL_LOGS_EXPORTER = 'otlp';
const require = createRequire(process.env.NODE_CLIENT_ROOT + '/package.json');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const api = require('@opentelemetry/api');

const sdk = new NodeSDK({ instrumentations: [] });
sdk.start();
const tracer = api.trace.getTracer('shop');
for (let i = 0; i < 10; i++) {
  tracer.startActiveSpan('GET /', (span) => {
    span.setAttribute('n', i);
    span.setAttribute('ratio', 0.5);
    api.logs.getLogger('shop').emit({ body: `visit ${i}`, severityNumber: 9, severityText: 'INFO' });
    span.end();
  });
}
api.metrics.getMeter('shop').createCounter('visits').add(10);
await sdk.shutdown();
console.log(JSON.stringify({ 'node-http': { spans: 10, logs: 10, points: 1 } }));
