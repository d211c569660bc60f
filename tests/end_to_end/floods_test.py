"""Strangers who only cost: `floods_test.py CONNECTIONS SECONDS`. Connections that say nothing, that say a
byte now and then, that do not read, that come and go; beside each flood a client who behaves."""

import os
import random
import socket
import sys
import threading
import time
import unittest

from overload_test import bench
from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

CONNECTIONS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 2_000
SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 3
RATE = 200  # messages a second of the client who behaves
SLOWEST_MS = 500  # its 99th percentile, on processors it shares with the flood
HEAD = (
    "POST /v1/queues/nothing/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    f"Authorization: Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}\r\n"
).encode()
KEYS = f"Authorization: Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}\r\n\r\n".encode()


class Flood:
    """`count` connections at a time, until it is stopped; what is closed comes again."""

    def __init__(self, port, count):
        self.port = port
        self.count = count
        self.opened = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def connect(self):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", self.port))
        self.opened += 1
        return one

    def run(self):
        sockets = []
        while not self.stopping.is_set():
            for _ in range(min(200, self.count - len(sockets))):
                sockets.append(self.connect())
            sockets = [one for one in sockets if self.trouble(one)]
            time.sleep(0.02)
        for one in sockets:
            one.close()

    def trouble(self, one):
        """Says what this flood says; false: the connection is done with."""
        return True

    def stop(self):
        self.stopping.set()
        self.thread.join(30)

    def say(self, one, data):
        try:
            one.send(data)
        except BlockingIOError:
            return True
        except OSError:
            one.close()
            return False
        return True


class HalfOpen(Flood):
    pass


class ComeAndGo(Flood):
    def trouble(self, one):
        one.close()
        return False


class SlowHead(Flood):
    """A byte of a header line in a while."""

    def trouble(self, one):
        return self.say(one, b"x") if random.random() < 0.02 else True


class SlowBody(Flood):
    """A long body is promised; a byte comes now and then."""

    def __init__(self, port, count):
        self.begun = set()
        super().__init__(port, count)

    def trouble(self, one):
        if one.fileno() in self.begun:
            return self.say(one, b"x") if random.random() < 0.02 else True
        if random.random() > 0.1:
            return True
        self.begun.add(one.fileno())
        return self.say(one, HEAD + b"Content-Length: 1000000\r\n\r\n")


class NeverReads(Flood):
    """Asks for long answers and takes none."""

    def trouble(self, one):
        if random.random() > 0.02:
            return True
        return self.say(one, b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n" + KEYS)


class FloodsTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        bench(self.server, 8, 1, "--rate", RATE)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def flooded(self, kind):
        before = self.descriptors()
        flood = kind(self.server.port, CONNECTIONS)
        try:
            healthy = bench(self.server, 8, SECONDS, "--rate", RATE)
        finally:
            flood.stop()
        p99_ms = healthy["latency"]["p99_us"] / 1000
        mib = self.server.resident_bytes() / 2**20
        print(
            f"{kind.__name__}: {flood.opened} connections; beside it {healthy['messages_per_s']}/s,"
            f" p99 {p99_ms:.1f} ms, {healthy['failures']} failures; {mib:.0f} MiB",
            flush=True,
        )
        self.assertEqual(healthy["failures"], 0)
        self.assertGreater(healthy["messages_per_s"], RATE * 0.9)
        self.assertLess(p99_ms, SLOWEST_MS)
        wait_until(lambda: self.descriptors() < before + 50, 30, "the flood's connections are gone")

    def test_connections_that_say_nothing(self):
        self.flooded(HalfOpen)

    def test_connections_that_come_and_go(self):
        self.flooded(ComeAndGo)

    def test_heads_that_never_end(self):
        self.flooded(SlowHead)

    def test_bodies_that_never_end(self):
        self.flooded(SlowBody)

    def test_answers_that_nobody_reads(self):
        self.flooded(NeverReads)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
