#!/usr/bin/env bash
# run.sh PENSTOCK [FOLDER]: starts that server on an empty folder and a free port, runs the main.js
# of the folder (beside this one, or this one) against it and stops it.
set -euo pipefail
binary=$(realpath "${1:?usage: run.sh PENSTOCK}")
cd "$(dirname "$0")/../${2:-clients}"

[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund
data=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" || true; }; rm -rf "$data"' EXIT

"$binary" serve --dev --listen 127.0.0.1:0 --data "$data/store" >"$data/out" 2>"$data/log" &
server=$!
url=
for _ in $(seq 300); do
  url=$(sed -n 's/^ready //p' "$data/out")
  [ -z "$url" ] || break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
if [ -z "$url" ]; then
  echo "the server did not become ready:" >&2
  cat "$data/log" >&2
  exit 1
fi

if ! node --no-deprecation main.js "$url" AKIDpenstockdev penstock-dev-secret "$binary"; then
  echo "the server's log:" >&2
  tail -n 40 "$data/log" >&2
  exit 1
fi
