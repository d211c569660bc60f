"""Damaged and missing files of the store: what stops the start, and what flows on."""

import json
import secrets
import shutil
import subprocess
import unittest

from cmq import Cmq
from server import BINARY, Server, data_folder, wait_until

FAILURE = 1

CONFIG = """
[log]
segment_size = "4MiB"
"""
MESSAGES = 320  # of 32 KiB: more than two segments


def flip(file, offset):
    with open(file, "r+b") as data:
        data.seek(offset)
        byte = data.read(1)[0]
        data.seek(offset)
        data.write(bytes([byte ^ 0x20]))


class DamageTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self), CONFIG).start()
        cmq = Cmq(self.server)
        cmq.call("CreateQueue", queueName="load")
        # Not compressible, so that a body stands in its segment as it was sent.
        self.bodies = [f"{number:06d} {secrets.token_hex(16_384)}" for number in range(MESSAGES)]
        for first in range(0, MESSAGES, 16):
            cmq.send("load", self.bodies[first : first + 16])
        self.log = self.server.folder / "data" / "log"

    def kill_and_list(self):
        """Killed, so that the rows do not hold the last entries yet."""
        self.server.kill()
        segments = sorted(self.log.glob("segment-*"))
        self.assertGreater(len(segments), 2)
        return segments

    def find(self, text):
        """The segment and offset at which `text` stands."""
        for segment in sorted(self.log.glob("segment-*")):
            offset = segment.read_bytes().find(text.encode())
            if offset >= 0:
                return segment, offset
        return self.fail("the body stands in no segment")

    def expect_refusal(self, *words):
        code, errors = self.server.start_refused()
        self.assertEqual(code, 1, errors)
        for word in words:
            self.assertIn(str(word), errors)

    def expect_all(self):
        self.server.start()
        self.assertEqual(self.receive_all(), set(self.bodies))

    def receive_all(self):
        cmq = Cmq(self.server)
        found = set()
        while messages := cmq.receive("load", 16, 1):
            found.update(message["msgBody"] for message in messages)
        return found

    def test_a_truncated_segment_stops_the_start_by_name_and_size(self):
        segment = self.kill_and_list()[0]
        whole = segment.read_bytes()
        segment.write_bytes(whole[: len(whole) // 2])
        self.expect_refusal(segment, f"{len(whole) // 2} of", "put the file back from a copy")
        segment.write_bytes(whole)
        self.expect_all()

    def test_a_missing_segment_stops_the_start_by_name(self):
        segment = self.kill_and_list()[1]
        away = self.server.folder / "away"
        shutil.move(segment, away)
        self.expect_refusal(segment)
        shutil.move(away, segment)
        self.expect_all()

    def test_a_missing_list_of_segments_stops_the_start(self):
        self.kill_and_list()
        away = self.server.folder / "away"
        shutil.move(self.log / "manifest", away)
        self.expect_refusal(self.log / "manifest", "put the file back from a copy")
        shutil.move(away, self.log / "manifest")
        self.expect_all()

    def test_an_entry_that_must_be_replayed_stops_the_start_by_file_and_offset(self):
        self.kill_and_list()
        segment, offset = self.find(self.bodies[20][:1000])
        flip(segment, offset + 500)
        self.expect_refusal(f"{segment} at byte ", "put the file back from a copy")
        flip(segment, offset + 500)
        self.expect_all()

    def test_damaged_rows_stop_the_start_and_say_what_to_do(self):
        self.server.terminate()
        rows = self.server.folder / "data" / "rows" / "set-1"
        table = max(rows.glob("*.sst"), key=lambda file: file.stat().st_mtime)
        whole = table.read_bytes()
        table.write_bytes(whole[: len(whole) // 2])
        self.expect_refusal(rows, "Keep the data folder as it is")
        table.write_bytes(whole)
        self.expect_all()

    def test_a_damaged_body_is_quarantined_and_its_neighbours_flow_on(self):
        code, _ = self.server.terminate()
        self.assertEqual(code, 0, self.server.log())
        victim = self.bodies[100]
        segment, offset = self.find(victim[:1000])
        flip(segment, offset + 500)
        self.server.start()
        found = self.receive_all()
        self.assertEqual(set(self.bodies) - found, {victim})
        self.assertEqual(found - set(self.bodies), set(), "no wrong byte is ever served")

        def quarantined():
            return self.server.native("GET", "/v1/status")[1].get("quarantined") == 1

        wait_until(quarantined, 10, "one quarantined message in the status")

    def offline(self, *words):
        """A command on the folder of a server that does not run: its exit code and what it told."""
        words = [BINARY, *map(str, words), "-o", "json"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def salvaged(self):
        """What a server made of the salvaged folder still has, and what the commands told."""
        data, saved, again = (self.server.folder / name for name in ("data", "saved", "again"))
        checked, told = self.offline("store", "check", "--data", data)
        self.assertEqual((checked, told["whole"]), (FAILURE, False), told)
        code, lost = self.offline("store", "salvage", saved, "--data", data)
        self.assertEqual(code, FAILURE, lost)
        code, restored = self.offline("restore", saved, "--data", again)
        self.assertEqual(code, 0, restored)
        shutil.rmtree(data)
        again.rename(data)
        self.server.start()
        found = self.receive_all()
        self.assertTrue(found <= set(self.bodies), "no wrong byte is ever served")
        return found, lost

    def assert_lost(self, found, gone):
        """All but `gone` is there; told by number, for bodies are long."""
        missing = sorted(body[:6] for body in set(self.bodies) - found)
        self.assertEqual(missing, sorted(body[:6] for body in gone))

    def test_all_but_the_damaged_bodies_is_salvaged(self):
        self.server.terminate()
        victims = {self.bodies[40], self.bodies[200]}
        for victim in victims:
            segment, offset = self.find(victim[:1000])
            flip(segment, offset + 500)
        found, lost = self.salvaged()
        self.assert_lost(found, victims)
        self.assertEqual(lost["unreadable_messages"], len(victims))

    def test_what_other_segments_hold_is_salvaged_when_one_is_gone(self):
        self.server.terminate()
        segment, _ = self.find(self.bodies[150][:1000])
        content = segment.read_bytes()
        gone = {body for body in self.bodies if body[:1000].encode() in content}
        segment.unlink()
        self.assertGreater(len(gone), 16)
        found, lost = self.salvaged()
        self.assert_lost(found, gone)
        self.assertEqual(lost["unreadable_messages"], len(gone))

    def test_what_stands_before_the_cut_of_a_segment_is_salvaged(self):
        self.server.terminate()
        # The first of its batch, which is one record.
        segment, offset = self.find(self.bodies[128][:1000])
        content = segment.read_bytes()
        segment.write_bytes(content[: offset + 500])
        gone = {body for body in self.bodies if content.find(body[:1000].encode()) >= offset}
        self.assertGreater(len(gone), 0)
        found, _ = self.salvaged()
        self.assert_lost(found, gone)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
