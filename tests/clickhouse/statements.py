"""Runs statements on a real ClickHouse engine, without a server.

usage: statements.py DIR TABLES_SQL

Each line of standard input is JSON: {"sql": TEXT, "params": {...}}. Each gets a line of JSON back: {"rows": [[...], ...]}, or
{"error": TEXT}."""

import json
import sys

import chdb

connection = chdb.connect(sys.argv[1])
connection.query("CREATE DATABASE IF NOT EXISTS telemetry ENGINE = Atomic", "Null")
connection.query("USE telemetry", "Null")
connection.query("SET max_threads = 1, output_format_json_quote_64bit_integers = 0", "Null")
for statement in open(sys.argv[2]).read().split(";\n"):
    if statement.strip():
        connection.query(statement, "Null")
for line in sys.stdin:
    said = json.loads(line)
    try:
        answer = connection.query(said["sql"], "JSONCompact", params=said.get("params", {}))
        text = answer.bytes().decode()
        print(json.dumps({"rows": json.loads(text)["data"] if text.strip() else []}), flush=True)
    except RuntimeError as error:
        print(json.dumps({"error": str(error)}), flush=True)
