"""Large states: filling a cluster's queues quickly, watching what memory its nodes take."""

import http.client
import json
import threading
import time

from server import DEV_KEY_ID, DEV_KEY_SECRET, wait_until

BODY_BYTES = 8 << 10
BATCH = 16
FILLERS = 8
MEMORY_MORE_MAX = 400 << 20
HEAD = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}"}


class Link:
    """One keep-alive connection to a node."""

    def __init__(self, node):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
        self.name = f"{node.number}-{id(self)}"
        self.posts = 0

    def post(self, path, body, patience=30):
        """What is refused for the moment, or may not have happened, is tried again: it counts once."""
        end = time.monotonic() + patience
        self.posts += 1
        head = {**HEAD, "Content-Type": "application/json"}
        head["Idempotency-Key"] = f"{self.name}-{self.posts}"
        while True:
            self.connection.request("POST", path, body, head)
            response = self.connection.getresponse()
            answer = response.read()
            if response.status in (200, 201):
                return
            if response.status not in (429, 503, 504) or time.monotonic() > end:
                raise AssertionError(answer)
            time.sleep(0.05)

    def post_document(self, path, document):
        self.post(path, json.dumps(document))


def at_once(count, work):
    """Runs work(number) in so many threads; the first failure is raised."""
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as problem:  # raised below
            failures.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Memory:
    """The most resident bytes of each node from now on, beyond what it had."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.before = {node.number: node.resident_bytes() for node in nodes}
        self.most = dict(self.before)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(0.1):
            for node in self.nodes:
                now = node.resident_bytes()
                self.most[node.number] = max(self.most[node.number], now)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        return {number: self.most[number] - self.before[number] for number in self.most}


def make_queues(node, names):
    for name in names:
        status, answer = node.native("POST", "/v1/queues", {"name": name})
        assert status in (200, 201), answer


def fill(nodes, mib):
    """So many MiB of bodies into a queue of each set; the messages that each queue has then."""
    make_queues(nodes[0], [f"fill-{at}" for at in range(FILLERS)])
    rounds = (mib << 20) // (BODY_BYTES * BATCH * FILLERS)

    def send(number):
        link = Link(nodes[number % len(nodes)])
        # What several sets have alike is stored once.
        text = json.dumps({"messages": [{"body": str(number) * BODY_BYTES}] * BATCH})
        for _ in range(rounds):
            link.post(f"/v1/queues/fill-{number}/messages/batch", text)

    at_once(FILLERS, send)
    return rounds * BATCH


def visible(node, queue):
    """How many messages the queue shows, once somebody leads it."""

    def asked():
        status, answer = node.native("GET", f"/v1/queues/{queue}")
        return (answer["messages"]["visible"],) if status == 200 else None

    return wait_until(asked, 30, f"{queue} is shown")[0]
