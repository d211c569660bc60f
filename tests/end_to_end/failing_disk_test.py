"""Calls to the disk that fail, and disks that stall: `failing_disk_test.py ROUNDS [SEED]`.

One node, with libfiu between it and libc: some calls fail with EIO or ENOSPC. It stops itself or lives, and
started again without faults it has what it acknowledged. Three nodes on forgetful disks: the disk of one
that leads stands still; the others lead before the clients wait long, and nothing is lost.
"""

import random
import sys
import time
import unittest

from cluster import Cluster
from cluster_load import Load
from cmq import Cmq
from failing_calls import FAULTS, failing, preloaded
from forgetful import ForgetfulDisk
from node_load import SMALL_SEGMENTS, NodeLoad
from server import STOPPED, Server, data_folder, wait_until

ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 10
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
STALLS = ROUNDS // 3
LIFE_SECONDS = 3  # of a node that does not stop
LEAVES_SECONDS_MAX = 6  # in the median; 3 on a machine that has nothing else to do


class FailingDiskTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.folder = data_folder(self)

    def test_one_node_keeps_what_it_acknowledged(self):
        rounds = ROUNDS - STALLS
        print(f"{rounds} rounds of failing calls, seed {SEED}", flush=True)
        server = Server(self, self.folder, SMALL_SEGMENTS).start()
        Cmq(server).call("CreateQueue", queueName="load", visibilityTimeout=1)
        load = NodeLoad(Cmq(server)).begin()
        stopped = 0
        for number in range(rounds):
            name, error, often, must_stop = FAULTS[number % len(FAULTS)]
            server.terminate()
            server.environment = dict(preloaded(), FIU_ENABLE=failing(name, error, often))
            ended = self.live(server)
            what = f"round {number}, {name} fails with {error}, seed {SEED}: {server.log()}"
            self.assertTrue(ended or not must_stop, f"goes on, {what}")
            self.assertIn(server.process.poll(), (None, 1, STOPPED), what)
            stopped += ended
            server.kill()
            server.environment = None
            server.start()
            self.assertEqual(load.violations, [], what)
        load.finish(self, SEED)
        print(f"{stopped} of {rounds} stopped the node; {len(load.acknowledged)} acknowledged, 0 lost")
        self.assertGreater(len(load.acknowledged), 10 * rounds)

    @staticmethod
    def live(server):
        """Whether the node ended by itself, at its start or under load."""
        try:
            server.start()
        except AssertionError:
            return True
        end = time.monotonic() + LIFE_SECONDS
        while server.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        return server.process.poll() is not None

    def test_leadership_leaves_a_disk_that_stands_still(self):
        print(f"{STALLS} stalls, seed {SEED}", flush=True)
        disks = [ForgetfulDisk(self.folder / f"node{at + 1}", mib=256) for at in range(3)]
        cluster = Cluster(self, self.folder, sets=2)
        for disk, node in zip(disks, cluster.nodes):
            node.folder = disk.format().mount_point
        cluster.start().found(sets=3)
        load = Load(cluster, rate=400)
        load.begin()
        time.sleep(1)
        left = [self.stall(cluster, disks, load, number) for number in range(STALLS)]
        cluster.settled(sets=3).caught_up()
        load.finish(self, Cmq(cluster.nodes[0]))
        print(f"{len(load.acknowledged)} acknowledged, 0 lost; leadership left after {left} s")
        self.assertLess(sorted(left)[len(left) // 2], LEAVES_SECONDS_MAX)

    def stall(self, cluster, disks, load, number):
        """Stops the disk under the busiest set's leader; seconds until another leads it."""
        busiest = cluster.busiest_set()
        victim = wait_until(lambda: cluster.leader_of(busiest), 30, "the busiest set is led")
        others = [node for node in cluster.nodes if node is not victim]
        disk = disks[victim.number - 1]
        began = time.monotonic()
        if disk.process is None:
            victim.halt()  # no such disk on this machine: the whole node stands still
        else:
            disk.stall()
        try:
            what = f"another node leads, stall {number}, seed {SEED}"
            wait_until(lambda: self.led_by(others, busiest), 60, what)
            left = time.monotonic()
            wait_until(lambda: load.successes[-1] > left, 60, f"a send, {what}")
            time.sleep(self.random.uniform(0, 2))
        finally:
            disk.go_on()
            victim.resume()
        time.sleep(1)
        cluster.settled(sets=3).caught_up()
        self.assertIsNone(victim.process.poll(), victim.log())
        with load.lock:
            self.assertEqual(load.violations, [], f"stall {number}, seed {SEED}")
        return round(left - began, 2)

    @staticmethod
    def led_by(nodes, number):
        numbers = {node.number for node in nodes}
        leaders = {one["leader"] for one in nodes[0].sets() if one["set"] == number}
        return bool(leaders & numbers)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
