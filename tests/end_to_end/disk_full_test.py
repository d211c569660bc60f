"""A full disk: a tmpfs of 512 MiB under the data folder. Needs root (or sudo without a password)."""

import unittest

from cmq import Cmq, Refused
from full_disk import FullDisk
from server import Server, data_folder, wait_until

CONFIG = """
[log]
segment_size = "4MiB"
reserve_percent = 5
"""
BODY = "x" * 60_000


class DiskFullTest(unittest.TestCase):
    def setUp(self):
        folder = data_folder(self)
        self.disk = FullDisk(self, folder / "data", mib=512)
        self.server = Server(self, folder, CONFIG).start()
        self.cmq = Cmq(self.server)
        self.cmq.call("CreateQueue", queueName="load", visibilityTimeout=600)

    def fill(self):
        """Sends until the server refuses; how many it took."""
        sent = 0
        while sent < 20_000:
            try:
                self.cmq.send("load", [BODY] * 16)
                sent += 16
            except Refused as refusal:
                self.assertEqual((refusal.code, refusal.message[:7]), (6000, "(10090)"))
                return sent
        return self.fail("512 MiB took more than a gigabyte")

    def test_below_the_reserve_only_what_frees_space_goes_on_and_sends_come_back(self):
        sent = self.fill()
        print(f"{sent} messages of {len(BODY)} bytes fill the disk", flush=True)
        self.assertGreater(sent * len(BODY), 200 << 20)
        self.assertGreater(self.disk.free_bytes(), 0)

        created = self.cmq.answer("CreateQueue", queueName="another")
        self.assertEqual(created["code"], 6000, created)
        self.assertIsNone(self.server.process.poll(), self.server.log())
        status, problem = self.server.native("POST", "/v1/queues/load/messages", {"body": BODY})
        self.assertEqual((status, problem["code"]), (507, "disk_full"), problem)
        status, problem = self.server.native("POST", "/v1/queues", {"name": "another"})
        self.assertEqual((status, problem["code"]), (507, "disk_full"), problem)

        removed = 0
        while removed < sent:
            messages = self.cmq.receive("load", 16)
            self.assertTrue(messages, f"{removed} of {sent} received")
            for message in messages:
                self.assertEqual(message["msgBody"], BODY)
            removed += len(self.cmq.delete("load", [m["receiptHandle"] for m in messages]))
        self.assertEqual(removed, sent)

        def sends_again():
            try:
                return self.cmq.send("load", [BODY])
            except Refused as refusal:
                self.assertEqual(refusal.code, 6000)
                return None

        wait_until(sends_again, 60, "a send that is taken again")
        self.cmq.call("CreateQueue", queueName="another")
        again = self.fill()
        self.assertGreater(again, sent // 2, "most of the space came back")
        code, _ = self.server.terminate()
        self.assertEqual(code, 0, self.server.log())

    def test_a_start_without_any_room_is_refused_and_says_so(self):
        self.cmq.send("load", [BODY])
        self.server.kill()
        self.disk.fill()
        code, errors = self.server.start_refused()
        self.assertEqual(code, 1, errors)
        self.assertIn("Make room and start again", errors)
        self.disk.empty()
        self.server.start()
        self.assertEqual(len(Cmq(self.server).receive("load", 16)), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
