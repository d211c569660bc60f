"""One message for many queues stands once in each node's log, and comes out of each queue as it was sent,
also after all nodes were killed."""

import secrets
import unittest

from cluster import Cluster
from cmq import Cmq
from large_state import Link, make_queues
from open_metrics import total
from server import data_folder, wait_until

QUEUES = [f"copies-{at}" for at in range(10)]
MESSAGES = 320
BATCH = 16
BODY_BYTES = 1 << 10
SEVERAL_TIMES_MAX = 0.1  # of the messages: the first ones of a log, and where a segment ends


class SharedBodiesTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(self, data_folder(self)).start().found()
        first = self.cluster.nodes[0]
        make_queues(first, QUEUES)
        first.cli("topic", "create", "events")
        for queue in QUEUES:
            first.cli("sub", "add", "events", f"to-{queue}", "--queue", queue)
        # Not compressible, so that a body stands in its segment as it was sent.
        self.bodies = {f"{at:06d} {secrets.token_hex(BODY_BYTES // 2)}" for at in range(MESSAGES)}

    def publish(self):
        link = Link(self.cluster.nodes[1])
        bodies = sorted(self.bodies)
        for first in range(0, MESSAGES, BATCH):
            messages = [{"body": body} for body in bodies[first : first + BATCH]]
            link.post_document("/v1/topics/events/messages/batch", {"messages": messages})

    def delivered(self):
        cmq = Cmq(self.cluster.nodes[0])
        counts = [
            cmq.call("GetQueueAttributes", queueName=queue)["activeMsgNum"] for queue in QUEUES
        ]
        return all(count == MESSAGES for count in counts)

    def drain(self, queue):
        cmq = Cmq(self.cluster.nodes[0])
        found = []
        while len(found) < MESSAGES:
            messages = cmq.receive(queue, BATCH, 5)
            if not messages:
                break
            found += [message["msgBody"] for message in messages]
            cmq.delete(queue, [message["receiptHandle"] for message in messages])
        return found

    def copies(self, node):
        """How often the bodies stand in a node's log."""
        segments = [path.read_bytes() for path in (node.folder / "data" / "log").glob("segment-*")]
        return sum(data.count(body.encode()) for body in self.bodies for data in segments)

    def test_a_message_for_ten_queues_stands_once_in_each_log_and_survives_a_kill_of_all(self):
        self.publish()
        wait_until(self.delivered, 60, "every queue has every message")
        self.cluster.caught_up(lag_max=0)
        for node in self.cluster.nodes:
            copies = self.copies(node)
            shared = total(node.metrics(), "penstock_log_shared_bytes_total")
            print(f"node {node.number}: {copies} copies of {MESSAGES} messages, {shared:.0f} bytes"
                  " shared", flush=True)
            self.assertGreaterEqual(copies, MESSAGES)
            self.assertLessEqual(copies, MESSAGES * (1 + SEVERAL_TIMES_MAX))
            self.assertGreater(shared, MESSAGES * BODY_BYTES)
        for node in self.cluster.nodes:
            node.kill()
        for node in self.cluster.nodes:
            node.start()
        self.cluster.settled()
        for queue in QUEUES:
            found = self.drain(queue)
            self.assertEqual(len(found), MESSAGES, queue)
            self.assertTrue(set(found) == self.bodies, f"{queue} has other bodies")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
