"""Load on a cluster, and what its clients know for certain.

Messages into one queue, in batches, by clients that try any node, and consumers that delete what they
receive. Referees: every acknowledged message comes out, none comes out after its acknowledged delete,
nothing comes out that was not sent. Measured: how long no send succeeds.
"""

import itertools
import threading
import time

from cmq import Cmq, Refused, Unreachable
from server import wait_until

RATE = 2_000
BATCH = 8
SENDERS = 4
CONSUMERS = 2
PATIENCE = 5


class Load:
    """The clients and what they know for certain."""

    def __init__(self, cluster, rate=RATE):
        self.rate = rate
        self.nodes = list(cluster.nodes)
        self.clients = [Cmq(node) for node in self.nodes]
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.sent = set()
        self.acknowledged = set()
        self.successes = []  # when a send was answered with ok
        self.received = {}  # body -> message id
        self.deleted = {}  # body -> when its delete was answered with ok
        self.violations = []
        self.failures = 0
        self.stopping = threading.Event()
        self.draining = threading.Event()
        self.threads = []

    def begin(self):
        self.clients[0].call("CreateQueue", queueName="load", visibilityTimeout=30)
        for work, count in ((self.produce, SENDERS), (self.consume, CONSUMERS)):
            for at in range(count):
                self.threads.append(threading.Thread(target=work, args=(at,), daemon=True))
        for thread in self.threads:
            thread.start()

    def know(self, node):
        """Clients try this node too from now on."""
        self.clients.append(Cmq(node))
        self.nodes.append(node)

    def finish(self, test, client):
        """Nothing more is sent; what was comes out. Fails the test on any violation."""
        self.draining.set()
        for thread in self.threads[:SENDERS]:
            thread.join(30)

        def left():
            try:
                info = client.call("GetQueueAttributes", queueName="load")
            except Refused:
                return None  # a set may be on its way to another leader
            return info["activeMsgNum"] + info["inactiveMsgNum"]

        wait_until(lambda: left() == 0, 300, "an empty queue")
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        test.assertEqual(self.violations, [])
        missing = self.acknowledged - set(self.received)
        test.assertEqual(missing, set(), "acknowledged and lost")

    def any_node(self, at, work, repeatable=True):
        """Runs work with the clients of running nodes, one after the other; None: none served.
        What must not happen twice is tried once: a refusal may say that its outcome is unknown."""
        for turn in range(len(self.clients)):
            index = (at + turn) % len(self.clients)
            if not self.nodes[index].alive():
                continue
            try:
                return work(self.clients[index])
            except (Unreachable, Refused):
                self.failures += 1
                if not repeatable:
                    return None
        return None

    def produce(self, at):
        pause = BATCH * SENDERS / self.rate
        due = time.monotonic()
        while not self.draining.is_set():
            with self.lock:
                bodies = [f"m{next(self.numbers)}" for _ in range(BATCH)]
                self.sent.update(bodies)

            def send(client):
                return client.call(
                    "BatchSendMessage",
                    patience=PATIENCE,
                    queueName="load",
                    **{f"msgBody.{place}": body for place, body in enumerate(bodies, 1)},
                )

            if self.any_node(at, send, repeatable=False) is not None:
                with self.lock:
                    self.acknowledged.update(bodies)
                    self.successes.append(time.monotonic())
            else:
                at += 1
            # What a stall kept from being sent is not made up for.
            due = max(due + pause, time.monotonic() - pause)
            time.sleep(max(0, due - time.monotonic()))

    def consume(self, at):
        while not self.stopping.is_set():
            began = time.monotonic()
            got = self.any_node(at, lambda client: client.receive("load", 16, 1))
            if not got:
                at += 1
                time.sleep(0.02)
                continue
            with self.lock:
                for message in got:
                    self.judge(message, began)
            bodies = {message["receiptHandle"]: message["msgBody"] for message in got}
            gone = self.any_node(at, lambda client: client.delete("load", list(bodies)))
            with self.lock:
                now = time.monotonic()
                for receipt in gone or []:
                    self.deleted.setdefault(bodies[receipt], now)

    def judge(self, message, began):
        """Only what was known before the request began says something about its answer."""
        body, number, count = message["msgBody"], message["msgId"], message["dequeueCount"]
        if body not in self.sent:
            self.violations.append(f"{body} was never sent")
        if self.received.setdefault(body, number) != number:
            self.violations.append(f"{body} came as {self.received[body]} and as {number}")
        if self.deleted.get(body, began) < began:
            ago = began - self.deleted[body]
            self.violations.append(
                f"{body} came as {number}, the {count}. time, {ago:.3f} s after its acknowledged delete"
            )


def longest_gap(successes, begin, end):
    """The longest time without a success that has to do with the time from begin to end."""
    before = [at for at in successes if at <= begin]
    inside = [at for at in successes if begin < at < end]
    points = before[-1:] + inside + [at for at in successes if at >= end][:1]
    return max((later - earlier for earlier, later in zip(points, points[1:])), default=end - begin)
