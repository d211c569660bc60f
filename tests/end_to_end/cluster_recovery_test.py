"""Three nodes with a long log: `cluster_recovery_test.py MIB`.

All three are killed and started again; one is away while so much is written. Measured: how long it
takes until all of them are ready and every set is led, and what memory catching up takes more than
before.
"""

import os
import sys
import threading
import time
import unittest

from cluster import Cluster
from large_state import FILLERS, MEMORY_MORE_MAX, Memory, fill, visible
from server import data_folder

MIB = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 128
FULL = MIB >= 1024  # of a quiet machine; smaller runs share theirs with others
READY_SECONDS_MAX = 10


class ClusterRecoveryTest(unittest.TestCase):
    def setUp(self):
        print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        self.cluster = Cluster(self, data_folder(self)).start().found()

    def referee(self, count):
        for at in range(FILLERS):
            self.assertEqual(visible(self.cluster.nodes[2], f"fill-{at}"), count)

    def start_all(self):
        """All nodes at once. A server lives no longer than the thread that started it."""
        over = threading.Event()
        self.addCleanup(over.set)
        started = threading.Semaphore(0)

        def start(node):
            node.start()
            started.release()
            over.wait()

        for node in self.cluster.nodes:
            threading.Thread(target=start, args=(node,), daemon=True).start()
        for _ in self.cluster.nodes:
            self.assertTrue(started.acquire(timeout=60))

    def test_three_killed_nodes_are_ready_soon(self):
        cluster = self.cluster
        count = fill(cluster.nodes, MIB)
        for node in cluster.nodes:
            node.kill()
        began = time.monotonic()
        self.start_all()
        ready = time.monotonic() - began
        cluster.settled()
        led = time.monotonic() - began
        print(f"{MIB} MiB: three nodes ready after {ready:.1f} s, led after {led:.1f} s", flush=True)
        self.referee(count)
        if FULL:
            self.assertLess(ready, READY_SECONDS_MAX)

    def test_a_node_that_was_away_catches_up_in_little_memory(self):
        cluster = self.cluster
        away = cluster.nodes[2]
        away.kill()
        cluster.settled()
        count = fill(cluster.nodes[:2], MIB)
        away.start()
        memory = Memory(cluster.nodes)
        self.addCleanup(memory.stop)
        began = time.monotonic()
        cluster.settled().caught_up(lag_max=20, patience=60 + MIB // 4)
        took = time.monotonic() - began
        more = memory.stop()
        growth = ", ".join(f"node {n}: {b >> 20} MiB" for n, b in sorted(more.items()))
        print(f"{MIB} MiB behind: {took:.1f} s; memory more than before: {growth}", flush=True)
        cluster.nodes[0].kill()
        cluster.settled()
        self.referee(count)
        if FULL:
            self.assertLess(max(more.values()), MEMORY_MORE_MAX)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
