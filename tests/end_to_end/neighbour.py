"""Neighbour: a healthy subscription beside the hostile ones, and how long its messages take."""

import threading
import time

from receiver import Receiver


class Neighbour:
    """Publishes to its one subscriber at a steady pace from begin() to end()."""

    pause = 0.02

    def __init__(self, test, cmq, subscribe, address="127.0.0.1"):
        self.cmq = cmq
        self.late = []
        self.published = 0
        self.receiver = Receiver(test, status=self.take, address=address)
        cmq.call("CreateTopic", topicName="neighbour")
        subscribe("neighbour", "healthy", "--http", self.receiver.url, "--format", "simplified")
        self.running = False
        self.thread = None
        test.addCleanup(self.halt)

    def take(self, body):
        self.late.append((body, time.monotonic() - float(body)))
        return 200

    def begin(self):
        self.late, self.published, self.running = [], 0, True
        self.thread = threading.Thread(target=self.publish, daemon=True)
        self.thread.start()

    def publish(self):
        while self.running:
            self.cmq.publish("neighbour", repr(time.monotonic()))
            self.published += 1
            time.sleep(self.pause)

    def halt(self):
        self.running = False
        if self.thread is not None:
            self.thread.join()

    def end(self, patience=20):
        """Seconds that 99 of 100 messages took at most; all of them came."""
        self.halt()
        end = time.monotonic() + patience
        while len({body for body, _ in self.late}) < self.published:
            assert time.monotonic() < end, f"{len(self.late)} of {self.published} came"
            time.sleep(0.05)
        times = sorted(took for _, took in self.late)
        return times[int(len(times) * 0.99)]
