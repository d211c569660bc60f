"""Order by key through failures, kill -9 and changes of leader:
`push_key_order_test.py MESSAGES KILLS`. The referee sits in the endpoint: of each key no message comes
before the one before it was accepted, and none comes again without a reason."""

import http.client
import json
import sys
import threading
import time
import unittest
import uuid

from cluster import Cluster
from fast_receiver import FAILED, OK, FastReceiver
from server import DEV_KEY_ID, DEV_KEY_SECRET, data_folder, wait_until

MESSAGES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 3000
KILLS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 1
KEYS = 200
PUBLISHERS = 4
BATCH = 16
FAILS_ONE_IN = 20
IN_SOCKETS = 0.5  # seconds that a request may wait there until the referee sees it
PATH = "/v1/topics/events/messages/batch"


class Referee:
    """What each key has seen. One loop calls it; the test reads it when all is over."""

    def __init__(self):
        self.accepted = [0] * KEYS  # messages of the key accepted so far; they are numbered from 1
        self.failed = set()  # (key, number) that has been failed once
        self.accepted_at = {}  # (key, number) -> when
        self.killed_at = None  # when the last kill began
        self.repeats = 0
        self.violations = []

    def answer(self, _, body):
        key, number = map(int, body.split(b"/"))
        if number > self.accepted[key] + 1:
            self.violations.append(f"{body} before {self.accepted[key] + 1}")
            return OK
        if number <= self.accepted[key]:
            # Its settlement was lost with the node: delivered at least once.
            self.repeats += 1
            if not self.dies_with_the_node(key, number):
                self.violations.append(f"{body} again, for no reason")
            return OK
        if hash((key, number)) % FAILS_ONE_IN == 0 and (key, number) not in self.failed:
            self.failed.add((key, number))
            return FAILED
        self.accepted[key] = number
        self.accepted_at[key, number] = time.monotonic()
        return OK

    def dies_with_the_node(self, key, number):
        """What it had sent stands in our sockets for a moment after its death."""
        killed_at = self.killed_at
        return killed_at is not None and self.accepted_at[key, number] < killed_at + IN_SOCKETS


class Publisher(threading.Thread):
    """Publishes the messages of its keys, each key's in order, until every one is acknowledged."""

    def __init__(self, cluster, keys):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.bodies = [
            (key, f"{key}/{number}") for number in range(1, MESSAGES // KEYS + 1) for key in keys]

    def run(self):
        connection = None
        for at in range(0, len(self.bodies), BATCH):
            batch = [{"body": body, "ordering_key": f"k{key}"}
                     for key, body in self.bodies[at : at + BATCH]]
            text, once = json.dumps({"messages": batch}), str(uuid.uuid4())
            while connection is None or not self.publish(connection, text, once):
                connection = self.connect()

    def connect(self):
        while not (running := self.cluster.running()):
            time.sleep(0.1)
        port = running[hash(self.name) % len(running)].port
        return http.client.HTTPConnection("127.0.0.1", port, timeout=15)

    def publish(self, connection, text, once):
        head = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}",
                "Content-Type": "application/json", "Idempotency-Key": once}
        try:
            connection.request("POST", PATH, text, head)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
            return False
        if response.status >= 300:
            time.sleep(0.05)
            return False
        return True


class PushKeyOrderTest(unittest.TestCase):
    def test_no_first_delivery_out_of_order_and_no_repeat_without_a_reason(self):
        referee = Referee()
        receiver = FastReceiver(self, ["hook"], referee.answer)
        cluster = Cluster(self, data_folder(self), sets=1).start().found(sets=2)
        self.made(cluster, "/v1/topics", {"name": "events"})
        self.made(cluster, "/v1/topics/events/subscriptions", {
            "name": "keyed", "http": {"url": receiver.url("hook")}, "format": "simplified",
            "concurrency": 64, "push": {"order_by_key": True},
            "retry": {"steps": [{"min_ms": 50, "times": 1000}]}})
        begun = time.monotonic()
        publishers = [Publisher(cluster, range(at, KEYS, PUBLISHERS)) for at in range(PUBLISHERS)]
        for publisher in publishers:
            publisher.start()
        total = MESSAGES // KEYS * KEYS
        for kill in range(KILLS):
            goal = total * (kill + 1) // (KILLS + 1)
            wait_until(lambda: sum(referee.accepted) >= goal, 600, f"{goal} messages are accepted")
            self.kill_leader(cluster, referee)
        wait_until(lambda: sum(referee.accepted) == total, 1200, "every message is accepted")
        took = time.monotonic() - begun
        print(f"{total} messages of {KEYS} keys in {took:.1f} s, {len(referee.failed)} failed once,"
              f" {KILLS} kills, {referee.repeats} repeats after them", flush=True)
        self.assertEqual(referee.violations, [])

    def made(self, cluster, path, document):
        wait_until(lambda: cluster.nodes[0].native("POST", path, document)[0] in (200, 201), 20, path)

    def kill_leader(self, cluster, referee):
        victim = wait_until(lambda: cluster.leader_of(1), 30, "the set is led")
        referee.killed_at = time.monotonic()
        victim.kill()
        wait_until(lambda: cluster.leader_of(1), 30, "another node leads")
        victim.start()
        cluster.settled(sets=2)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
