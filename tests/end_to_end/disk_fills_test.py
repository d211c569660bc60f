"""Disks that somebody else fills to the last byte at any moment, and empties: `disk_fills_test.py ROUNDS
[SEED]`. Whatever the node does then (a segment, rows, a manifest, a start, a stop) may fail, and nothing
that was acknowledged is lost. A third of the rounds fill the disk of one node of three.
"""

import random
import sys
import time
import unittest

from cluster import Cluster
from cluster_load import Load
from cmq import Cmq
from full_disk import FullDisk, may_have_ended
from node_load import SMALL_SEGMENTS, NodeLoad
from server import Server, data_folder, wait_until

ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 10
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
CLUSTER_ROUNDS = ROUNDS // 3
FULL_SECONDS = (0.3, 1.5)
LEFT_BYTES_MAX = 256 << 10


class DiskFillsTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.folder = data_folder(self)

    def fill(self, disk):
        disk.fill(self.random.choice([0, self.random.randrange(LEFT_BYTES_MAX)]))

    def test_one_node_keeps_what_it_acknowledged(self):
        rounds = ROUNDS - CLUSTER_ROUNDS
        print(f"{rounds} times full, seed {SEED}", flush=True)
        disk = FullDisk(self, self.folder / "data", mib=192)
        server = Server(self, self.folder, SMALL_SEGMENTS).start()
        Cmq(server).call("CreateQueue", queueName="load", visibilityTimeout=1)
        load = NodeLoad(Cmq(server)).begin()
        ended = []
        for number in range(rounds):
            time.sleep(self.random.uniform(0, 0.5))
            self.fill(disk)
            time.sleep(self.random.uniform(*FULL_SECONDS))
            ended.append(self.disturb(server, number))
            disk.empty()
            what = f"a send is taken again, round {number}, seed {SEED}: {server.log()}"
            before = len(load.acknowledged)

            def taken():
                self.revive(server)
                return len(load.acknowledged) > before

            wait_until(taken, 60, what)
            self.assertEqual(load.violations, [], what)
        self.revive(server)
        load.finish(self, SEED)
        print(f"{len(load.acknowledged)} acknowledged, 0 lost; exit codes on a full disk: {ended}")

    def revive(self, server):
        """A node that met the full disk late stops late."""
        if server.process.poll() is not None:
            self.assertTrue(may_have_ended(server), server.log())
            server.start()

    def disturb(self, server, number):
        """On a full disk it goes on, stops, or is killed and starts; the code it ended with."""
        if number % 3 == 1 and server.process.poll() is None:
            server.process.terminate()
            server.process.wait(timeout=60)
        elif number % 3 == 2:
            server.kill()
            try:
                server.start()
            except AssertionError:
                pass  # no room for it
        return server.process.poll()

    def test_a_cluster_keeps_what_it_acknowledged(self):
        print(f"{CLUSTER_ROUNDS} times one node of three, seed {SEED}", flush=True)
        cluster = Cluster(self, self.folder, sets=2)
        disks = []
        for node in cluster.nodes:
            node.config += SMALL_SEGMENTS
            disks.append(FullDisk(self, node.folder / "data", mib=256))
        cluster.start().found(sets=3)
        load = Load(cluster, rate=800)
        load.begin()
        time.sleep(1)
        for number in range(CLUSTER_ROUNDS):
            at = self.random.randrange(3)
            self.fill(disks[at])
            time.sleep(self.random.uniform(*FULL_SECONDS))
            disks[at].empty()
            whole = time.monotonic()

            def taken():
                self.revive(cluster.nodes[at])
                return load.successes and load.successes[-1] > whole

            wait_until(taken, 90, f"a successful send after round {number}, seed {SEED}")
            with load.lock:
                self.assertEqual(load.violations, [], f"round {number}, seed {SEED}")
        for node in cluster.nodes:
            self.revive(node)
        cluster.settled(sets=3).caught_up()
        load.finish(self, Cmq(cluster.nodes[0]))
        print(f"{len(load.acknowledged)} acknowledged, 0 lost, {load.failures} failed requests")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
