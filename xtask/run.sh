#!/usr/bin/env bash
# Starts what this machine can show: the desktop program, or without a display the server with its browser page.
# Usage: run.sh DIRECTORY-OF-THE-BINARIES
set -euo pipefail
bin=$1
echo "sextant: for demo traffic press 'Run the demo shop' on Home, or in another terminal: $bin/sextant demo"
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  echo "sextant: opening the window; close it, or press Ctrl-C here, to stop."
  exec "$bin/sextant-desktop"
fi
echo "sextant: there is no display, so the screens are in your browser: open the address below. Ctrl-C stops."
exec "$bin/sextant" serve
