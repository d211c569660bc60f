"""Idle long polls: `long_polls_test.py COUNT`."""

import resource
import socket
import sys
import unittest

from cmq import Cmq
from server import Server, data_folder, wait_until

COUNT = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 5000
BYTES_MAX = 16 * 1024


class LongPollsTest(unittest.TestCase):
    def setUp(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.assertGreater(hard, COUNT + 200, "the limit of open files is too low for this test")
        self.server = Server(self, data_folder(self)).start()
        self.cmq = Cmq(self.server)
        self.cmq.call("CreateQueue", queueName="quiet")

    def poll(self):
        connection = socket.create_connection(("127.0.0.1", self.server.port))
        self.addCleanup(connection.close)
        parameters = {"queueName": "quiet", "pollingWaitSeconds": 30}
        body = self.cmq.body("ReceiveMessage", parameters)
        connection.sendall(
            f"POST /v2/index.php HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return connection

    def waiters(self):
        return self.server.native("GET", "/v1/status")[1]["waiters"]

    def test_each_costs_less_than_16_kib_and_one_send_wakes_one(self):
        for _ in range(200):
            self.cmq.receive("quiet")
        before = self.server.resident_bytes()
        polls = [self.poll() for _ in range(COUNT)]
        wait_until(lambda: self.waiters() == COUNT, 25, f"{COUNT} waiters")
        each = (self.server.resident_bytes() - before) / COUNT
        print(f"{COUNT} idle long polls: {each:.0f} bytes each", flush=True)
        self.assertLess(each, BYTES_MAX)

        answers = {}
        for connection in polls:
            connection.setblocking(False)

        def answered():
            for connection in polls:
                if answer := answer_on(connection):
                    answers[connection] = answer
            return len(answers) >= 1

        self.cmq.send("quiet", ["wake up"])
        wait_until(answered, 10, "one poll answered")
        self.assertEqual(self.waiters(), COUNT - 1)
        answered()
        self.assertEqual(len(answers), 1)
        self.assertIn(b'"wake up"', next(iter(answers.values())))
        for connection in polls:
            connection.close()
        wait_until(lambda: self.waiters() == 0, 20, "hung-up callers forgotten")


def answer_on(connection):
    try:
        return connection.recv(4096)
    except BlockingIOError:
        return b""


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
