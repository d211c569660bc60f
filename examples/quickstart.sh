#!/usr/bin/env bash
# From a bare Debian 12 to delivered messages: installs what is missing, builds, starts a server on
# an empty data folder, publishes the events of examples/events/ to a webhook, a Lua script, a worker
# process and a queue, and shows each delivery. The server stays unless --once is given.
#   examples/quickstart.sh [--once]
# PENSTOCK_BINARY names a server that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/packages.sh

once=false
case ${1:-} in
  '') ;;
  --once) once=true ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

if [ -z "${PENSTOCK_BINARY:-}" ]; then
  install_packages "${build_packages[@]}" "${example_packages[@]}"
  build_preset release penstock
  PENSTOCK_BINARY=$PWD/build/release/broker/penstock
fi

mkdir -p build
folder=$(mktemp -d build/quickstart.XXXXXX)
server= receiver= finished=false
finish() {
  if $finished && ! $once; then return; fi
  for process in $receiver $server; do kill "$process" 2>/dev/null || true; done
  for process in $receiver $server; do wait "$process" 2>/dev/null || true; done
  if $finished; then rm -rf "$folder"; else say "logs are in $folder"; fi
}
trap finish EXIT

# first_line FILE PROCESS: waits for the first line a process prints.
first_line() {
  local try
  for try in $(seq 100); do
    if [ -s "$1" ]; then head -n 1 "$1" && return; fi
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# start_server ADDRESS: sets `server`, and PENSTOCK_SERVER for the client commands.
start_server() {
  : >"$folder/server.out"
  "$PENSTOCK_BINARY" serve --dev --data "$folder/data" --listen "$1" \
    >"$folder/server.out" 2>"$folder/server.err" </dev/null &
  server=$!
  local line
  line=$(first_line "$folder/server.out" "$server") || return 1
  export PENSTOCK_SERVER=${line#ready }
}

penstock() { "$PENSTOCK_BINARY" "$@"; }

say "server: starting on an empty data folder, $folder/data"
if ! start_server 127.0.0.1:7070; then
  say "server: port 7070 or 7071 is taken, free ones instead"
  start_server 127.0.0.1:0 || {
    cat "$folder/server.err" >&2
    exit 1
  }
fi
say "server: $PENSTOCK_SERVER, process $server"

python3 examples/webhook_receiver.py --fail-first payment.failed >"$folder/deliveries" \
  2>"$folder/receiver.err" </dev/null &
receiver=$!
endpoint=$(first_line "$folder/deliveries" "$receiver")
say "webhook: $endpoint, process $receiver (answers 503 to the first try of payment.failed)"

penstock topic create events >/dev/null
penstock queue create audit >/dev/null
penstock sub add events webhook --http "$endpoint" --retry 1s,5s,30s >/dev/null
penstock sub add events audit --queue audit >/dev/null
penstock queue create summary >/dev/null
penstock sub add events summary --lua examples/quickstart/summary.lua >/dev/null
penstock sub add events worker --worker python3 examples/quickstart/worker.py >/dev/null
say "topic events: subscribers webhook (HTTP), audit (queue), summary (Lua), worker (process)"

published=0 tracked=
for event in examples/events/*.json; do
  name=$(basename "$event" .json)
  id=$(penstock topic publish events - --tag "${name:0:16}" <"$event")
  say "published $name: message $id"
  published=$((published + 1))
  [ "$name" != payment_failed ] || tracked=$id
done

say "deliveries to the webhook:"
shown=0
for try in $(seq 300); do
  lines=$(tail -n "+$((shown + 2))" "$folder/deliveries")
  if [ -n "$lines" ]; then
    printf '%s\n' "$lines" | sed 's/^/    /'
    shown=$((shown + $(printf '%s\n' "$lines" | wc -l)))
  fi
  # Each event once, and the retried one a second time.
  [ "$shown" -le "$published" ] || break
  sleep 0.1
done
[ "$shown" -gt "$published" ] || {
  say "only $shown deliveries came"
  cat "$folder/server.err" >&2
  exit 1
}

say "the queue subscriber received:"
received=$(penstock queue receive audit --max 16 --wait 5s --ack -o ndjson)
printf '%s\n' "$received" | cut -c 1-110 | sed 's/^/    /'
[ "$(printf '%s\n' "$received" | grep -c '"id"')" -eq "$published" ] || {
  say "expected $published messages in the queue"
  exit 1
}

say "the Lua script sent to the queue summary:"
summaries=
for try in $(seq 50); do
  more=$(penstock queue receive summary --max 16 --wait 1s --ack -o ndjson)
  summaries=$(printf '%s\n%s' "$summaries" "$more" | sed '/^$/d')
  [ "$(printf '%s\n' "$summaries" | grep -c '"id"')" -lt "$published" ] || break
done
printf '%s\n' "$summaries" | sed 's/.*"body":\("[^}]*}"\).*/    \1/'
[ "$(printf '%s\n' "$summaries" | grep -c '"id"')" -eq "$published" ] || {
  say "expected $published messages of the Lua script"
  exit 1
}

say "the worker process wrote:"
written=
for try in $(seq 50); do
  written=$(penstock fn logs events/worker | grep ' bytes$' || true)
  [ "$(printf '%s\n' "$written" | grep -c bytes)" -lt "$published" ] || break
  sleep 0.1
done
printf '%s\n' "$written" | sed 's/^/    /'
[ "$(printf '%s\n' "$written" | grep -c bytes)" -eq "$published" ] || {
  say "expected $published lines of the worker"
  exit 1
}

say "the track of the message that was retried:"
track=$(penstock message track "$tracked" -o table)
printf '%s\n' "$track" | sed 's/^/    /'
for expected in 503 events/webhook events/summary events/worker; do
  case $track in
    *"$expected"*) ;;
    *)
      say "the track does not show $expected"
      exit 1
      ;;
  esac
done

finished=true
if $once; then
  say "done: $published events, $shown deliveries to the webhook, $published each to queue, Lua and worker"
else
  disown "$server" "$receiver"
  say "the server stays: $PENSTOCK_SERVER. Try: $PENSTOCK_BINARY queue list --server $PENSTOCK_SERVER"
  say "the console: $PENSTOCK_SERVER/ with the key AKIDpenstockdev and its secret penstock-dev-secret"
  say "stop it: kill $server $receiver"
fi
