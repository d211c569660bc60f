"""/metrics of the real binary: OpenMetrics to the letter, and its figures move with the traffic."""

import unittest

from cluster import Cluster
from cmq import Cmq
from open_metrics import total
from receiver import Receiver
from server import Server, data_folder, wait_until


class MetricsTest(unittest.TestCase):
    def test_the_figures_of_one_server_move_with_its_traffic(self):
        server = Server(self, data_folder(self)).start()
        idle = server.metrics()
        self.assertEqual(total(idle, "penstock_ready"), 1)
        self.assertEqual(total(idle, "penstock_messages_sent_total"), 0)
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="orders")
        for at in range(7):
            cmq.call("SendMessage", queueName="orders", msgBody=f"body {at}")
        for _ in range(3):
            got = cmq.call("ReceiveMessage", queueName="orders", pollingWaitSeconds=5)
            cmq.call("DeleteMessage", queueName="orders", receiptHandle=got["receiptHandle"])
        cmq.call("ReceiveMessage", queueName="orders", pollingWaitSeconds=5)
        busy = server.metrics()
        self.assertEqual(total(busy, "penstock_messages_sent_total"), 7)
        self.assertEqual(total(busy, "penstock_messages_received_total"), 4)
        self.assertEqual(total(busy, "penstock_messages_deleted_total"), 3)
        self.assertEqual(total(busy, "penstock_queue_messages", state="visible"), 3)
        self.assertEqual(total(busy, "penstock_queue_messages", state="leased"), 1)
        self.assertEqual(total(busy, "penstock_objects", kind="queue"), 1)
        syncs = "penstock_log_sync_seconds_count"
        self.assertGreater(total(busy, syncs), total(idle, syncs))
        # Counters never go back.
        for (name, labels), value in idle.items():
            if name.endswith("_total"):
                self.assertGreaterEqual(busy[(name, labels)], value, name)

    def test_pushed_deliveries_are_counted_by_what_they_came_to(self):
        server = Server(self, data_folder(self)).start()
        receiver = Receiver(self)
        server.cli("topic", "create", "events")
        server.cli("sub", "add", "events", "hook", "--http", receiver.url)
        for at in range(5):
            server.cli("topic", "publish", "events", f"event {at}")

        def pushed():
            found = server.metrics()
            return total(found, "penstock_delivery_attempts_total", verdict="accepted") == 5

        wait_until(pushed, 20, "five deliveries are counted")
        self.assertEqual(total(server.metrics(), "penstock_messages_published_total"), 5)

    def test_every_node_of_a_cluster_tells_its_part(self):
        cluster = Cluster(self, data_folder(self)).start().found()
        cmq = Cmq(cluster.nodes[0])
        for at in range(8):
            cmq.call("CreateQueue", queueName=f"q{at}")
        for at in range(40):
            cmq.call("SendMessage", queueName=f"q{at % 8}", msgBody=f"body {at}")
        cluster.caught_up(0)

        def told(node):
            return total(node.metrics(), "penstock_peer_connections") > 0

        for node in cluster.nodes:
            wait_until(lambda: told(node), 10, "the links are told of")
        found = [node.metrics() for node in cluster.nodes]

        def every(name, **labels):
            return sum(total(one, name, **labels) for one in found)

        # Counted where they are led, once.
        self.assertEqual(every("penstock_messages_sent_total"), 40)
        self.assertEqual(every("penstock_set_leading"), 9)
        self.assertGreater(every("penstock_requests_forwarded_total"), 0)
        # Each of nine leaders tells of two followers.
        self.assertEqual(every("penstock_replica_in_sync"), 18)
        self.assertEqual(every("penstock_replica_lag_entries"), 0)
        for one in found:
            self.assertGreater(total(one, "penstock_raft_frames_received_total"), 0)
            self.assertEqual(total(one, "penstock_peer_refusals_total"), 0)
            self.assertEqual(total(one, "penstock_peer_connected"), 2)
            for (name, _), value in one.items():
                if name == "penstock_peer_clock_skew_seconds":
                    self.assertLess(abs(value), 1)
        # The figures that matter most stand beside the picture of the cluster, too.
        _, view = cluster.nodes[1].native("GET", "/v1/cluster")
        told_of = {name: view["counters"][name] for name in ("refused_peers", "snapshots_failed")}
        self.assertEqual(told_of, {"refused_peers": 0, "snapshots_failed": 0})
        changes = total(found[1], "penstock_set_leader_changes_total")
        self.assertGreaterEqual(view["counters"]["leader_changes"], changes)
        self.assertGreater(changes, 0)
        before = every("penstock_replica_fallbacks_total")
        cluster.nodes[2].kill()
        cluster.settled()
        left = cluster.nodes[:2]

        def fallen_back():
            now = sum(total(node.metrics(), "penstock_replica_fallbacks_total") for node in left)
            return now > before

        wait_until(fallen_back, 20, "the leaders no longer wait for the dead replica")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
