#!/bin/sh
# Loads records/*.parquet into the tables of this folder, over HTTP. Each file is one INSERT: it is in whole, or not at all.
#   CLICKHOUSE_URL=https://HOST:8443 CLICKHOUSE_USER=me CLICKHOUSE_PASSWORD=… ./load.sh
set -eu
: "${CLICKHOUSE_URL:?the address, such as http://127.0.0.1:8123}"
user=${CLICKHOUSE_USER:-default}
database=${CLICKHOUSE_DATABASE:-otel}
cd "$(dirname "$0")"
for file in records/*.parquet; do
  [ -e "$file" ] || continue
  table=$(basename "$file" .parquet)
  printf '%s … ' "$table"
  curl --fail-with-body --silent --show-error --user "$user:${CLICKHOUSE_PASSWORD:-}" \
    --data-binary "@$file" "$CLICKHOUSE_URL/?database=$database&query=INSERT%20INTO%20$table%20FORMAT%20Parquet"
  echo ok
done
