"""kill -9 at random moments under load: `kill_test.py CYCLES [SEED]`.

Load: producers and consumers on one queue, and a topic whose only endpoint always fails. Referees:
every acknowledged message comes out; none comes out after its acknowledged delete; receive counts of
a message rise with each receive; the attempts of a failing delivery never fall and end at the
policy's number.
"""

import json
import random
import sys
import threading
import time
import unittest

from cmq import Cmq, Refused, Unreachable
from receiver import Receiver
from server import Server, data_folder, wait_until

CYCLES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 5
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
RETRIES = 12
BACKLOG_MAX = 3000
LIFE_SECONDS = (0.001, 0.3)
SEND_PAUSE_SECONDS = 0.01  # a restart replays what came since the rows were flushed: not too much
CONFIG = """
[log]
segment_size = "4MiB"
"""


def body_of(name):
    """Every eighth is large, so that segments are begun and removed."""
    return name + ":" + "x" * (4096 if int(name) % 8 == 0 else 0)


class Load:
    """The clients and what they know for certain."""

    def __init__(self, cmq):
        self.cmq = cmq
        self.lock = threading.Lock()
        self.acknowledged = set()  # names whose send was answered with ok
        self.received = {}  # name -> (highest receive count seen, when)
        self.deleted = {}  # names whose delete was answered with ok -> when
        self.violations = []
        self.unreachable = 0
        self.sent = 0
        self.stopping = threading.Event()
        self.sending = threading.Event()
        self.sending.set()

    def run(self, work):
        while not self.stopping.is_set():
            try:
                work()
            except Unreachable:
                self.unreachable += 1
                time.sleep(0.05)
            except Refused as refusal:
                # Starting and stopping servers may refuse; what they refuse has no effect.
                if refusal.code not in (6000, 4480):
                    self.violations.append(f"refused: {refusal}")
                time.sleep(0.05)

    def produce(self):
        # A short queue: every message is near a kill, and the end need not wait for a backlog.
        with self.lock:
            waiting = len(self.acknowledged) - len(self.received)
        if waiting > BACKLOG_MAX or not self.sending.is_set():
            self.stopping.wait(0.02)
            return
        with self.lock:
            first = self.sent
            self.sent += 8
        names = [str(number) for number in range(first, first + 8)]
        self.cmq.send("load", [body_of(name) for name in names])
        with self.lock:
            self.acknowledged.update(names)
        self.stopping.wait(SEND_PAUSE_SECONDS)

    def consume(self):
        began = time.monotonic()
        messages = self.cmq.receive("load", 16, 1)
        with self.lock:
            for message in messages:
                self.judge(message["msgBody"], message["dequeueCount"], began)
        # Some stay leased and come again: their counts are what the referee looks at.
        chosen = {
            message["receiptHandle"]: message["msgBody"].split(":")[0]
            for message in messages
            if random.random() < 0.9
        }
        if chosen:
            removed = self.cmq.delete("load", list(chosen))
            with self.lock:
                now = time.monotonic()
                self.deleted.update((chosen[receipt], now) for receipt in removed)

    def judge(self, body, count, began):
        """Only what was known before the request began says something about its answer."""
        name = body.split(":")[0]
        if body != body_of(name):
            self.violations.append(f"{name} came with a wrong body of {len(body)} bytes")
        if self.deleted.get(name, began) < began:
            self.violations.append(f"{name} came after its acknowledged delete")
        seen, when = self.received.get(name, (0, began))
        if count <= seen and when < began:
            self.violations.append(f"{name} received {count} times after {seen}")
        self.received[name] = (max(count, seen), time.monotonic())


class KillTest(unittest.TestCase):
    def attempts_of(self, server, message):
        """Highest attempt number the server shows for the message's failing delivery."""
        track = json.loads(server.cli("message", "track", message, "-o", "json"))
        numbers = [
            attempt["attempt"] for place in track["places"] for attempt in place.get("attempts", [])
        ]
        return max(numbers, default=0)

    def judge_attempts(self, server, attempts):
        """No delivery's attempts have fallen; those that are through are forgotten."""
        for message, before in list(attempts.items()):
            now = self.attempts_of(server, message)
            self.assertGreaterEqual(now, before, f"attempts of {message} restarted")
            attempts[message] = now
            if now > RETRIES:
                del attempts[message]

    def test_nothing_acknowledged_is_lost_and_no_count_restarts(self):
        print(f"{CYCLES} cycles, seed {SEED}", flush=True)
        random.seed(SEED)
        receiver = Receiver(self, status=lambda body: 503)
        server = Server(self, data_folder(self), CONFIG).start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="load", visibilityTimeout=1)
        cmq.call("CreateTopic", topicName="events")
        pauses = ",".join(["1s"] * RETRIES)
        server.cli("sub", "add", "events", "down", "--http", receiver.url, "--retry", pauses)
        load = Load(cmq)
        threads = [
            threading.Thread(target=load.run, args=(work,), daemon=True)
            for work in [load.produce] * 2 + [load.consume] * 2
        ]
        for thread in threads:
            thread.start()
        attempts = {cmq.publish("events", "never taken"): 0}
        for cycle in range(CYCLES):
            time.sleep(random.uniform(*LIFE_SECONDS))
            server.kill()
            server.start()
            self.assertEqual(load.violations, [], f"cycle {cycle}, seed {SEED}")
            if cycle % 5 == 0:
                self.judge_attempts(server, attempts)
            if len(attempts) < 3 and cycle % 10 == 0:
                attempts[Cmq(server).publish("events", f"never taken {cycle}")] = 0
            if cycle % 50 == 49 or cycle < 2:
                print(
                    f"  cycle {cycle + 1}: {len(load.acknowledged)} acknowledged,"
                    f" last start {server.ready_after:.2f} s",
                    flush=True,
                )
        self.settle(load, server, threads)

    @staticmethod
    def left(server):
        info = Cmq(server).call("GetQueueAttributes", queueName="load")
        return info["activeMsgNum"] + info["inactiveMsgNum"]

    def settle(self, load, server, threads):
        load.sending.clear()
        # A delete whose answer was lost may have been done: what counts is that nothing is left,
        # and that everything acknowledged was seen before.
        wait_until(lambda: self.left(server) == 0, 180, "an empty queue")
        missing = load.acknowledged - set(load.received)
        self.assertEqual(missing, set(), f"acknowledged and lost, seed {SEED}")
        load.stopping.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(load.violations, [])
        self.assertGreater(len(load.acknowledged), 10 * CYCLES)
        self.assertGreater(load.unreachable, 0)
        letters = wait_until(
            lambda: json.loads(server.cli("dlq", "show", "events.down.dlq", "-o", "json")),
            60,
            "the failing deliveries in the dead-letter queue",
        )
        for letter in letters:
            self.assertEqual(letter["attempts"], RETRIES + 1)
        print(f"{len(load.acknowledged)} acknowledged, {load.unreachable} broken requests")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
