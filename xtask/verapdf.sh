#!/usr/bin/env bash
# Holds one report of each kind against PDF/A-3a and PDF/UA-1. Usage: verapdf.sh SEXTANT
set -euo pipefail
sextant=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$sextant" serve --data "$work/data" --otlp-grpc 127.0.0.1:0 --otlp-http 127.0.0.1:0 --http 127.0.0.1:0 --zipkin 127.0.0.1:0 >"$work/log" 2>&1 &
server=$!
until grep -q '^open' "$work/log"; do sleep 0.2; done
"$sextant" demo --data "$work/data" --spans 20000 --seed 1
kill "$server"
wait "$server" || true
trace=$("$sextant" search traces error:true --data "$work/data" --limit 1 --format csv | tail -1 | grep -oE '[0-9a-f]{32}')
"$sextant" report trace --trace "$trace" --data "$work/data" --out "$work/trace.pdf"
"$sextant" report incident --since 1h --data "$work/data" --out "$work/incident.pdf"
"$sextant" report service --service checkout --since 1h --data "$work/data" --out "$work/service.pdf"
"$sextant" report audit --data "$work/data" --out "$work/audit.pdf"
for flavour in 3a ua1; do
  verapdf --flavour "$flavour" --format text "$work"/*.pdf | tee "$work/$flavour"
  ! grep -q '^FAIL' "$work/$flavour"
done
