"""Death at every call that changes a file: `kill_points_test.py ROUNDS [SEED]`.

One node lives a short life: it begins, takes messages over several segments, gives them out, stops, starts
again, lets segments go, stops. First the calls of such a life are listened to; then the node dies at each
kind of them, before, in the middle of and after it, at one of its calls by the seed. What it acknowledged
is there after the next start, and the life goes on to its end.
"""

import random
import shutil
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from cmq import Cmq, Refused, Unreachable
from kill_points import KillPoints
from node_load import SMALL_SEGMENTS
from server import Server, data_folder, wait_until

ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 1
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
AT_ONCE = 3  # lives: they mostly wait
BATCHES = 9
BATCH = 16
BODY_BYTES = 32 << 10  # a batch is an eighth of a segment
POINTS_MIN = 100  # a shim that sees nothing finds nothing
# A disk that others use too may stand still for long; nothing is said of a request whose time is over.
CONFIG = 'request_timeout = "40s"\n' + SMALL_SEGMENTS
PATIENCE_S = 60


class Life:
    """A node, what it was asked and what it answered; every step may be its last."""

    def __init__(self, test, chance, environment):
        self.test = test
        self.chance = chance
        self.folder = data_folder(test)
        self.server = Server(test, self.folder, CONFIG)
        self.server.environment = environment(self.folder / "data")
        self.there = {}  # message id -> body: sent, and not deleted
        self.deleted = set()
        self.maybe = {}  # message id -> body, of a delete whose outcome is unknown
        self.sent = set()

    def run(self):
        """Whether it lived to its end."""
        steps = [self.start, self.create, self.fill, self.drain, self.stop]
        steps += [self.start, self.fill, self.drain, self.let_go, self.stop]
        try:
            for step in steps:
                step()
        except (Unreachable, AssertionError, OSError):
            # Its connections end before it can be waited for; one that lives on fails the test here.
            self.server.process.wait(timeout=PATIENCE_S)
            return False
        return True

    def start(self):
        self.server.start()
        self.cmq = Cmq(self.server)

    def create(self):
        # Short: what a receive without an answer has leased is to come again.
        self.cmq.call("CreateQueue", queueName="load", visibilityTimeout=2)

    def fill(self):
        for _ in range(BATCHES):
            bodies = [self.chance.randbytes(BODY_BYTES // 2).hex() for _ in range(BATCH)]
            self.sent.update(bodies)
            self.there.update(zip(self.cmq.send("load", bodies), bodies))

    def drain(self):
        """Most are received and deleted; segments hold little then."""
        for _ in range(BATCHES - 1):
            handles = {m["receiptHandle"]: m["msgId"] for m in self.cmq.receive("load", BATCH)}
            if not handles:
                return
            for message in handles.values():
                self.maybe[message] = self.there.pop(message)
            for receipt in self.cmq.delete("load", list(handles)):
                self.deleted.add(handles[receipt])
                del self.maybe[handles[receipt]]

    def let_go(self):
        """Until the node has given segments back, or for a moment."""
        log = self.folder / "data" / "log"
        end = time.monotonic() + 1.5
        before = {path.name for path in log.glob("segment-*")}
        while time.monotonic() < end and before <= {path.name for path in log.glob("segment-*")}:
            time.sleep(0.05)

    def stop(self):
        self.server.process.terminate()
        code = self.server.process.wait(timeout=PATIENCE_S)
        if code != 0:
            raise OSError(f"it ended with {code}")

    def again(self, what):
        """The next start, without a point to die at."""
        self.server.kill()
        self.server.environment = None
        self.start()
        self.test.addCleanup(shutil.rmtree, self.folder, True)
        self.judge(what)
        self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def judge(self, what):
        test = self.test
        if not self.there and not self.maybe and not self.sent:
            try:
                self.create()
            except Refused as refusal:
                test.assertIn("(4460)", refusal.message, what)

        def all_seen():
            for message in self.cmq.receive("load", BATCH):
                number, body = message["msgId"], message["msgBody"]
                test.assertNotIn(number, self.deleted, f"deleted and there, {what}")
                test.assertIn(body, self.sent, f"never sent, {what}")
                test.assertIn(self.there.get(number), (None, body), f"another's body, {what}")
                seen.add(number)
            return set(self.there) <= seen

        seen = set()
        wait_until(all_seen, PATIENCE_S, f"all that was acknowledged, {what}")


class KillPointsTest(unittest.TestCase):
    def test_death_at_any_call_loses_nothing(self):
        points = KillPoints(data_folder(self))
        life = Life(self, random.Random(SEED), points.listening)
        self.assertTrue(life.run(), life.server.log())
        found = points.found()
        print(f"{len(found)} points, {ROUNDS} times each, seed {SEED}", flush=True)
        self.assertGreaterEqual(len(found), POINTS_MIN)
        tasks = [(point, turn) for point in sorted(found) for turn in range(ROUNDS)]
        with ThreadPoolExecutor(AT_ONCE) as lives:
            died = list(lives.map(lambda task: self.die_at(points, found, *task), tasks))
        lived = [point for (point, _), dead in zip(tasks, died) if not dead]
        print(f"{sum(died)} deaths, nothing lost; not met again: {lived}")
        # What a thread in the background does depends on the moment.
        self.assertLess(len(lived), len(tasks) // 8)

    def die_at(self, points, found, point, turn):
        """A life with that death and what comes after it; whether it met the point."""
        chance = random.Random(f"{SEED} {turn} {point}")
        # Not every life has as many calls as the one that was listened to.
        number = chance.randint(1, (found[point] + 1) // 2)
        life = Life(self, chance, lambda data: points.armed(data, point, number))
        lived = life.run()
        life.again(f"{point}, the {number}. time of {found[point]}, seed {SEED}")
        return not lived


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
