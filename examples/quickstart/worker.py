"""A worker: takes one JSON line a message and answers with one; runs as long as it is needed."""

import json
import sys

for line in sys.stdin:
    frame = json.loads(line)
    if frame["type"] != "event":
        continue
    event = frame["event"]
    print(f"{event['tags'][0]}: {len(event['body'])} bytes", file=sys.stderr, flush=True)
    print(json.dumps({"id": frame["id"], "ok": True}), flush=True)
