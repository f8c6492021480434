#!/usr/bin/env bash
# Makes this machine able to build and test Sextant: what is missing is installed, what is there is left alone.
# Usage: setup.sh run|test
set -euo pipefail
cd "$(dirname "$0")/.."
goal=${1:-test}
cache=$HOME/.cache/sextant
began=$SECONDS

# For every program; for the desktop program's webview; for a window without one.
packages=(build-essential pkg-config mold)
packages+=(libwebkit2gtk-4.1-dev librsvg2-dev libssl-dev)
packages+=(libxkbcommon-dev libxkbcommon-x11-0 libgl1-mesa-dri libegl1 libgl1)
if [ "$goal" = test ]; then packages+=(python3-venv curl openssl chromium xvfb xdotool webkit2gtk-driver dbus gnome-keyring poppler-utils qpdf); fi
if [ "$goal" = test ] && ! command -v npm >/dev/null; then packages+=(nodejs npm); fi

missing=()
if command -v dpkg-query >/dev/null; then
  for p in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
else
  command -v cc >/dev/null && command -v mold >/dev/null || {
    echo "sextant: this is no Debian or Ubuntu. Install a C compiler, pkg-config, mold and WebKitGTK, then try again; docs/INSTALL.md lists them." >&2
    exit 1
  }
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "sextant: these packages are missing and will be installed: ${missing[*]}"
  if [ -t 0 ] && [ -z "${CI:-}" ]; then
    read -r -p "Go on? [Y/n] " answer
    case "$answer" in [nN]*) echo "sextant: nothing was installed" >&2; exit 1 ;; esac
  fi
  sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${missing[@]}" >/dev/null
fi

command -v cargo >/dev/null || {
  echo "sextant: Rust is missing. Install rustup (https://rustup.rs), then try again." >&2
  exit 1
}

# DuckDB as a shared library, from the registry that publishes it; its digest is pinned.
version=1.5.6
package=node-bindings-linux-x64
release=1.5.6-r.1
library=$cache/duckdb-$version/libduckdb.so
digest=3f4962cdd266eab2b479a5b5a4a6d063d279b2954ae814ed00385d553b747633
if [ ! -f "$library" ]; then
  [ "$(uname -sm)" = "Linux x86_64" ] || {
    echo "sextant: put libduckdb $version into $cache/duckdb-$version; docs/INSTALL.md says where to get it." >&2
    exit 1
  }
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  if command -v npm >/dev/null; then
    (cd "$work" && npm pack --silent "@duckdb/$package@$release" >/dev/null 2>&1)
  else
    curl -fsSL -o "$work/duckdb.tgz" "https://registry.npmjs.org/@duckdb/$package/-/$package-$release.tgz"
  fi
  tar -xzf "$work"/*.tgz -C "$work"
  echo "$digest  $work/package/libduckdb.so" | sha256sum --check --quiet
  mkdir -p "$cache/duckdb-$version"
  mv "$work/package/libduckdb.so" "$library"
  echo "sextant: fetched DuckDB $version"
fi
mkdir -p .setup
ln -sfn "$cache/duckdb-$version" .setup/duckdb

# The browser page is compiled for wasm.
if ! rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; then
  rustup target add wasm32-unknown-unknown
fi

if [ "$goal" = test ]; then
  command -v cargo-nextest >/dev/null || cargo install --quiet --locked cargo-nextest@0.9.143
  # Official clients, pinned, for the tests that speak to the receiver as users' programs do.
  stamp=$cache/clients-$(cat tests/clients/requirements.txt tests/clients/package-lock.json | sha256sum | cut -c1-16)
  if [ ! -f "$stamp" ]; then
    rm -rf "$cache/venv" "$cache/node"
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
    if command -v npm >/dev/null; then
      mkdir -p "$cache/node"
      cp tests/clients/package.json tests/clients/package-lock.json "$cache/node/"
      (cd "$cache/node" && npm ci --silent --no-audit --no-fund)
    fi
    touch "$stamp"
    echo "sextant: installed the official Python and Node SDKs for the tests"
  fi
fi
took=$((SECONDS - began))
if [ "$took" -gt 1 ]; then echo "sextant: set up in $took s"; fi
