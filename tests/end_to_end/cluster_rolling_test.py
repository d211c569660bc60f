"""All nodes of a cluster stopped in order and started again, one after the other, under load: each
hands over what it leads before it goes, and nobody has to wait for an election."""

import time
import unittest

from cluster import Cluster
from cluster_load import Load, longest_gap
from cmq import Cmq
from server import data_folder


class RollingTest(unittest.TestCase):
    def test_a_rolling_restart_of_all_nodes_leaves_no_gap_worth_noticing(self):
        cluster = Cluster(self, data_folder(self)).start().found()
        load = Load(cluster)
        load.begin()
        time.sleep(2)
        gaps = []
        for node in cluster.nodes:
            # So that there is something to hand over.
            led = [one["set"] for one in node.sets() if one["leader"] == node.number]
            began = time.monotonic()
            code, took = node.terminate()
            self.assertEqual(code, 0, node.log())
            left = "".join(node.stderr).count("why=this node stops")
            node.start()
            cluster.settled().caught_up()
            time.sleep(1)
            gaps.append(longest_gap(list(load.successes), began, time.monotonic()))
            print(
                f"  node {node.number}: led {len(led)} sets, handed over {left}, stopped in"
                f" {took:.2f} s, longest without a send {gaps[-1]:.2f} s",
                flush=True,
            )
            self.assertGreaterEqual(left, len(led) - 1, node.log())
        load.finish(self, Cmq(cluster.nodes[0]))
        print(
            f"{len(load.acknowledged)} acknowledged, {load.failures} failed requests, longest"
            f" without a successful send {max(gaps):.2f} s",
            flush=True,
        )
        self.assertLess(max(gaps), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
