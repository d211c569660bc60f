"""Power cuts on a disk that forgets what was not synced: `power_cut_test.py CUTS [SEED]`.

The power goes in the middle of a sync, under load, while the server starts or while it stops. A quarter
of the cuts hit a cluster, one to three of its nodes at once; the others one node.
"""

import random
import sys
import time
import unittest

from cluster import Cluster
from cluster_load import Load
from cmq import Cmq
from forgetful import ForgetfulDisk
from node_load import SMALL_SEGMENTS, NodeLoad
from server import Server, data_folder, wait_until
from shims import with_shim

CUTS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 8
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
CLUSTER_CUTS = CUTS // 4
LIFE_SECONDS = (0.05, 0.6)


class PowerCutTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.folder = data_folder(self)

    def single(self):
        """One node on a forgetful disk of its own, not yet started, and the disk."""
        disk = ForgetfulDisk(self.folder).format()
        return disk, Server(self, disk.mount_point, SMALL_SEGMENTS)

    def cut(self, disk, server, syncs=0, patience=5):
        """Cuts the power so many syncs from now, or when no more come; the disk is back then."""
        disk.cut(self.random.randrange(1 << 32), syncs)
        self.wait_for_cut(disk, patience)
        self.cut_off(disk, server)

    @staticmethod
    def wait_for_cut(disk, patience):
        end = time.monotonic() + patience
        while ForgetfulDisk.missing is None and not disk.is_off() and time.monotonic() < end:
            time.sleep(0.002)

    def cut_off(self, disk, server):
        if not disk.is_off():
            disk.cut(self.random.randrange(1 << 32))
        server.kill()
        disk.restore()

    def cut_under_load(self, disk, server):
        time.sleep(self.random.uniform(*LIFE_SECONDS))
        self.cut(disk, server, self.random.randint(0, 4))

    def cut_while_it_stops(self, disk, server):
        """The rows are flushed then: tables, manifests and links of RocksDB."""
        time.sleep(self.random.uniform(*LIFE_SECONDS))
        disk.cut(self.random.randrange(1 << 32), self.random.randint(1, 12))
        server.process.terminate()
        server.process.wait(timeout=30)
        self.cut_off(disk, server)

    def cut_while_it_starts(self, disk, server):
        server.kill()
        disk.cut(self.random.randrange(1 << 32), self.random.randint(1, 20))
        try:
            server.start()
        except AssertionError:
            pass  # the power went before it was ready
        self.cut_off(disk, server)

    def test_one_node_keeps_what_it_acknowledged(self):
        cuts = CUTS - CLUSTER_CUTS
        print(f"{cuts} cuts of one node, seed {SEED}", flush=True)
        disk, server = self.single()
        server.start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="load", visibilityTimeout=1)
        load = NodeLoad(cmq).begin()
        ways = [self.cut_under_load, self.cut_while_it_stops, self.cut_while_it_starts]
        for cut in range(cuts):
            ways[cut % len(ways)](disk, server)
            server.start()
            self.assertEqual(load.violations, [], f"cut {cut}, seed {SEED}")
        load.finish(self, SEED)
        self.assertGreater(len(load.acknowledged), 10 * cuts)
        print(f"{len(load.acknowledged)} acknowledged, 0 lost; {disk.lost()} blocks were")
        if ForgetfulDisk.missing is None:
            self.assertGreater(disk.lost(), cuts // 4)

    def test_a_cluster_keeps_what_it_acknowledged(self):
        print(f"{CLUSTER_CUTS} cuts of a cluster, seed {SEED}", flush=True)
        disks = [ForgetfulDisk(self.folder / f"node{at + 1}", mib=256) for at in range(3)]
        cluster = Cluster(self, self.folder, sets=2)
        for disk, node in zip(disks, cluster.nodes):
            node.folder = disk.format().mount_point
        cluster.start().found(sets=3)
        load = Load(cluster, rate=800)
        load.begin()
        for cut in range(CLUSTER_CUTS):
            time.sleep(self.random.uniform(*LIFE_SECONDS))
            self.cut_some(cut, list(zip(disks, cluster.nodes)), load)
        cluster.settled(sets=3).caught_up()
        load.finish(self, Cmq(cluster.nodes[0]))
        self.assertGreater(len(load.acknowledged), 50 * CLUSTER_CUTS)
        lost = [disk.lost() for disk in disks]
        print(f"{len(load.acknowledged)} acknowledged, 0 lost; blocks of the nodes: {lost}")

    def cut_some(self, cut, machines, load):
        # All three at once every other time: what a majority synced is all there is then.
        count = 3 if cut % 2 == 0 else self.random.randint(1, 2)
        victims = self.random.sample(machines, count)
        for disk, _ in victims:
            disk.cut(self.random.randrange(1 << 32), self.random.randint(0, 2))
        for disk, node in victims:
            self.wait_for_cut(disk, 1)
            self.cut_off(disk, node)
        for _, node in victims:
            node.start()
        whole = time.monotonic()
        what = f"a successful send after cut {cut}, seed {SEED}"
        wait_until(lambda: load.successes and load.successes[-1] > whole, 90, what)
        with load.lock:
            self.assertEqual(load.violations, [], f"cut {cut}, seed {SEED}")

    def test_a_server_whose_syncs_do_nothing_is_found_out(self):
        disk, server = self.single()
        if ForgetfulDisk.missing is not None:
            return  # said above: nothing is forgotten here
        server.environment = with_shim("lying_sync", self.folder)
        server.start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="load", visibilityTimeout=600)
        sent = {f"{number}" for number in range(160)}
        cmq.send("load", sorted(sent)[:16])
        for first in range(0, 160, 16):
            cmq.send("load", sorted(sent)[first : first + 16])
        self.cut(disk, server)
        self.assertNotEqual(self.found_again(server), sent, "lies were not found out")

    @staticmethod
    def found_again(server):
        """The bodies that come out after the cut; none when nothing comes up."""
        try:
            server.start()
            cmq = Cmq(server)
            found = set()
            while messages := cmq.receive("load", 16):
                found.update(message["msgBody"] for message in messages)
            return found
        except Exception as problem:
            print(f"with lying syncs: {str(problem)[:300]}")
            return None


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
