"""Three nodes form a cluster: what is made through one is used through another, and the loss of any
node loses nothing that was acknowledged."""

import time
import unittest

import cmq_tcp as tcp
from cluster import Cluster
from cmq import Cmq, Refused, Unreachable
from server import DEV_KEY_ID, DEV_KEY_SECRET, data_folder, wait_until


def patient(work, patience=20):
    """Repeats until it is not refused for want of a leader; its value."""
    end = time.monotonic() + patience
    while True:
        try:
            return work()
        except (Refused, Unreachable):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class ClusterTest(unittest.TestCase):
    def test_what_one_node_makes_every_node_serves(self):
        cluster = Cluster(self, data_folder(self)).start().found()
        one, two, three = (Cmq(node) for node in cluster.nodes)
        for at in range(12):
            one.call("CreateQueue", queueName=f"q{at}")
        for at in range(12):
            two.call("SendMessage", queueName=f"q{at}", msgBody=f"body {at}")
        for at in range(12):
            got = three.call("ReceiveMessage", queueName=f"q{at}", pollingWaitSeconds=5)
            self.assertEqual(got["msgBody"], f"body {at}")
            one.call("DeleteMessage", queueName=f"q{at}", receiptHandle=got["receiptHandle"])
        self.go_round_by_tcp(cluster, [f"q{at}" for at in range(12)])
        listed = two.call("ListQueue", limit=50)
        self.assertEqual(listed["totalCount"], 12)
        _, view = cluster.nodes[0].native("GET", "/v1/cluster")
        self.assertEqual(len(view["nodes"]), 3)
        self.assertGreater(len([one for one in view["sets"] if one["objects"] > 0]), 4)

    def go_round_by_tcp(self, cluster, queues):
        """Sent, pulled and deleted through three nodes; most lead none of the queues."""
        clients = []
        for node in cluster.nodes:
            port = int(node.process.stdout.readline().split(":")[1])
            clients.append(tcp.Client(port, DEV_KEY_ID, DEV_KEY_SECRET))
            self.addCleanup(clients[-1].close)
        one, two, three = clients
        for queue in queues:
            self.assertEqual(two.ask(tcp.SEND, (1, queue), (2, queue)).result, 0)
            got = three.ask(tcp.PULL, (1, queue), (2, 5)).messages[0]
            self.assertEqual(got["body"], queue.encode())
            done = one.ask(tcp.DELETE, (1, queue), (2, got["receipt"]))
            self.assertEqual(done.result, 0, done.error)

    def test_a_killed_node_loses_nothing_and_comes_back(self):
        cluster = Cluster(self, data_folder(self)).start().found()
        cmq = Cmq(cluster.nodes[0])
        cmq.call("CreateQueue", queueName="orders")
        sent = set()
        for at in range(50):
            cmq.call("SendMessage", queueName="orders", msgBody=f"a{at}")
            sent.add(f"a{at}")
        for number in (1, 2, 3):
            victim = cluster.nodes[number - 1]
            victim.kill()
            other = Cmq(cluster.running()[0])
            for at in range(20):
                body = f"k{number}-{at}"
                patient(lambda: other.call("SendMessage", queueName="orders", msgBody=body))
                sent.add(body)
            victim.start()
            cluster.settled()
        self.assertTrue(sent <= self.drain(Cmq(cluster.nodes[2]), sent))

    def drain(self, reader, sent):
        """What is received until all of `sent` is there; what else comes is told too."""
        got = set()

        def drained():
            try:
                batch = reader.call("BatchReceiveMessage", queueName="orders", numOfMsg=16)
            except (Refused, Unreachable):
                return sent <= got or None
            got.update(one["msgBody"] for one in batch["msgInfoList"])
            return None

        wait_until(drained, 60, "everything acknowledged comes out")
        return got


if __name__ == "__main__":
    unittest.main(verbosity=2)
