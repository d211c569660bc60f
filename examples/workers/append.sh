#!/bin/sh
# One process a message: the body is standard input, the exit status is the answer. The one-liner:
#   penstock sub add events log --exec sh -c 'cat >> /tmp/events.log'
# This file does the same with a line for each message, and refuses what is empty for good.
body=$(cat)
[ -n "$body" ] || { echo "message $PENSTOCK_MESSAGE_ID is empty" >&2; exit 65; }
printf '%s %s %s\n' "$PENSTOCK_MESSAGE_ID" "$PENSTOCK_TAGS" "$body" >> "${1:-/tmp/events.log}"
