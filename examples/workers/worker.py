#!/usr/bin/env python3
# penstock sub add events score --processes 2 --window 8 --worker python3 worker.py
import json, os, sys

reply = os.fdopen(int(os.environ["PENSTOCK_REPLY_FD"]), "w", buffering=1)  # prints cannot disturb
for line in sys.stdin:
    frame = json.loads(line)
    try:
        order = json.loads(frame["event"]["body"])
        answer = {"ok": True, "result": order["amount"] * 2}
    except (KeyError, ValueError) as problem:
        answer = {"ok": False, "dead": True, "error": repr(problem)}
    reply.write(json.dumps({"id": frame["id"], **answer}) + "\n")
