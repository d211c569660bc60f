"""Damaged files, one at a time, of one node: `damages_test.py DAMAGES [SEED]`.

A node was killed with sealed segments, flushed rows and entries to replay. Each damage is done to a copy
of its folder. The node then refuses to start, or serves: never a wrong body, never a message that was
deleted, and what it does not serve it counts. Only what stands behind a damage in the segment that was
written to may be missing: a node on its own cannot tell it from a write that the crash has torn.
"""

import hashlib
import random
import shutil
import sys
import unittest

from cmq import Cmq
from damages import Damages
from node_load import SMALL_SEGMENTS
from server import Server, data_folder, wait_until

DAMAGES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 30
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
BATCHES = 40
BATCH = 16
WRITE_BYTES_MAX = 256 << 10  # more than a write of this load


def body_of(number):
    """Such that no part of it is part of another, and nothing can be left out."""
    words = [hashlib.sha256(f"{number} {at}".encode()).hexdigest() for at in range(number % 7 * 40)]
    return f"{number}:" + "".join(words)


class DamagesTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.whole = self.folder / "whole"
        self.sent = {}  # message id -> body
        self.deleted = set()
        self.places = {}  # message id -> its offset in the segment that was written to
        self.server = Server(self, self.folder, SMALL_SEGMENTS)
        self.data = self.folder / "data"
        self.prepare()

    def prepare(self):
        """The folder `whole`, of a killed node: its damaged copies are what is started."""
        self.server.start()
        cmq = Cmq(self.server)
        cmq.call("CreateQueue", queueName="load", visibilityTimeout=43_200)
        cmq.call("CreateQueue", queueName="out", visibilityTimeout=43_200)
        cmq.call("CreateTopic", topicName="events")
        script = self.folder / "mark.lua"
        script.write_text("function transform(event) return event.body .. ' marked' end\n")
        words = ["--transform-lua", script, "--queue", "out"]
        self.server.cli("sub", "add", "events", "s", *words)
        self.send(cmq, range(BATCHES // 2))
        # Flushed: rows, and bodies that no start replays.
        self.server.terminate()
        self.server.start()
        self.send(Cmq(self.server), range(BATCHES // 2, BATCHES))
        self.server.kill()
        shutil.move(self.data, self.whole)
        self.active = max((self.whole / "log").glob("segment-*")).name
        data = (self.whole / "log" / self.active).read_bytes()
        for message, body in self.sent.items():
            self.places[message] = data.find(body[:100].encode())

    def send(self, cmq, batches):
        for batch in batches:
            bodies = [body_of(batch * BATCH + at) for at in range(BATCH)]
            self.sent.update(zip(cmq.send("load", bodies), bodies))
            gone = cmq.receive("load", 4)
            deleted = cmq.delete("load", [message["receiptHandle"] for message in gone])
            self.assertEqual(len(deleted), 4)
            self.deleted.update(message["msgId"] for message in gone)

    def start_copy(self, damage=lambda folder: None):
        self.server.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.whole, self.data)
        done = damage(self.data)
        try:
            self.server.start()
        except AssertionError:
            self.assertEqual(self.server.process.returncode, 1, f"{done}: {self.server.log()}")
            self.assertIn("penstock", self.server.log(), done)
        return done

    def test_no_damage_is_served(self):
        print(f"{DAMAGES} damages of one node, seed {SEED}", flush=True)
        damages = Damages(random.Random(SEED))
        counts = {"whole": 0, "refused": 0, "quarantined": 0, "torn": 0}
        for number in range(DAMAGES):
            path, way, at = self.start_copy(damages.damage)
            if self.server.process.poll() is not None:
                counts["refused"] += 1
                continue
            what = f"damage {number}, seed {SEED}: {way} {path} at {at}"
            torn_at = at - WRITE_BYTES_MAX if path.endswith(self.active) else None
            counts[self.judge(what, torn_at)] += 1
        print(f"{damages.done}: {counts}, no wrong body")
        self.assertGreater(counts["refused"], 0)
        self.assertGreater(counts["whole"], 0)

    def judge(self, what, torn_at=None):
        """Looks at everything a started node serves: whole, quarantined or torn."""
        cmq = Cmq(self.server)
        found = self.served(cmq, "load")
        wrong = [message for message in found if self.sent.get(message) != found[message]]
        self.assertEqual(wrong, [], f"served and wrong, {what}")
        again = self.deleted & set(found)
        missing = set(self.sent) - self.deleted - set(found)
        counted = self.server.native("GET", "/v1/status")[1].get("quarantined", 0)
        if len(missing) == counted and not again:
            self.use(cmq, what)
            return "quarantined" if counted else "whole"
        if torn_at is None or any(self.places[message] < torn_at for message in missing):
            self.fail(f"{len(missing)} missing, {counted} counted, {len(again)} again, {what}")
        return "torn"

    def use(self, cmq, what):
        """The subscription's script and the way of new messages are as they were."""
        cmq.publish("events", what)

        def come():
            return self.served(cmq, "out").values()

        bodies = wait_until(come, 20, f"a message through the script, {what}")
        self.assertEqual(set(bodies), {f"{what} marked"})
        self.assertIsNone(self.server.process.poll(), f"{what}: {self.server.log()}")

    @staticmethod
    def served(cmq, queue):
        found = {}
        while messages := cmq.receive(queue, 16):
            found.update((message["msgId"], message["msgBody"]) for message in messages)
        return found

    def test_what_is_wrong_missing_or_there_again_is_found_out(self):
        victim = next(iter(set(self.sent) - self.deleted))
        sent, deleted = dict(self.sent), set(self.deleted)
        for plant in [
            lambda: self.sent.update({victim: sent[victim] + "0"}),
            lambda: self.deleted.add(victim),
            lambda: self.sent.update({"another": "never served"}),
        ]:
            self.start_copy()
            self.sent, self.deleted = dict(sent), set(deleted)
            plant()
            self.assertRaises(AssertionError, self.judge, "planted")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
