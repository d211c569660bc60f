"""A node joins a cluster with a large state, under load: `cluster_large_test.py MIB`.

Two nodes are filled with so many MiB over eight sets, then a third one with an empty disk is added and
fetches a snapshot of each. Measured: how long that takes, what sends through the leader take before
and meanwhile, what memory each node takes more than before. Referees: every set gets three voters,
and after the oldest node dies everything that was counted is still there.
"""

import http.client
import os
import sys
import threading
import time
import unittest

from cluster import DATA_SETS, Cluster
from large_state import FILLERS, MEMORY_MORE_MAX, Link, Memory, fill, make_queues, visible
from server import data_folder, wait_until

MIB = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 200
FULL = MIB >= 1024  # of a quiet machine; smaller runs share theirs with others
SENDERS = 4
SENDS_PER_SECOND = 200
CALM_SECONDS = 15


class Sends:
    """A steady rate of single sends; what each took."""

    def __init__(self, nodes, queues):
        self.took = []  # (when it began, seconds)
        self.failures = []
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(Link(nodes[at % len(nodes)]), queues[at]))
            for at in range(SENDERS)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, link, queue):
        body = "s" * 1024
        due = time.monotonic()
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                link.post(f"/v1/queues/{queue}/messages", body)
                self.took.append((began, time.monotonic() - began))
            except (AssertionError, OSError, http.client.HTTPException) as problem:
                self.failures.append(problem)
                return
            due = max(due + SENDERS / SENDS_PER_SECOND, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def p99(self, begin, end):
        took = sorted(seconds for at, seconds in self.took if begin <= at < end)
        return took[len(took) * 99 // 100], took[-1], len(took)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class ClusterLargeTest(unittest.TestCase):
    def test_a_node_with_an_empty_disk_gets_everything_while_the_others_serve(self):
        print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        cluster = Cluster(self, data_folder(self), size=3, founders=2)
        fresh = cluster.nodes.pop()
        cluster.start().found()
        queues = [f"load-{at}" for at in range(SENDERS)]
        make_queues(cluster.nodes[0], queues)
        began = time.monotonic()
        count = fill(cluster.nodes, MIB)
        print(f"{MIB} MiB filled in {time.monotonic() - began:.1f} s", flush=True)
        sends = Sends(cluster.nodes, queues)
        self.addCleanup(sends.stop)
        calm = time.monotonic() + 1
        time.sleep(CALM_SECONDS)
        cluster.nodes.append(fresh)
        fresh.start()
        memory = Memory(cluster.nodes)
        self.addCleanup(memory.stop)
        added = time.monotonic()
        cluster.add(fresh)
        self.wait_for_voters(cluster, sends)
        ended = time.monotonic()
        more = memory.stop()
        time.sleep(1)
        sends.stop()
        self.assertEqual(sends.failures, [])
        self.tell(sends, calm, added, ended, more)
        cluster.nodes[0].kill()
        cluster.settled(patience=30)
        for at in range(FILLERS):
            self.assertEqual(visible(cluster.nodes[1], f"fill-{at}"), count)

    def wait_for_voters(self, cluster, sends):
        def grown():
            self.assertEqual(sends.failures, [])
            known = cluster.nodes[0].sets()
            voters = [sum(one["voter"] for one in each["replicas"]) for each in known]
            return len(voters) == DATA_SETS + 1 and min(voters) == 3

        wait_until(grown, 60 + MIB // 4, "every set has three voters")
        cluster.caught_up(lag_max=100)

    def tell(self, sends, calm, added, ended, more):
        before, before_max, before_count = sends.p99(calm, added)
        during, during_max, during_count = sends.p99(added, ended)
        growth = ", ".join(f"node {n}: {b >> 20} MiB" for n, b in sorted(more.items()))
        print(
            f"{MIB} MiB in {ended - added:.1f} s; sends p99 before {before * 1e3:.1f} ms (most"
            f" {before_max * 1e3:.1f}, {before_count}), meanwhile {during * 1e3:.1f} ms (most"
            f" {during_max * 1e3:.1f}, {during_count}): {during / before:.2f} times;"
            f" memory more than before: {growth}; load average {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        if FULL:
            self.assertLess(during, 2 * before)
            self.assertLess(max(more.values()), MEMORY_MORE_MAX)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
