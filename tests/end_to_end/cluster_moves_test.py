"""Nodes come and go, sets move, under load: `cluster_moves_test.py`."""

import time
import unittest

from cluster import Cluster
from cluster_load import Load, longest_gap
from cmq import Cmq
from server import data_folder, wait_until

GAP_MAX = 2  # seconds without a successful send, while a set moves


class ClusterMovesTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(self, data_folder(self)).start().found()
        self.load = Load(self.cluster)
        self.load.begin()
        time.sleep(1)

    def ask(self, method, path, body=None):
        """Through the last node, so that requests for set 0 travel."""
        node = self.cluster.running()[-1]
        status, document = node.native(method, path, body)
        self.assertEqual(status, 200, document)

    def join(self):
        node = self.cluster.grow(self)
        address = f"127.0.0.1:{self.cluster.ports[-1]}"
        self.ask_first("POST", "/v1/cluster/nodes", {"id": node.number, "address": address})
        wait_until(lambda: len(node.sets()) == 9, 60, f"node {node.number} knows the sets")
        self.load.know(node)
        return node

    def ask_first(self, method, path, body):
        status, document = self.cluster.running()[0].native(method, path, body)
        self.assertEqual(status, 200, document)

    def holders(self):
        """node -> how many data sets it is a voting member of, as leaders tell."""
        held = {}
        for one in self.cluster.view()["sets"]:
            for replica in one["replicas"]:
                if one["set"] != 0 and replica["voter"] and one["leader"] != 0:
                    held[replica["node"]] = held.get(replica["node"], 0) + 1
        return held

    def measured(self, what, work, done, patience=60):
        began = time.monotonic()
        work()
        try:
            wait_until(done, patience, what)
        except AssertionError:
            for node in self.cluster.nodes:
                print(f"node {node.number}:\n{node.log()}", flush=True)
            raise
        ended = time.monotonic()
        gap = longest_gap(list(self.load.successes), began, ended)
        print(f"  {what}: {ended - began:.1f} s, {gap:.2f} s without a send", flush=True)
        self.assertLess(gap, GAP_MAX, what)

    def test_sets_move_to_new_nodes_and_from_leaving_ones_and_nothing_is_lost(self):
        self.join()
        self.measured(
            "rebalanced to four nodes",
            lambda: self.ask("POST", "/v1/cluster/rebalance"),
            lambda: not self.cluster.view().get("rebalancing", True)
            and self.holders() == {1: 6, 2: 6, 3: 6, 4: 6},
        )
        leaver = self.cluster.nodes[0]
        self.measured(
            "node 1 removed",
            lambda: self.ask("DELETE", "/v1/cluster/nodes/1"),
            lambda: 1 not in [n["id"] for n in self.cluster.view()["nodes"]]
            and self.holders() == {2: 8, 3: 8, 4: 8},
        )
        leaver.terminate()
        busiest = self.cluster.busiest_set()
        for target in (2, 3, 4):
            self.measured(
                f"set {busiest} led by node {target}",
                lambda: self.ask("POST", f"/v1/cluster/sets/{busiest}/transfer", {"node": target}),
                lambda: self.cluster.leader_of(busiest) is self.cluster.nodes[target - 1],
            )
        fifth = self.cluster.grow(self)
        self.load.know(fifth)
        self.cluster.nodes[1].kill()
        address = f"127.0.0.1:{self.cluster.ports[-1]}"
        time.sleep(1)
        self.measured(
            "dead node 2 replaced by node 5",
            lambda: self.ask_running(
                "POST", "/v1/cluster/nodes/2/replace", {"id": 5, "address": address}
            ),
            lambda: self.holders() == {3: 8, 4: 8, 5: 8}
            and 2 not in [n["id"] for n in self.cluster.view()["nodes"]],
        )
        self.load.finish(self, Cmq(fifth))
        print(
            f"{len(self.load.acknowledged)} acknowledged, 0 lost,"
            f" {self.load.failures} failed requests",
            flush=True,
        )

    def ask_running(self, method, path, body):
        def asked():
            status, _ = self.cluster.nodes[2].native(method, path, body)
            return status == 200

        wait_until(asked, 20, path)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
