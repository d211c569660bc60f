"""A server that is in use becomes the first of three nodes, under load: `cluster_grow_test.py COUNT`.

It holds COUNT messages, open leases, messages that are not yet due and dead letters. Afterwards the
first node is killed, and the two others give out everything under its old id.
"""

import concurrent.futures
import json
import sys
import time
import unittest

from cluster import Cluster
from cluster_load import Load
from cmq import Cmq
from server import Server, data_folder, wait_until

COUNT = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 20_000
WORKERS = 4
BATCH = 16
LEASED = 100
DELAYED = 64
DELAY = 40  # seconds
DEAD = 32


def spread(work, items):
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, items))


class ClusterGrowTest(unittest.TestCase):
    def fill(self, cmq):
        """COUNT messages in `bulk`; id -> body."""
        cmq.call("CreateQueue", queueName="bulk", visibilityTimeout=600)

        def send(first):
            bodies = [f"b{at}" for at in range(first, min(first + BATCH, COUNT))]
            return list(zip(cmq.send("bulk", bodies), bodies))

        sent = {}
        for pairs in spread(send, range(0, COUNT, BATCH)):
            sent.update(pairs)
        self.assertEqual(len(sent), COUNT)
        return sent

    def lease(self, cmq):
        """Receipts of messages that are being worked on; they are not in `sent` any more."""
        held = []
        while len(held) < LEASED:
            held += cmq.receive("bulk", min(BATCH, LEASED - len(held)))
        return held

    def delay(self, cmq):
        cmq.call("CreateQueue", queueName="later")
        fields = {"queueName": "later", "delaySeconds": DELAY}
        ids = []
        for first in range(0, DELAYED, BATCH):
            bodies = {f"msgBody.{at}": f"d{first + at}" for at in range(1, BATCH + 1)}
            answer = cmq.call("BatchSendMessage", **fields, **bodies)
            ids += [message["msgId"] for message in answer["msgList"]]
        return ids

    def kill_letters(self, cmq):
        """Messages that were received once too often."""
        cmq.call("CreateQueue", queueName="dead")
        cmq.call(
            "CreateQueue",
            queueName="sick",
            visibilityTimeout=1,
            deadLetterPolicy=json.dumps(
                {"deadLetterQueue": "dead", "policy": 0, "maxReceiveCount": 1}
            ),
        )
        ids = []
        for first in range(0, DEAD, BATCH):
            ids += cmq.send("sick", [f"s{first + at}" for at in range(BATCH)])

        def all_dead():
            cmq.receive("sick")
            return cmq.call("GetQueueAttributes", queueName="dead")["activeMsgNum"] == DEAD

        wait_until(all_dead, 60, f"{DEAD} dead letters")
        return ids

    def drain(self, cmq, queue):
        """Everything in the queue; id -> body. Twice the same is an error."""
        found = {}

        def take(_):
            taken = []
            while True:
                got = cmq.receive(queue, BATCH, 1)
                if not got:
                    return taken
                taken += [(message["msgId"], message["msgBody"]) for message in got]
                cmq.delete(queue, [message["receiptHandle"] for message in got])

        for taken in spread(take, range(WORKERS)):
            for number, body in taken:
                self.assertNotIn(number, found)
                found[number] = body
        return found

    def grow(self, cluster):
        first = cluster.nodes[0]
        cluster.found(sets=2)
        for node in cluster.nodes[1:]:
            node.start()
            address = f"127.0.0.1:{cluster.ports[node.number - 1]}"
            status, document = first.native(
                "POST", "/v1/cluster/nodes", {"id": node.number, "address": address}
            )
            self.assertEqual(status, 200, document)

        def grown():
            sets = first.sets()
            voters = [len([r for r in one["replicas"] if r["voter"]]) for one in sets]
            return len(voters) == 9 and min(voters) == 3

        wait_until(grown, 300, "every set has three voters")
        cluster.caught_up()

    def test_nothing_it_held_is_lost(self):
        folder = data_folder(self)
        cluster = Cluster(self, folder)
        first = cluster.nodes[0]
        alone = Server(self, folder / "node1").start()
        sent = self.fill(Cmq(alone))
        cmq = Cmq(alone)  # filling takes longer than a connection may be idle
        held = self.lease(cmq)
        dead = self.kill_letters(cmq)
        delayed = self.delay(cmq)
        due = time.monotonic() + DELAY
        alone.terminate()
        first.start()
        load = Load(cluster)
        load.begin()
        began = time.monotonic()
        self.grow(cluster)
        grown = time.monotonic() - began
        load.finish(self, Cmq(first))
        survivor = Cmq(cluster.nodes[1])
        for first_at in range(0, LEASED, BATCH):
            receipts = [one["receiptHandle"] for one in held[first_at : first_at + BATCH]]
            self.assertEqual(survivor.delete("bulk", receipts), receipts)
        first.kill()
        wait_until(lambda: cluster.nodes[1].sets(), 20, "the others serve")
        time.sleep(max(1, due - time.monotonic()))
        expected = {number: body for number, body in sent.items()}
        for one in held:
            del expected[one["msgId"]]
        self.assertEqual(self.drain(survivor, "bulk"), expected)
        self.assertEqual(set(self.drain(survivor, "later")), set(delayed))
        self.assertEqual(len(self.drain(survivor, "dead")), len(dead))
        print(
            f"{COUNT} messages, {LEASED} leases, {DELAYED} delayed, {DEAD} dead letters:"
            f" three replicas after {grown:.1f} s at {len(load.acknowledged)} further messages,"
            f" nothing lost",
            flush=True,
        )


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
