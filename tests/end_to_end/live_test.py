"""Following a topic: tail and listen."""

import json
import os
import signal
import subprocess
import unittest

from receiver import Receiver
from server import BINARY, Server, data_folder


class LiveTest(unittest.TestCase):
    def start(self):
        self.server = Server(self, data_folder(self)).start()
        self.server.cli("topic", "create", "events")

    def begin(self, *words):
        environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.server.port}")
        process = subprocess.Popen(
            [BINARY, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_tail_prints_what_comes_and_what_came(self):
        self.start()
        self.server.cli("topic", "publish", "events", "before", "--tag", "old")
        tail = self.begin("tail", "events", "--from", "-1h", "--count", "3", "-o", "ndjson")
        self.assertEqual(json.loads(tail.stdout.readline())["body"], "before")
        self.server.cli("topic", "publish", "events", "one", "--tag", "new")
        self.server.cli("topic", "publish", "events", "two")
        self.assertEqual(json.loads(tail.stdout.readline())["tags"], ["new"])
        self.assertEqual(json.loads(tail.stdout.readline())["body"], "two")
        self.assertEqual(tail.wait(10), 0)

    def test_listen_forwards_until_it_is_interrupted_and_leaves_nothing_behind(self):
        self.start()
        receiver = Receiver(self)
        listen = self.begin("listen", "events", "--forward-to", receiver.url, "--tag", "wanted")
        self.assertIn("subscribed as events/listen-", listen.stderr.readline())
        self.server.cli("topic", "publish", "events", "other", "--tag", "other")
        self.server.cli("topic", "publish", "events", "hello", "--tag", "wanted")
        self.assertRegex(listen.stdout.readline(), r"^200 \d+\n$")
        self.assertEqual(receiver.bodies, ["hello"])
        self.assertEqual(receiver.heads[0]["x-cmq-message-tag"], "wanted")
        listen.send_signal(signal.SIGINT)
        self.assertEqual(listen.wait(10), 0)
        self.assertEqual(json.loads(self.server.cli("sub", "list", "-o", "json")), [])
        self.assertEqual(json.loads(self.server.cli("queue", "list", "-o", "json")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
