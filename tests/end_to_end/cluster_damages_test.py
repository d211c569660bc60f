"""Damaged files, one at a time, of one node of three: `cluster_damages_test.py DAMAGES [SEED]`.

The node was killed or stopped, and the others go on. Started again with one damaged file it refuses, and
gets its file back, or it comes back: after some damages it leads, and what it serves is right and whole,
for the others have what it lacks.
"""

import random
import shutil
import sys
import time
import unittest

from cluster import Cluster
from cmq import Cmq, Refused, Unreachable
from damages import Damages
from node_load import SMALL_SEGMENTS
from server import data_folder, wait_until

DAMAGES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 20
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
MESSAGES = 96
BATCH = 16
BODY_BYTES = 8 << 10
SETS = 2
ROUND = 4  # damages of a node before it is made to lead: that takes seconds


class ClusterDamagesTest(unittest.TestCase):
    def test_damage_of_one_replica_is_not_served_and_loses_nothing(self):
        print(f"{DAMAGES} damages of one node of three, seed {SEED}", flush=True)
        self.random = random.Random(SEED)
        self.cluster = Cluster(self, data_folder(self), sets=1)
        for node in self.cluster.nodes:
            node.config += SMALL_SEGMENTS
        self.cluster.start().found(sets=SETS)
        self.there = {}  # message id -> body, of what is in the queue
        self.maybe = set()  # bodies of requests whose outcome is unknown
        Cmq(self.cluster.nodes[0]).call("CreateQueue", queueName="load", visibilityTimeout=1)
        damages = Damages(self.random)
        counts = {"whole": 0, "refused": 0, "stopped": 0}
        for number in range(DAMAGES):
            if number % ROUND == 0:
                node = self.random.choice(self.cluster.nodes)
            self.renew()
            what, outcome = self.damage_one(node, damages, number)
            counts[outcome] += 1
            if number % ROUND == ROUND - 1 or number == DAMAGES - 1:
                self.lead(node, what)
                self.drain(node, what)
        print(f"{damages.done}: {counts}, no wrong body, nothing lost")
        self.assertGreater(counts["whole"], 0)

    def renew(self):
        """Some messages go, others come: the logs have something to say to a replica."""
        cmq = Cmq(self.cluster.settled(sets=SETS).nodes[0])
        gone = {}
        end = time.monotonic() + 60
        while self.there and not gone:
            self.assertLess(time.monotonic(), end, "nothing can be received")
            for message in self.received(cmq):
                gone[message["receiptHandle"]] = message["msgId"]
        try:
            removed = cmq.delete("load", list(gone)) if gone else []
        except (Refused, Unreachable):
            removed = gone  # or not
            self.maybe.update(self.there.get(number) for number in gone.values())
        for receipt in removed:
            self.there.pop(gone[receipt], None)
        while len(self.there) < MESSAGES:
            bodies = [self.random.randbytes(BODY_BYTES // 2).hex() for _ in range(BATCH)]
            try:
                self.there.update(zip(cmq.send("load", bodies), bodies))
            except (Refused, Unreachable):
                self.maybe.update(bodies)

    @staticmethod
    def received(cmq):
        """Nothing, too, while the set is on its way to another leader."""
        try:
            return cmq.receive("load", BATCH, 1)
        except (Refused, Unreachable):
            time.sleep(0.05)
            return []

    def damage_one(self, node, damages, number):
        if self.random.random() < 0.5:
            node.kill()
        else:
            node.terminate()
        data = node.folder / "data"
        whole = node.folder / "whole"
        shutil.rmtree(whole, ignore_errors=True)
        shutil.copytree(data, whole)
        path, way, at = damages.damage(data)
        what = f"damage {number}, seed {SEED}: {way} {path} at {at} of node {node.number}"
        try:
            node.start()
            self.cluster.settled(sets=SETS)
            wait_until(lambda: self.in_touch(node), 60, f"the others hear of the node, {what}")
        except AssertionError:
            self.assertEqual(node.process.returncode, 1, f"{what}: {node.log()}")
            outcome = "refused"
        else:
            if node.process.poll() is None:
                return what, "whole"
            # The end of its log was gone, which only the others can know of.
            self.assertNotEqual(node.process.returncode, 0, what)
            self.assertIn("that this node had confirmed", node.log(), what)
            outcome = "stopped"
        shutil.rmtree(data)
        shutil.move(whole, data)
        node.start()
        return what, outcome

    def in_touch(self, node):
        """The leader of each set has looked at the node's log; or it has ended."""
        if node.process.poll() is not None:
            return True
        known = self.cluster.running()[0].sets()
        mine = [
            (one, replica)
            for one in known
            for replica in one["replicas"]
            if replica["node"] == node.number
        ]
        return len(mine) == SETS and all(
            replica.get("active") and replica.get("match", 0) == one["committed"]
            for one, replica in mine
        )

    def lead(self, node, what):
        """The node leads the data set, once it has all of it."""
        self.cluster.settled(sets=SETS).caught_up(lag_max=0)

        def leads():
            if self.cluster.leader_of(1) is node:
                return True
            self.assertIsNone(node.process.poll(), f"{what}: {node.log()}")
            node.native("POST", "/v1/cluster/sets/1/transfer", {"node": node.number})
            return False

        wait_until(leads, 60, f"the node leads, {what}: {node.log()}")

    def drain(self, node, what):
        reader = Cmq(node)
        found = {}
        end = time.monotonic() + 60
        while not set(self.there) <= set(found) and time.monotonic() < end:
            for message in self.received(reader):
                number, body = message["msgId"], message["msgBody"]
                right = body == self.there[number] if number in self.there else body in self.maybe
                self.assertTrue(right, f"{number} served and wrong, {what}")
                found[number] = body
        missing = set(self.there) - set(found)
        self.assertEqual(missing, set(), f"missing, {what}: {node.log()}")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
