"""Many retained messages in one queue: `retained_test.py COUNT`."""

import sys
import threading
import time
import unittest

from cmq import Cmq
from server import Server, data_folder

COUNT = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 20_000
MEMORY_MAX = 600 << 20
BODY = "r" * 1024
ROUNDS = 500
REWIND_S = 86_400
REWOUND_S = 1  # until a rewind is answered, and from then until it delivers


class RetainedTest(unittest.TestCase):
    def on_several_connections(self, work):
        failures = []

        def run():
            try:
                work()
            except Exception as problem:  # told by the main thread
                failures.append(problem)

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def fill(self, queue, count):
        """`count` messages of 1 KiB."""
        left = threading.Semaphore(count // 16)

        def send():
            while left.acquire(blocking=False):
                self.cmq.send(queue, [BODY] * 16)

        self.on_several_connections(send)

    def consume(self, queue):
        """All there are."""

        def take():
            while messages := self.cmq.receive(queue):
                self.cmq.delete(queue, [one["receiptHandle"] for one in messages])

        self.on_several_connections(take)

    def rewind(self, queue, since, count):
        """What is consumed and kept comes again: seconds until the answer, and from then to the first messages."""
        self.assertEqual(self.cmq.call("GetQueueAttributes", queueName=queue)["activeMsgNum"], 0)
        began = time.monotonic()
        self.cmq.call("RewindQueue", queueName=queue, startConsumeTime=since)
        answered = time.monotonic()
        messages = self.cmq.receive(queue)
        first = time.monotonic()
        self.assertEqual(len(messages), 16)
        self.assertTrue(all(one["msgBody"] == BODY for one in messages), "other messages than were sent")
        again = self.cmq.call("GetQueueAttributes", queueName=queue)
        self.assertGreaterEqual(again["activeMsgNum"] + again["inactiveMsgNum"], count)
        return answered - began, first - answered

    def p99_of_receives(self, queue, refill):
        took = []
        for _ in range(ROUNDS):
            if refill:
                self.cmq.send(queue, [BODY])
            began = time.monotonic()
            messages = self.cmq.receive(queue, 1)
            took.append(time.monotonic() - began)
            self.assertEqual(len(messages), 1)
            self.cmq.delete(queue, [messages[0]["receiptHandle"]])
        return sorted(took)[ROUNDS * 99 // 100]

    def compare_receives(self):
        """The best of three rounds each, taken in turn: what a busy machine adds is not the broker's."""
        empty = full = float("inf")
        for _ in range(3):
            empty = min(empty, self.p99_of_receives("empty", refill=True))
            full = min(full, self.p99_of_receives("full", refill=False))
        return empty, full

    def test_memory_restart_and_receives_do_not_grow_with_what_is_stored(self):
        server = Server(self, data_folder(self)).start()
        self.cmq = Cmq(server)
        self.cmq.call("CreateQueue", queueName="empty")
        self.cmq.call("CreateQueue", queueName="full")
        since = int(time.time())
        self.fill("full", COUNT)
        self.cmq = Cmq(server)  # the connection of before has idled too long
        empty, full = self.compare_receives()
        filled = server.resident_bytes()
        server.terminate()
        server.start()
        restarted = server.resident_bytes()
        print(
            f"{COUNT} retained: receive p99 {full * 1e3:.2f} ms (empty queue {empty * 1e3:.2f} ms),"
            f" resident {filled >> 20} MiB, after restart {restarted >> 20} MiB,"
            f" ready in {server.ready_after:.2f} s",
            flush=True,
        )
        self.assertLess(filled, MEMORY_MAX)
        self.assertLess(restarted, MEMORY_MAX)
        self.assertLess(server.ready_after, 10)
        self.assertLess(full, 2 * empty)
        left = self.cmq.call("GetQueueAttributes", queueName="full")
        count = COUNT // 16 * 16 - 3 * ROUNDS
        self.assertEqual(left["activeMsgNum"], count)
        server.kill()
        server.start()
        self.assertLess(server.ready_after, 10)
        # What was consumed before is not kept.
        self.cmq.call("SetQueueAttributes", queueName="full", rewindSeconds=REWIND_S)
        self.consume("full")
        self.cmq = Cmq(server)
        answered, first = self.rewind("full", since, count)
        print(
            f"{count} rewound: answered in {answered * 1e3:.1f} ms, the first messages {first * 1e3:.1f} ms later",
            flush=True,
        )
        self.assertLess(answered, REWOUND_S)
        self.assertLess(first, REWOUND_S)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
