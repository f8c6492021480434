#!/bin/sh
# Runs a program that cargo built where it finds the DuckDB library. Cargo sets LD_LIBRARY_PATH of tests itself, so what
# .cargo/config.toml says of it does not reach them.
LD_LIBRARY_PATH="$(dirname "$0")/../.setup/duckdb:${LD_LIBRARY_PATH:-}"
export LD_LIBRARY_PATH
exec "$@"
