"""Load on one node that is killed and started again, and what its clients know for certain.

Producers and consumers on one queue. Referees: every acknowledged message comes out with its body; none
comes out after its acknowledged delete; receive counts of a message rise with each receive.
"""

import random
import threading
import time

from cmq import Cmq, Refused, Unreachable
from server import wait_until

BACKLOG_MAX = 3000
SEND_PAUSE_SECONDS = 0.01  # a restart replays what came since the rows were flushed: not too much
SMALL_SEGMENTS = """
[log]
segment_size = "4MiB"
"""


def body_of(name):
    """Every eighth is large, so that segments are begun and removed."""
    return name + ":" + "x" * (4096 if int(name) % 8 == 0 else 0)


class NodeLoad:
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
        self.threads = []

    def begin(self):
        for work in [self.produce] * 2 + [self.consume] * 2:
            self.threads.append(threading.Thread(target=self.run, args=(work,), daemon=True))
        for thread in self.threads:
            thread.start()
        return self

    def left(self):
        info = Cmq(self.cmq.server).call("GetQueueAttributes", queueName="load")
        return info["activeMsgNum"] + info["inactiveMsgNum"]

    def finish(self, test, seed):
        """Nothing more is sent; what was comes out. Fails the test on any violation."""
        self.sending.clear()
        # A delete whose answer was lost may have been done: what counts is that nothing is left,
        # and that everything acknowledged was seen before.
        wait_until(lambda: self.left() == 0, 180, "an empty queue")
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        missing = self.acknowledged - set(self.received)
        test.assertEqual(missing, set(), f"acknowledged and lost, seed {seed}")
        test.assertEqual(self.violations, [], f"seed {seed}")

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
        if not (name.isdecimal() and int(name) < self.sent) or body != body_of(name):
            self.violations.append(f"{name[:40]!r} came with a wrong body")
            return
        if self.deleted.get(name, began) < began:
            self.violations.append(f"{name} came after its acknowledged delete")
        seen, when = self.received.get(name, (0, began))
        if count <= seen and when < began:
            self.violations.append(f"{name} received {count} times after {seen}")
        self.received[name] = (max(count, seen), time.monotonic())
