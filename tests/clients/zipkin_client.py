"""Sends a request of two services with py_zipkin, as a user's program does, and reads it back.

usage: zipkin_client.py ADDRESS TOKEN"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from py_zipkin import Encoding, Kind
from py_zipkin.request_helpers import create_http_headers
from py_zipkin.transport import BaseTransportHandler
from py_zipkin.zipkin import ZipkinAttrs, create_endpoint, zipkin_span

ADDRESS, TOKEN = sys.argv[1:3]


class Post(BaseTransportHandler):
    def get_max_payload_bytes(self):
        return None

    def send(self, payload):
        request = urllib.request.Request(
            f"http://{ADDRESS}/api/v2/spans", data=payload.encode(), headers={"Content-Type": "application/json"}
        )
        assert urllib.request.urlopen(request).status == 202


def get(path, token=TOKEN, **parameters):
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    request = urllib.request.Request(f"http://{ADDRESS}/api/v2/{path}{query}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def found(path, **parameters):
    status, body = get(path, **parameters)
    assert status == 200, (path, parameters, status, body)
    return body


options = dict(transport_handler=Post(), sample_rate=100, encoding=Encoding.V2_JSON)
began = time.time()
with zipkin_span(service_name="Shop", span_name="POST /Buy", kind=Kind.SERVER, port=8080, **options) as server:
    server.update_binary_annotations({"http.path": "/buy", "user": "u-7"})
    server.add_annotation("cache miss")
    with zipkin_span(service_name="Shop", span_name="charge", kind=Kind.CLIENT) as client:
        client.add_sa_binary_annotation(port=443, service_name="Bank", host="10.0.0.9")
        client.update_binary_annotations({"error": "declined"})
        attributes = client.zipkin_attrs
        headers = create_http_headers()
        time.sleep(0.02)
trace_id = server.zipkin_attrs.trace_id
# The other side of the call, which shares the span's id.
with zipkin_span(
    service_name="Bank",
    span_name="charge",
    kind=Kind.SERVER,
    zipkin_attrs=ZipkinAttrs(trace_id, attributes.span_id, attributes.parent_span_id, "0", True),
    **options,
):
    time.sleep(0.001)

end = int(time.time() * 1000) + 1
assert found("services") == ["bank", "shop"], found("services")
assert found("spans", serviceName="SHOP") == ["charge", "post /buy"]
assert found("remoteServices", serviceName="shop") == ["bank"]
assert "http.path" in found("autocompleteKeys")
assert found("autocompleteValues", key="user") == ["u-7"]
trace = found(f"trace/{trace_id}")
assert len(trace) == 3, trace
assert {span["traceId"] for span in trace} == {trace_id}
root = next(span for span in trace if "parentId" not in span)
assert (root["name"], root["kind"]) == ("post /buy", "SERVER")
assert root["localEndpoint"]["serviceName"] == "shop" and root["localEndpoint"]["port"] == 8080
assert root["tags"]["http.path"] == "/buy" and root["tags"]["user"] == "u-7", root
assert [note["value"] for note in root["annotations"]] == ["cache miss"]
assert began * 1e6 - 1 <= root["timestamp"] <= time.time() * 1e6
assert 20_000 <= root["duration"] < 5_000_000
call = next(span for span in trace if span.get("kind") == "CLIENT")
assert call["id"] == attributes.span_id and call["parentId"] == root["id"]
assert call["remoteEndpoint"] == {"serviceName": "bank", "ipv4": "10.0.0.9", "port": 443}, call
assert call["tags"]["error"] == "declined" and call["tags"]["otel.status_code"] == "ERROR"
assert call["duration"] >= 20_000

window = dict(endTs=end, lookback=3_600_000)


def ids(**parameters):
    return [spans[0]["traceId"] for spans in found("traces", **window, **parameters)]


for hit in [
    {},
    {"serviceName": "shop"},
    {"serviceName": "shop", "spanName": "all"},
    {"serviceName": "shop", "spanName": "charge"},
    {"serviceName": "shop", "remoteServiceName": "bank"},
    {"serviceName": "shop", "annotationQuery": "http.path=/buy and error"},
    {"serviceName": "shop", "annotationQuery": "cache miss"},
    {"serviceName": "shop", "minDuration": 10_000},
    {"serviceName": "shop", "minDuration": 10_000, "maxDuration": 60_000_000},
]:
    assert ids(**hit) == [trace_id], hit
for miss in [
    {"serviceName": "bank", "annotationQuery": "http.path=/buy"},
    {"serviceName": "shop", "spanName": "refund"},
    {"serviceName": "shop", "annotationQuery": "http.path=/sell"},
    {"serviceName": "shop", "annotationQuery": "cache"},
    {"minDuration": 60_000_000},
]:
    assert ids(**miss) == [], miss
assert found("traces", endTs=1_000, lookback=1_000) == []
for path, parameters in [
    ("traces", {"maxDuration": 5}),
    ("traces", {"minDuration": 5, "maxDuration": 4}),
    ("traces", {"limit": 0}),
    ("traceMany", {"traceIds": trace_id}),
    ("traceMany", {"traceIds": f"{trace_id},{trace_id}"}),
    ("dependencies", {}),
    ("spans", {}),
    ("trace/xyz", {}),
]:
    assert get(path, **parameters)[0] == 400, (path, parameters, get(path, **parameters))
assert get("trace/00000000000000ab")[0] == 404
many = found("traceMany", traceIds=f"{trace_id},00000000000000ab")
assert [len(spans) for spans in many] == [3]
edges = found("dependencies", **window)
assert edges == [] or all({"parent", "child", "callCount"} <= set(edge) for edge in edges), edges
for token in [None, "wrong"]:
    assert get("services", token=token)[0] == 401
print(json.dumps({"trace": trace_id, "edges": edges}))
