"""A hundred healthy endpoints beside one that is dead, one that never ends its answers and one that
throttles: `push_neighbours_test.py SECONDS`, of each of the two measurements."""

import json
import sys
import time
import unittest

from fast_receiver import OK, FastReceiver
from ports import free_ports
from server import Server, data_folder, wait_until

SECONDS = float(sys.argv.pop(1)) if len(sys.argv) > 1 else 3.0
HEALTHY = 100
EVENTS_A_SECOND = 10
TIMES = 1.5  # what the three may cost the others' 99 of 100
MARGIN = 0.010  # seconds; a machine that does something else too
THROTTLED = b"HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


class PushNeighboursTest(unittest.TestCase):
    def setUp(self):
        names = [f"h{at}" for at in range(HEALTHY)] + ["loris", "throttled"]
        self.took = []
        self.receiver = FastReceiver(self, names, self.answer)
        self.server = Server(self, data_folder(self), "[limits]\nsubscriptions_max = 200\n").start()
        self.native("POST", "/v1/topics", {"name": "events"})

    def native(self, *words):
        status, document = self.server.native(*words)
        self.assertLess(status, 300, document)
        return document

    def answer(self, name, body):
        if name == "loris":
            return None
        if name == "throttled":
            return THROTTLED
        self.took.append(time.monotonic() - float(body))
        return OK

    def subscribe(self, name, url, **more):
        self.native("POST", "/v1/topics/events/subscriptions",
                    {"name": name, "http": {"url": url}, "format": "simplified", **more})

    def health(self, name):
        return self.native("GET", f"/v1/subscriptions/events/{name}")["health"]["state"]

    def measure(self):
        """p99 of a push to a healthy endpoint, from just before its publish."""
        self.took.clear()
        events = int(SECONDS * EVENTS_A_SECOND)
        begun = time.monotonic()
        for at in range(events):
            time.sleep(max(0.0, begun + at / EVENTS_A_SECOND - time.monotonic()))
            body = {"messages": [{"body": repr(time.monotonic())}]}
            self.native("POST", "/v1/topics/events/messages/batch", body)
        wait_until(lambda: len(self.took) >= events * HEALTHY, 30, "every healthy push")
        self.assertEqual(len(self.took), events * HEALTHY)
        return sorted(self.took)[len(self.took) * 99 // 100]

    def test_three_that_fail_cost_the_others_nothing_they_feel(self):
        for at in range(HEALTHY):
            self.subscribe(f"h{at}", self.receiver.url(f"h{at}"))
        self.measure()  # connections are made
        alone = self.measure()
        dead = f"http://127.0.0.1:{free_ports(1)[0]}/hook"
        few = {"retry": {"steps": [{"min_ms": 200, "times": 2}]}, "timeout_ms": 2000}
        self.subscribe("dead", dead, **few)
        self.subscribe("loris", self.receiver.url("loris"), **few)
        self.subscribe("throttled", self.receiver.url("throttled"))
        beside = self.measure()
        print(f"p99 alone {alone * 1e3:.1f} ms, beside the three {beside * 1e3:.1f} ms", flush=True)
        self.assertLess(beside, TIMES * alone + MARGIN)
        wait_until(lambda: self.health("dead") == "breaker_open", 10, "the dead one is left alone")
        held = ("told_to_wait", "breaker_open")
        wait_until(lambda: self.health("throttled") in held, 10, "the throttled one has its pause")
        # Few attempts, and yet no dead letter: what was not tried counts as none.
        letters = json.loads(self.server.cli("dlq", "show", "events/dead", "-o", "json"))
        self.assertLess(len(letters), int(SECONDS * EVENTS_A_SECOND) / 2)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
