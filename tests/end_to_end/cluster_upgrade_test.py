"""A cluster upgraded node by node under load, from this build to one that knows a format level more
and a kind of command of its own there: `penstock_next`, made of tests/end_to_end/next_format.cpp."""

import os
import time
import unittest

from cluster import Cluster
from cluster_load import Load, longest_gap
from cmq import Cmq
from server import BINARY, data_folder, wait_until

NEXT = os.environ["PENSTOCK_NEXT_BINARY"]
OWN = 4  # the format level of this build


def levels(node):
    """The format levels that sets are at, as one node has them."""
    return {
        value for (name, _), value in node.metrics().items() if name == "penstock_set_format_level"
    }


class UpgradeTest(unittest.TestCase):
    def test_a_cluster_is_upgraded_under_load_and_old_builds_are_refused(self):
        cluster = Cluster(self, data_folder(self)).start().found()
        wait_until(
            lambda: all(levels(node) == {OWN} for node in cluster.nodes),
            20,
            "every set is at the level of this build",
        )
        load = Load(cluster)
        load.begin()
        time.sleep(1)
        gaps = []
        for node in cluster.nodes:
            self.assertEqual(levels(cluster.nodes[0]), {OWN})
            began = time.monotonic()
            self.assertEqual(node.terminate()[0], 0, node.log())
            node.binary = NEXT
            node.start()
            cluster.settled().caught_up()
            time.sleep(1)
            gaps.append(longest_gap(list(load.successes), began, time.monotonic()))
        last = time.monotonic()
        wait_until(
            lambda: all(levels(node) == {OWN + 1} for node in cluster.nodes),
            20,
            "every set has been raised to the next level",
        )
        print(f"raised within {time.monotonic() - last:.1f} s of the last node", flush=True)
        # Sends are of the new kind now.
        time.sleep(1)
        load.finish(self, Cmq(cluster.nodes[0]))
        print(
            f"{len(load.acknowledged)} acknowledged, {load.failures} failed requests, longest"
            f" without a successful send {max(gaps):.2f} s",
            flush=True,
        )
        self.old_build_on_an_upgraded_folder(cluster)
        self.old_build_that_wants_to_join(cluster)

    def old_build_on_an_upgraded_folder(self, cluster):
        node = cluster.nodes[2]
        node.terminate()
        node.binary = BINARY
        code, said = node.start_refused()
        self.assertNotEqual(code, 0)
        self.assertIn(
            f"format level {OWN + 1}, this build knows 1 to {OWN}: upgrade this node first", said
        )
        node.binary = NEXT
        node.start()
        cluster.settled()

    def old_build_that_wants_to_join(self, cluster):
        cluster.grow(self)

        def refused():
            lines = "".join(line for node in cluster.nodes[:3] for line in node.stderr)
            return f"the cluster is at {OWN + 1} to {OWN + 1}: upgrade that node first" in lines

        wait_until(refused, 20, "the old build is refused at its hello")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
