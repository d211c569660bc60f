#!/usr/bin/env bash
# Three nodes on this machine become a cluster: certificates, `cluster init`, messages through any
# node; then the leader is killed under load. Ends with `N acknowledged, 0 lost, gap X s`: what was
# acknowledged, what of it did not come out, and the longest time in which no send succeeded. Exit 1
# if anything was lost. The nodes stay unless --once is given.
#   examples/cluster.sh [--once]
# PENSTOCK_BINARY names a server that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/packages.sh

once=false
case ${1:-} in
  '') ;;
  --once) once=true ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

if [ -z "${PENSTOCK_BINARY:-}" ]; then
  install_packages "${build_packages[@]}" "${example_packages[@]}"
  build_preset release penstock
  PENSTOCK_BINARY=$PWD/build/release/broker/penstock
fi

mkdir -p build
folder=$(mktemp -d "$PWD/build/cluster.XXXXXX")
processes=('' '' '') urls=('' '' '') ports=() load='' finished=false
finish() {
  if $finished && ! $once; then return; fi
  local process
  for process in $load "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  for process in $load "${processes[@]}"; do wait "$process" 2>/dev/null || true; done
  if $finished; then rm -rf "$folder"; else say "logs are in $folder"; fi
}
trap finish EXIT

penstock() { "$PENSTOCK_BINARY" "$@"; }

# write_config NUMBER: node NUMBER's configuration, FOLDER/NUMBER.toml.
write_config() {
  cat >"$folder/$1.toml" <<TOML
[cluster]
name = "example"
node_id = $1
listen_peer = "127.0.0.1:${ports[$1 - 1]}"
peers = [
  { id = 1, address = "127.0.0.1:${ports[0]}" },
  { id = 2, address = "127.0.0.1:${ports[1]}" },
  { id = 3, address = "127.0.0.1:${ports[2]}" },
]

[cluster.tls]
ca = "$folder/certificates/ca.pem"
cert = "$folder/certificates/node-$1.pem"
key = "$folder/certificates/node-$1.key"
TOML
}

# start_node NUMBER: waits until it is ready.
start_node() {
  local at=$(($1 - 1)) try line
  : >"$folder/$1.out"
  "$PENSTOCK_BINARY" serve --dev --config "$folder/$1.toml" --data "$folder/data-$1" \
    --listen "127.0.0.1:${ports[at + 3]}" --listen-tcp 127.0.0.1:0 \
    >"$folder/$1.out" 2>>"$folder/$1.err" </dev/null &
  processes[at]=$!
  for try in $(seq 600); do
    line=$(sed -n 's/^ready //p' "$folder/$1.out")
    if [ -n "$line" ]; then
      urls[at]=$line
      return
    fi
    kill -0 "${processes[at]}" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$folder/$1.err" >&2
  return 1
}

# ask_status URL EXPRESSION: what a node tells of the cluster, through a line of Python on `c`.
ask_status() {
  penstock cluster status --server "$1" -o json |
    python3 -c "import json, sys; c = json.load(sys.stdin); print($2)"
}

# Three for peers, three for clients; below the ports that the kernel gives to outgoing
# connections, since one of those may be taken meanwhile.
read -ra ports < <(python3 -c '
import random, socket
held = []
while len(held) < 6:
    one = socket.socket()
    try:
        one.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
        held.append(one)
    except OSError:
        pass
print(*(one.getsockname()[1] for one in held))')
penstock cluster init-certs --dir "$folder/certificates" --name example --nodes 1,2,3 >/dev/null
say "certificates: an authority and three nodes, in $folder/certificates"
for number in 1 2 3; do
  write_config $number
  start_node $number
  say "node $number: ${urls[number - 1]}, process ${processes[number - 1]}"
done

# Safe to repeat: the nodes may not have found each other yet.
for try in $(seq 50); do
  ! penstock cluster init --server "${urls[0]}" >"$folder/init.out" 2>"$folder/init.err" || break
  sleep 0.2
done
[ -s "$folder/init.out" ] || {
  cat "$folder/init.err" >&2
  exit 1
}
sed -n '1p' "$folder/init.out"
for try in $(seq 300); do
  missing=$(ask_status "${urls[0]}" \
    '9 - sum(s["leader"] != 0 and all("match" in r for r in s["replicas"]) for s in c["sets"])')
  [ "$missing" -gt 0 ] || break
  sleep 0.1
done
penstock queue create orders --server "${urls[1]}" >/dev/null
penstock cluster status --server "${urls[2]}" -o table | sed 's/^/    /'

set=$(ask_status "${urls[0]}" '[s["set"] for s in c["sets"] if s["set"] and s["objects"]][0]')
python3 examples/cluster/load.py 12 "${urls[@]}" >"$folder/load.out" 2>"$folder/load.err" &
load=$!
sleep 4
leader=$(ask_status "${urls[0]}" "[s['leader'] for s in c['sets'] if s['set'] == $set][0]")
say "queue orders lives in set $set, led by node $leader: kill -9 under load"
kill -9 "${processes[leader - 1]}"
wait "${processes[leader - 1]}" 2>/dev/null || true
sleep 3
start_node "$leader"
say "node $leader is back: process ${processes[leader - 1]}"

code=0
wait "$load" || code=$?
load=
[ -s "$folder/load.out" ] || {
  tail -n 5 "$folder/load.err" >&2
  exit 1
}
finished=true
if ! $once; then
  disown "${processes[@]}"
  say "the nodes stay: ${urls[*]}. Try: $PENSTOCK_BINARY cluster status --server ${urls[0]}"
  say "stop them: kill ${processes[*]}; they need $folder"
fi
tail -n 1 "$folder/load.out"
exit "$code"
