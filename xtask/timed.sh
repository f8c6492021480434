#!/usr/bin/env bash
# Runs a step and says how long it took. Usage: timed.sh NAME COMMAND…
name=$1; shift
began=$SECONDS
"$@"; code=$?
echo "sextant: $name took $((SECONDS - began)) s"
exit $code
