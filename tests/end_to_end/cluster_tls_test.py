"""Nodes with certificates of `penstock cluster init-certs` form a cluster, and let nobody in whose
certificate is of another authority."""

import json
import unittest

from cluster import Cluster, make_certificates
from cmq import Cmq
from server import data_folder, wait_until


class TlsTest(unittest.TestCase):
    def test_nodes_with_certificates_of_one_authority_form_a_cluster_and_others_do_not(self):
        folder = data_folder(self)
        ours = make_certificates(folder / "ours", "test")
        theirs = make_certificates(folder / "theirs", "test")
        cluster = Cluster(self, folder, certificates=ours)
        stranger = cluster.nodes[2]
        stranger.config = cluster.config(3, certificates=theirs)
        cluster.start()
        wait_until(
            lambda: "reason=untrusted" in cluster.nodes[0].log(), 20, "the stranger is refused"
        )
        status, problem = cluster.nodes[0].native("POST", "/v1/cluster/init")
        self.assertEqual(status, 503, problem)
        self.assertIn("node 3", problem["detail"])

        stranger.kill()
        stranger.config = cluster.config(3, certificates=ours)
        stranger.start()
        cluster.found()
        one, three = Cmq(cluster.nodes[0]), Cmq(stranger)
        one.call("CreateQueue", queueName="orders")
        three.call("SendMessage", queueName="orders", msgBody="by TLS")
        got = one.call("ReceiveMessage", queueName="orders", pollingWaitSeconds=5)
        self.assertEqual(got["msgBody"], "by TLS")

    def test_the_command_line_founds_a_cluster_and_shows_it(self):
        folder = data_folder(self)
        cluster = Cluster(self, folder, certificates=make_certificates(folder / "ours", "test"))
        cluster.start()
        node = cluster.nodes[1]
        wait_until(lambda: "is founded" in node.cli("cluster", "init", check=False), 20, "founded")
        self.assertIn("is founded", node.cli("cluster", "init"))
        cluster.settled().caught_up()
        shown = json.loads(node.cli("cluster", "status", "-o", "json"))
        self.assertEqual([one["id"] for one in shown["nodes"]], [1, 2, 3])
        self.assertTrue(all(one["connected"] for one in shown["nodes"]))
        self.assertEqual([one["set"] for one in shown["sets"]], list(range(9)))
        for one in shown["sets"]:
            self.assertEqual(len(one["replicas"]), 3)
            for replica in one["replicas"]:
                self.assertLessEqual(abs(one["committed"] - replica["match"]), 5)
        cluster.nodes[2].kill()

        def without():
            rows = node.cli("cluster", "status", "-o", "table")
            return "no connection: Connection refused" in rows

        wait_until(without, 20, "the dead node is shown as dead")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
