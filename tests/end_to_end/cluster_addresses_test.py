"""Nodes at other addresses than the cluster remembers find each other by their configurations."""

import unittest

from cluster import Cluster
from cmq import Cmq
from ports import free_ports
from server import data_folder, wait_until

SETS = 2
MESSAGES = 5


class AddressesTest(unittest.TestCase):
    def test_nodes_that_have_all_moved_go_on_where_they_were(self):
        cluster = Cluster(self, data_folder(self), sets=SETS).start().found(SETS + 1)
        one = Cmq(cluster.nodes[0])
        one.call("CreateQueue", queueName="kept")
        one.send("kept", [f"message {at}" for at in range(MESSAGES)])
        for node in cluster.nodes:
            node.terminate()
        cluster.ports = free_ports(len(cluster.nodes))
        for node in cluster.nodes:
            node.config = cluster.config(node.number)
        cluster.start().settled(SETS + 1)
        got = []
        wait_until(
            lambda: got.extend(Cmq(cluster.nodes[2]).receive("kept", wait=1))
            or len(got) == MESSAGES,
            20,
            "all messages are there",
        )

        # A further node, whose configuration names nobody, learns it from the cluster.
        fresh = cluster.grow(self)
        fresh.terminate()
        fresh.config = "\n".join(
            f'peers = [{{id = 4, address = "127.0.0.1:{cluster.ports[3]}"}}]'
            if line.startswith("peers")
            else line
            for line in fresh.config.splitlines()
        )
        fresh.start()
        cluster.add(fresh)

        def joined():
            shown = {node["id"]: node["peer_address"] for node in cluster.view()["nodes"]}
            return shown == {at + 1: f"127.0.0.1:{port}" for at, port in enumerate(cluster.ports)}

        wait_until(joined, 30, "the further node knows where all are")
        cluster.settled(SETS + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
