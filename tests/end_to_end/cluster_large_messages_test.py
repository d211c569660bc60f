"""Messages of the largest size in a cluster: `cluster_large_messages_test.py MIB ROUNDS`.

Three nodes, all with limits.message_size_max of MIB. Messages of that size go in through every node;
one of the nodes, which leads some sets, dies with its disk while more come in; a new one takes its
place and fetches its sets as snapshots; then the oldest node dies too. Whatever was counted is read
from the two that are left, byte for byte.
"""

import shutil
import sys
import threading
import time
import unittest

from cluster import DATA_SETS, Cluster
from large_messages import body_of, digest, limits, post
from server import data_folder, wait_until

MIB, ROUNDS = (int(word) for word in sys.argv[1:3])
del sys.argv[1:]
BYTES = MIB << 20
QUEUES = [f"films-{at}" for at in range(4)]


class ClusterLargeMessagesTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(self, data_folder(self), size=4, founders=3)
        for node in self.cluster.nodes:
            node.config += limits(MIB)
        self.fresh = self.cluster.nodes.pop()
        self.cluster.start().found()
        self.sent = set()

    def send(self, node, name):
        body = body_of(BYTES, name)
        queue = QUEUES[len(self.sent) % len(QUEUES)]
        post(node.port, f"/v1/queues/{queue}/messages", body, name)
        self.sent.add(digest(body))

    def received(self, node):
        """All messages of all queues, as digests."""
        found = set()
        for queue in QUEUES:
            while True:
                status, answer = node.native("POST", f"/v1/queues/{queue}/receive", {"max": 16})
                self.assertEqual(status, 200, answer)
                if not answer["messages"]:
                    break
                found |= {digest(one["body"]) for one in answer["messages"]}
        return found

    def wait_for_voters(self):
        def whole():
            known = self.cluster.nodes[0].sets()
            voters = [
                sorted(one["node"] for one in each["replicas"] if one["voter"]) for each in known
            ]
            return len(voters) == DATA_SETS + 1 and all(
                each == [1, 2, self.fresh.number] for each in voters)

        wait_until(whole, 180, "every set has three voters again")
        self.cluster.caught_up(lag_max=0, patience=120)

    def test_the_largest_outlive_leaders_and_come_with_snapshots(self):
        first, second, third = self.cluster.nodes
        for queue in QUEUES:
            status, made = first.native("POST", "/v1/queues", {"name": queue, "max_size": BYTES})
            self.assertEqual(status, 201, made)
        for at in range(ROUNDS):
            for node in (first, second, third):
                self.send(node, f"before-{at}-{node.number}")
        died = threading.Timer(0.3, third.kill)
        died.start()
        for at in range(ROUNDS):
            for node in (first, second):
                self.send(node, f"meanwhile-{at}-{node.number}")
        died.join()
        self.cluster.nodes.pop()
        shutil.rmtree(third.folder / "data")
        self.cluster.settled(patience=60)
        self.cluster.nodes.append(self.fresh)
        self.fresh.start()
        began = time.monotonic()
        status, answer = first.native(
            "POST",
            f"/v1/cluster/nodes/{third.number}/replace",
            {"id": self.fresh.number, "address": f"127.0.0.1:{self.cluster.ports[3]}"},
        )
        self.assertEqual(status, 200, answer)
        self.wait_for_voters()
        print(f"{len(self.sent)} messages of {MIB} MiB fetched in {time.monotonic() - began:.1f} s",
              flush=True)
        first.kill()
        self.cluster.settled(patience=60)
        self.assertEqual(self.received(self.fresh), self.sent)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
