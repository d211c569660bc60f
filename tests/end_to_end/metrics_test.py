"""/metrics of the real binary: OpenMetrics to the letter, and its figures move with the traffic."""

import json
import pathlib
import re
import unittest

from cluster import Cluster
from cmq import Cmq
from open_metrics import total
from receiver import Receiver
from server import Server, data_folder, wait_until


DASHBOARD = pathlib.Path(__file__).parents[2] / "packaging/grafana/penstock.json"


def names_of_the_dashboard():
    shown = json.loads(DASHBOARD.read_text())
    texts = [target["expr"] for panel in shown["panels"] for target in panel.get("targets", [])]
    texts += [variable["query"] for variable in shown["templating"]["list"]]
    return {name for text in texts for name in re.findall(r"penstock_[a-z_]+", text)}


def names_of_accounts():
    return {name for name in names_of_the_dashboard() if re.match("penstock_(account|quota)_", name)}


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
        self.assertGreater(total(busy, "penstock_listener_connections", listener="http"), 0)
        opened = "penstock_listener_connections_opened_total"
        self.assertGreater(total(busy, opened, listener="http"), total(idle, opened, listener="http"))
        self.assertEqual(total(busy, "penstock_listener_connections_refused_total"), 0)
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
        found = server.metrics()
        self.assertEqual(total(found, "penstock_messages_published_total"), 5)
        self.assertEqual(total(found, "penstock_delivery_first_attempt_seconds_count"), 5)
        self.assertEqual(total(found, "penstock_delivery_accepted_seconds_count"), 5)
        self.assertGreater(total(found, "penstock_delivery_accepted_seconds_sum"), 0)
        self.assertGreater(total(found, "penstock_commit_seconds_count"), 5)
        self.assertEqual(total(found, "penstock_delivery_failures_total"), 0)

    def test_what_waits_is_told_by_subscription_and_queue_with_its_age(self):
        server = Server(self, data_folder(self)).start()
        server.cli("topic", "create", "events")
        server.cli("sub", "add", "events", "away", "--http", "http://127.0.0.1:1/", "--retry", "1h")
        server.cli("topic", "publish", "events", "event")
        server.cli("queue", "create", "jobs")
        server.cli("queue", "send", "jobs", "job")

        def failed():
            return total(server.metrics(), "penstock_delivery_failures_total", reason="refused") == 1

        wait_until(failed, 20, "the failed attempt is counted")

        def aged():
            found = server.metrics()
            named = {n for n in names_of_the_dashboard() if n.startswith("penstock_subscription_")}
            self.assertLessEqual(named, {name for name, _ in found})
            away = {"subscription": "events/away"}
            self.assertEqual(total(found, "penstock_subscription_depth", **away), 1)
            self.assertEqual(total(found, "penstock_queue_depth", queue="jobs", state="visible"), 1)
            return (
                total(found, "penstock_subscription_depth", state="waiting", **away) == 1
                and total(found, "penstock_subscription_oldest_age_seconds", **away) > 0
                and total(found, "penstock_queue_oldest_age_seconds", queue="jobs") > 0
            )

        wait_until(aged, 20, "what waits has an age")

    def test_accounts_and_what_a_rate_refuses_are_on_the_dashboard(self):
        server = Server(self, data_folder(self)).start()
        server.cli("account", "create", "acme")
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="slow", qps=1)
        answers = [cmq.answer("SendMessage", queueName="slow", msgBody="x")["code"] for _ in range(20)]
        self.assertIn(4420, answers)
        refused = sum(code == 4420 for code in answers)
        own = {"account": "", "quota": "messages"}
        self.assertEqual(total(server.metrics(), "penstock_quota_refused_total", **own), refused)
        self.assertEqual(len(names_of_accounts()), 4)
        # What accounts have is looked up while it is asked for, and told at the next time.
        wait_until(
            lambda: names_of_accounts() <= {name for name, _ in server.metrics()},
            20,
            "the dashboard shows accounts",
        )

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
        served = {name for one in found for name, _ in one}
        # There while tracing.endpoint is set, and while a queue, subscription or account is there.
        absent = names_of_the_dashboard() - served - names_of_accounts()
        absent -= {"penstock_spans_exported_total", "penstock_spans_dropped_total"}
        self.assertTrue(all(name.startswith("penstock_subscription_") for name in absent), absent)
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
