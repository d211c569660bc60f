#!/usr/bin/env python3
"""Load for examples/cluster.sh: `load.py SECONDS URL...` sends messages through any of the nodes for
so long, then receives them all and counts. Its last line: `N acknowledged, M lost, gap X s`, where X
is the longest time in which no send succeeded. Exit code 1 when an acknowledged message was lost."""

import http.client
import itertools
import json
import sys
import threading
import time
import urllib.parse

KEY = "AKIDpenstockdev:penstock-dev-secret"  # of `penstock serve --dev`
QUEUE = "orders"
BATCH = 8
SENDERS = 4
PAUSE = 0.02
DRAIN_SECONDS = 120


class Client:
    """Asks one node after the other until one serves."""

    def __init__(self, urls, first):
        self.addresses = [urllib.parse.urlsplit(url).netloc for url in urls]
        self.at = first % len(urls)
        self.connection = None

    def ask(self, path, document):
        """The answer; nothing when the node asked does not serve now. The next one is asked next."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.addresses[self.at], timeout=10)
            head = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            self.connection.request("POST", path, json.dumps(document), head)
            response = self.connection.getresponse()
            text = response.read()
            if response.status < 300:
                return json.loads(text) if text else {}
        except (OSError, http.client.HTTPException):
            pass
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.at = (self.at + 1) % len(self.addresses)
        return None


def send(urls, first, numbers, ends, acknowledged, successes):
    client = Client(urls, first)
    while time.monotonic() < ends:
        bodies = [f"order {next(numbers)}" for _ in range(BATCH)]
        batch = {"messages": [{"body": body} for body in bodies]}
        if client.ask(f"/v1/queues/{QUEUE}/messages/batch", batch) is not None:
            acknowledged.update(bodies)
            successes.append(time.monotonic())
        time.sleep(PAUSE)


def receive(urls, wanted):
    """What comes out until all that is wanted has come."""
    client = Client(urls, 0)
    missing = set(wanted)
    ends = time.monotonic() + DRAIN_SECONDS
    while missing and time.monotonic() < ends:
        answer = client.ask(f"/v1/queues/{QUEUE}/receive", {"max": 16, "wait": 1})
        if answer is None:
            time.sleep(0.1)
            continue
        messages = answer["messages"]
        missing.difference_update(message["body"] for message in messages)
        receipts = [message["receipt"] for message in messages]
        if receipts:
            client.ask(f"/v1/queues/{QUEUE}/ack", {"receipts": receipts})
    return missing


def main():
    seconds, urls = float(sys.argv[1]), sys.argv[2:]
    acknowledged, successes, numbers = set(), [], itertools.count()
    ends = time.monotonic() + seconds
    threads = [
        threading.Thread(target=send, args=(urls, at, numbers, ends, acknowledged, successes))
        for at in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    successes.sort()
    gap = max((b - a for a, b in zip(successes, successes[1:])), default=seconds)
    lost = receive(urls, acknowledged)
    print(f"{len(acknowledged)} acknowledged, {len(lost)} lost, gap {gap:.2f} s", flush=True)
    return 1 if lost or not acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
