"""Death and damage of a node that joins, while it fetches what the cluster has: `joining_test.py TURNS [SEED]`.

A node joins two others and dies at a call that changes its identity, or a file of a snapshot on its way; in
half of the turns the part that was coming, if there is one, is damaged then. Started again it joins, leads,
and serves everything right; then it is one of the two that the next one joins.
"""

import random
import re
import sys
import time
import unittest

from cluster import Cluster, Node
from cmq import Cmq, Refused, Unreachable
from damages import Damages, files_of
from kill_points import KillPoints
from node_load import SMALL_SEGMENTS
from ports import free_ports
from server import Server, data_folder, wait_until

TURNS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 4
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
BATCHES = 20
BATCH = 16
BODY_BYTES = 8 << 10
SETS = 2
POINTS = re.compile(r"\w+ (incoming|cluster|promise)")
POINTS_MIN = 20


class JoiningTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.folder = data_folder(self)
        self.points = KillPoints(self.folder)
        # What was written by a node on its own is not in the log of the first set: it is fetched.
        self.cluster = Cluster(self, self.folder, size=1, sets=1)
        self.there = {}  # message id -> body
        alone = Server(self, self.folder / "node1").start()
        cmq = Cmq(alone)
        cmq.call("CreateQueue", queueName="load", visibilityTimeout=1)
        for _ in range(BATCHES):
            bodies = [self.random.randbytes(BODY_BYTES // 2).hex() for _ in range(BATCH)]
            self.there.update(zip(cmq.send("load", bodies), bodies))
        alone.terminate()
        self.cluster.nodes[0].config += SMALL_SEGMENTS
        self.cluster.nodes[0].start()
        self.cluster.found(sets=SETS)

    def test_a_node_that_dies_while_it_joins_joins_in_the_end(self):
        print(f"{TURNS} turns, seed {SEED}", flush=True)
        second = self.next_node()
        second.environment = self.points.listening(second.folder / "data")
        second.start()
        self.join(second, "the second node joins")
        found = {point: n for point, n in self.points.found().items() if POINTS.match(point)}
        self.assertGreater(len(found), POINTS_MIN)
        damages = Damages(self.random)
        order = self.random.sample(sorted(found), len(found))
        met = 0
        for turn in range(TURNS):
            point = order[turn % len(order)]
            number = self.random.randint(1, (found[point] + 1) // 2)
            what = f"turn {turn}, {point} of the {number}. time, seed {SEED}"
            node = self.next_node()
            died = self.die(node, point, number, what)
            if died and turn % 2 == 0:
                what += self.damage(node, damages)
            met += died
            node.environment = None
            if died:
                node.start()
            self.join(node, what)
            self.lead(node, what)
            self.serve(node, what)
            self.leave(what)
        print(f"{len(found)} points, {met} of {TURNS} met; damaged then: {damages.done}")
        self.assertGreater(met, TURNS // 2)

    def next_node(self):
        self.cluster.ports += free_ports(1)
        number = len(self.cluster.ports)
        config = self.cluster.config(number) + SMALL_SEGMENTS
        node = Node(self, self.folder / f"node{number}", number, config)
        self.cluster.nodes.append(node)
        return node

    def die(self, node, point, number, what):
        """Whether it died at the point; it has joined otherwise."""
        node.environment = self.points.armed(node.folder / "data", point, number)
        try:
            node.start()
        except AssertionError:
            return True
        self.ask("POST", "/v1/cluster/nodes", self.address_of(node), what)
        wait_until(lambda: not node.alive() or self.has_joined(node), 60, what)
        return not node.alive()

    def damage(self, node, damages):
        """One to the part that was coming, if there is one; in words."""
        data = node.folder / "data"
        if "snapshot-partial" not in files_of(data):
            return ""
        path, way, at = damages.damage(data, ["snapshot-partial"])
        return f", {way} {path} at {at}"

    def address_of(self, node):
        return {"id": node.number, "address": f"127.0.0.1:{self.cluster.ports[node.number - 1]}"}

    def ask(self, method, path, document, what):
        """A leader on its way may refuse; what is asked for twice happens once."""

        def asked():
            for node in self.cluster.running():
                try:
                    status, answer = node.native(method, path, document)
                except OSError:
                    continue
                if status == 200 or (status == 409 and "already" in str(answer)):
                    return True
            return False

        wait_until(asked, 60, f"{method} {path}, {what}")

    def join(self, node, what):
        members = [one["id"] for one in self.cluster.view()["nodes"]]
        if node.number not in members:
            self.ask("POST", "/v1/cluster/nodes", self.address_of(node), what)

        wait_until(lambda: self.has_joined(node), 90, f"it joins, {what}: {node.log()}")

    def lead(self, node, what):
        def leads():
            if self.cluster.leader_of(1) is node:
                return True
            node.native("POST", "/v1/cluster/sets/1/transfer", {"node": node.number})
            return False

        wait_until(leads, 60, f"it leads, {what}: {node.log()}")

    def has_joined(self, node):
        known = self.cluster.view()["sets"]
        voters = [{at["node"] for at in one["replicas"] if at["voter"]} for one in known]
        return len(voters) == SETS and all(node.number in some for some in voters)

    def serve(self, node, what):
        reader = Cmq(node)
        found = {}
        end = time.monotonic() + 60
        while len(found) < len(self.there) and time.monotonic() < end:
            try:
                messages = reader.receive("load", BATCH, 1)
            except (Refused, Unreachable):
                continue
            for message in messages:
                body = self.there.get(message["msgId"])
                self.assertEqual(body, message["msgBody"], f"served and wrong, {what}")
                found[message["msgId"]] = body
        self.assertEqual(set(self.there) - set(found), set(), f"missing, {what}: {node.log()}")

    def leave(self, what):
        """The older one of the two that were there goes."""
        leaver = self.cluster.nodes.pop(0)
        self.ask("DELETE", f"/v1/cluster/nodes/{leaver.number}", None, what)

        def gone():
            nodes = [one["id"] for one in self.cluster.view()["nodes"]]
            return len(nodes) == 2 and leaver.number not in nodes

        wait_until(gone, 60, f"node {leaver.number} is gone, {what}")
        leaver.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
