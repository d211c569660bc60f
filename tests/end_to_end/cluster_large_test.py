"""A wiped node is replaced in a cluster with a large state, under load: `cluster_large_test.py MIB`.

Three nodes are filled with so many MiB over eight sets. One dies with its disk; a new node takes its
place and fetches a snapshot of each set. Measured: how long that takes, what sends through the
leaders take before and meanwhile, what memory each node takes more than before. Referees: every set
gets three voters, and after the oldest node dies too everything that was counted is still there.
"""

import http.client
import os
import shutil
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
    def test_a_wiped_node_is_replaced_while_the_others_serve(self):
        print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        cluster = Cluster(self, data_folder(self), size=4, founders=3)
        fresh = cluster.nodes.pop()
        cluster.start().found()
        queues = [f"load-{at}" for at in range(SENDERS)]
        make_queues(cluster.nodes[0], queues)
        began = time.monotonic()
        count = fill(cluster.nodes, MIB)
        print(f"{MIB} MiB filled in {time.monotonic() - began:.1f} s", flush=True)
        sends = Sends(cluster.nodes[:2], queues)
        self.addCleanup(sends.stop)
        calm = time.monotonic() + 1
        time.sleep(CALM_SECONDS)
        calm_over = time.monotonic()
        wiped = cluster.nodes.pop()
        wiped.kill()
        shutil.rmtree(wiped.folder / "data")
        cluster.settled(patience=30)
        cluster.nodes.append(fresh)
        fresh.start()
        memory = Memory(cluster.nodes)
        self.addCleanup(memory.stop)
        replaced = time.monotonic()
        address = f"127.0.0.1:{cluster.ports[fresh.number - 1]}"
        status, answer = cluster.nodes[0].native(
            "POST",
            f"/v1/cluster/nodes/{wiped.number}/replace",
            {"id": fresh.number, "address": address},
        )
        self.assertEqual(status, 200, answer)
        self.wait_for_voters(cluster, fresh.number, sends)
        ended = time.monotonic()
        more = memory.stop()
        time.sleep(1)
        sends.stop()
        self.assertEqual(sends.failures, [])
        self.tell(sends, (calm, calm_over), (replaced, ended), more)
        cluster.nodes[0].kill()
        cluster.settled(patience=30)
        for at in range(FILLERS):
            self.assertEqual(visible(cluster.nodes[1], f"fill-{at}"), count)

    def wait_for_voters(self, cluster, fresh, sends):
        def whole():
            self.assertEqual(sends.failures, [])
            known = cluster.nodes[0].sets()
            voters = [
                sorted(one["node"] for one in each["replicas"] if one["voter"]) for each in known
            ]
            return len(voters) == DATA_SETS + 1 and all(each == [1, 2, fresh] for each in voters)

        wait_until(whole, 60 + MIB // 4, "every set has three voters again")
        cluster.caught_up(lag_max=100)

    def tell(self, sends, calm, meanwhile, more):
        before, before_max, before_count = sends.p99(*calm)
        during, during_max, during_count = sends.p99(*meanwhile)
        growth = ", ".join(f"node {n}: {b >> 20} MiB" for n, b in sorted(more.items()))
        print(
            f"{MIB} MiB in {meanwhile[1] - meanwhile[0]:.1f} s; sends p99 before {before * 1e3:.1f} ms (most"
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
