"""A ClickHouse server for tests: the real engine (chdb) behind ClickHouse's HTTP interface.

usage: server.py DIR [OPTIONS]

Keeps its data below DIR, listens on a free port of 127.0.0.1 and prints a line of JSON when it is ready:
{"port": N, "version": TEXT}. DIR/statements.jsonl gets a line for each statement that arrives, as it arrived.

OPTIONS is JSON:
  users     {NAME: {"password": TEXT, "profile": NAME}}; default: {"default": {"password": ""}}
  profiles  {NAME: {"settings": {NAME: VALUE}, "constraints": {NAME: {"max": VALUE} or {"const": true}}}}
  grants    [TEXT]: all that any user may do, as GRANT statements; everything where there is none
  prefix    a path before everything, as behind a proxy
  cert, key files: TLS; client_ca: who signed the certificates that clients have to show

The engine knows one user. The users are this file's: each gets a connection with the settings of its profile, which the
engine then enforces. A query_id is told to the engine as a log_comment, and found again by it.
"""

import base64
import gzip
import json
import os
import re
import select
import signal
import ssl
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import chdb

# Parameters of a request that are no settings.
OF_THE_REQUEST = {
    "query", "database", "default_format", "user", "password", "query_id", "session_id", "session_timeout", "compress",
    "decompress", "wait_end_of_query", "buffer_size", "role", "quota_key",
}
STATUS = {
    194: 401, 516: 403, 192: 403, 193: 403, 497: 403, 159: 408, 394: 500, 48: 501, 60: 404, 81: 404, 46: 404, 47: 404,
    115: 404, 36: 400, 41: 400, 62: 400, 164: 500, 452: 500, 202: 500, 241: 500, 158: 500,
}


# Nobody listens at these ports: the engine takes its own for itself, the other is a shard that is down.
CLUSTERS = "<remote_servers>" + "".join(
    f"<{name}>" + "".join(
        f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>" for port in ports
    ) + f"</{name}>"
    for name, ports in {"one": [19000], "two": [19000, 19000], "half": [19000, 19999]}.items()
) + "</remote_servers>"


class EngineError(Exception):
    """What the engine says, with its code."""

    def __init__(self, text):
        text = str(text).strip()
        at = text.find("Code: ")
        self.text = text[at:] if at >= 0 else f"Code: 1002. DB::Exception: {text}"
        found = re.match(r"Code: (\d+)", self.text)
        self.code = int(found.group(1)) if found else 1002


def said(code, text, name):
    return EngineError(f"Code: {code}. DB::Exception: {text} ({name})")


def literal(text):
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def configured(folder, options):
    """Writes the engine's configuration; how the engine is told of it."""
    profiles = []
    for name, profile in {"default": {}, **options.get("profiles", {})}.items():
        settings = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in profile.get("settings", {}).items())
        limits = ""
        for setting, limit in profile.get("constraints", {}).items():
            inner = "<const/>" if limit.get("const") else f"<max>{escape(str(limit['max']))}</max>"
            limits += f"<{setting}>{inner}</{setting}>"
        constraints = f"<constraints>{limits}</constraints>" if limits else ""
        profiles.append(f"<{name}>{settings}{constraints}</{name}>")
    grants = "".join(f"<query>{escape(g)}</query>" for g in options.get("grants") or [])
    grants = f"<grants>{grants}</grants>" if grants else ""
    users = folder / "users.xml"
    users.write_text(
        f"<clickhouse><profiles>{''.join(profiles)}</profiles><users><default><password></password>"
        "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
        f"{grants}</default></users><quotas><default/></quotas></clickhouse>"
    )
    config = folder / "config.xml"
    config.write_text(
        f"<clickhouse><users_config>{users}</users_config><tcp_port>19000</tcp_port>{CLUSTERS}"
        "<query_log><database>system</database><table>query_log</table>"
        "<flush_interval_milliseconds>300</flush_interval_milliseconds></query_log></clickhouse>"
    )
    return f"{folder / 'engine'}?config-file={config}"


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def __init__(self, folder, options):
        super().__init__(("127.0.0.1", 0), Request)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = configured(folder, options)
        self.root = chdb.connect(self.path)
        asked = "SELECT version(), timezone()"
        self.version, self.timezone = self.root.query(asked, "TSVRaw").bytes().decode().split()
        self.users = options.get("users", {"default": {"password": ""}})
        self.profiles = options.get("profiles", {})
        self.prefix = options.get("prefix", "").rstrip("/")
        self.arrived = open(folder / "statements.jsonl", "a", buffering=1)
        self.lock = threading.Lock()
        self.running = set()

    def kill(self, query_id):
        connection = chdb.connect(self.path)
        connection.query(f"KILL QUERY WHERE Settings['log_comment'] = {literal(query_id)} ASYNC", "Null")
        connection.close()


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answered("GET")

    def do_POST(self):
        self.answered("POST")

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def text(self, status, text, **headers):
        data = text.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(data)

    def answered(self, method):
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query, keep_blank_values=True))
        data = self.body()
        if not url.path.startswith(self.server.prefix):
            return self.text(404, "<html><body>no such page</body></html>")
        if url.path.endswith("/ping") or (method == "GET" and "query" not in asked):
            return self.text(200, "Ok.\n")
        query_id = asked.get("query_id") or str(uuid.uuid4())
        self.has_begun = False
        try:
            self.run(method, asked, data, query_id)
        except EngineError as error:
            if self.has_begun:
                # An exception midway, as newer servers write it.
                text = (error.text + "\n").encode()
                tag = self.tag.encode()
                size = str(len(text)).encode()
                self.chunk(b"\r\n__exception__\r\n" + tag + b"\r\n" + text + size + b" " + tag + b"\r\n__exception__\r\n")
                self.close_connection = True
                return
            headers = {"X-ClickHouse-Exception-Code": error.code, "X-ClickHouse-Query-Id": query_id}
            self.text(STATUS.get(error.code, 500), error.text + "\n", **headers)
        except OSError:
            self.close_connection = True

    def who(self, asked):
        basic = self.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            name, _, password = base64.b64decode(basic[6:]).decode().partition(":")
        else:
            name = self.headers.get("X-ClickHouse-User", asked.get("user", "default"))
            password = self.headers.get("X-ClickHouse-Key", asked.get("password", ""))
        user = self.server.users.get(name)
        if user is None or user.get("password", "") != password:
            why = f"{name}: Authentication failed: password is incorrect, or there is no user with such name."
            raise said(516, why, "AUTHENTICATION_FAILED")
        return name, user

    def run(self, method, asked, data, query_id):
        name, user = self.who(asked)
        settings = {k: v for k, v in asked.items() if k not in OF_THE_REQUEST and not k.startswith("param_")}
        text = (asked.get("query", "") + "\n" + data.decode(errors="replace")).strip()
        line = {"query_id": query_id, "method": method, "user": name, "settings": settings, "text": text}
        self.server.arrived.write(json.dumps(line) + "\n")
        with self.server.lock:
            if query_id in self.server.running:
                raise said(216, f"Query with id = {query_id} is already running.", "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING")
            self.server.running.add(query_id)
        connection = chdb.connect(self.server.path)
        try:
            profile = user.get("profile")
            own = self.server.profiles.get(profile, {}).get("settings", {})
            begin = f"profile = {literal(profile)}, " if profile else ""
            try:
                connection.query(f"SET {begin}log_comment = {literal(query_id)}, log_queries = 1", "Null")
                if database := asked.get("database", self.headers.get("X-ClickHouse-Database")):
                    connection.query("USE `" + database.replace("\\", "\\\\").replace("`", "\\`") + "`", "Null")
                if method == "GET" and "readonly" not in own:
                    settings.setdefault("readonly", "2")
                # `readonly` last: after it nothing else may be set.
                for key, value in [*sorted(own.items(), key=last), *sorted(settings.items(), key=last)]:
                    connection.query(f"SET `{key}` = {literal(value)}", "Null")
            except RuntimeError as error:
                raise EngineError(error) from None
            self.answer(connection, asked, text, query_id)
        finally:
            with self.server.lock:
                self.server.running.discard(query_id)
            connection.close()

    def answer(self, connection, asked, text, query_id):
        text = text.rstrip(";").strip()
        column = "log_comment" if "query_log" in text else "Settings['log_comment']"
        text = re.sub(r"\bquery_id\s*=\s*'([^']*)'", rf"{column} = '\1'", text)
        found = re.search(r"\bFORMAT\s+(\w+)\s*$", text, re.IGNORECASE)
        kind = found.group(1) if found else asked.get("default_format", "TabSeparated")
        if found:
            text = text[: found.start()]
        params = {k.removeprefix("param_"): v for k, v in asked.items() if k.startswith("param_")}
        made, done = {}, threading.Event()

        def work():
            try:
                made["rows"] = connection.query(text, kind, params=params)
            except Exception as error:
                made["error"] = error
            done.set()

        worker = threading.Thread(target=work)
        began = time.time_ns()
        worker.start()
        while not done.wait(0.01):
            if asked.get("cancel_http_readonly_queries_on_client_close") == "1" and self.is_gone():
                self.server.kill(query_id)
                worker.join()
                raise BrokenPipeError
        worker.join()
        if "error" in made:
            raise EngineError(made["error"])
        rows = made["rows"]
        data = rows.bytes() or b""

        def count(name):
            value = getattr(rows, name, 0)
            return str(value() if callable(value) else value)

        summary = {
            "read_rows": count("storage_rows_read"), "read_bytes": count("storage_bytes_read"),
            "result_rows": count("rows_read"), "elapsed_ns": str(time.time_ns() - began),
        }
        self.tag = base64.b32encode(os.urandom(10)).decode().lower()
        self.send_response_only(200)
        self.send_header("X-ClickHouse-Query-Id", query_id)
        self.send_header("X-ClickHouse-Timezone", self.server.timezone)
        self.send_header("X-ClickHouse-Format", kind)
        self.send_header("X-ClickHouse-Summary", json.dumps(summary))
        self.send_header("X-ClickHouse-Exception-Tag", self.tag)
        self.send_header("Transfer-Encoding", "chunked")
        if asked.get("enable_http_compression") == "1" and "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
            data = gzip.compress(data, 1)
        self.end_headers()
        self.has_begun = True
        for at in range(0, len(data), 1 << 20):
            self.chunk(data[at : at + (1 << 20)])
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def is_gone(self):
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        return not self.connection.recv(1, 2)  # MSG_PEEK


def last(setting):
    return setting[0] == "readonly"


def main():
    folder = Path(sys.argv[1])
    options = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    server = Server(folder, options)
    if options.get("cert"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["cert"], options["key"])
        if options.get("client_ca"):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(options["client_ca"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps({"port": server.server_port, "version": server.version}), flush=True)
    server.serve_forever()


main()
