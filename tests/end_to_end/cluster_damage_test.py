"""Bytes that rot on one node's disk: its readers get what the other nodes have."""

import unittest

from cluster import Cluster
from cmq import Cmq
from large_state import Link, make_queues
from server import data_folder, wait_until

MESSAGES = 9_000
BODY_BYTES = 8 << 10
BATCH = 16


def body(number):
    return f"message-{number}-" + "x" * BODY_BYTES


class ClusterDamageTest(unittest.TestCase):
    def test_a_reader_of_damaged_bytes_gets_what_another_node_has(self):
        cluster = Cluster(self, data_folder(self), sets=1).start().found(sets=2)
        make_queues(cluster.nodes[0], ["q"])
        self.send(cluster)
        cluster.caught_up(lag_max=0)
        node = wait_until(lambda: cluster.leader_of(1), 30, "the set is led")
        # Its rows are flushed: what is damaged now was applied, and is looked at when it is read.
        node.terminate()
        damaged = self.damage(node)
        self.assertGreater(damaged, 50)
        node.start()
        cluster.settled(sets=2).caught_up(lag_max=0)
        status, answer = node.native("POST", "/v1/cluster/sets/1/transfer", {"node": node.number})
        self.assertEqual(status, 200, answer)
        wait_until(lambda: cluster.leader_of(1) is node, 30, "the damaged node leads")
        self.assertEqual(self.drain(Cmq(node)), set(range(MESSAGES)))
        repaired = [line for line in node.stderr if "event=repaired" in line]
        print(f"{damaged} bodies damaged, {len(repaired)} entries had again", flush=True)
        self.assertGreater(len(repaired), 0)
        self.assertNotIn("quarantine", "".join(node.stderr))

    def send(self, cluster):
        link = Link(cluster.nodes[0])
        for first in range(0, MESSAGES, BATCH):
            bodies = [{"body": body(at)} for at in range(first, min(first + BATCH, MESSAGES))]
            link.post_document("/v1/queues/q/messages/batch", {"messages": bodies})

    def damage(self, node):
        """One bit of every hundredth body in the node's log; how many."""
        count = 0
        for segment in sorted((node.folder / "data" / "log").glob("*")):
            data = bytearray(segment.read_bytes())
            for number in range(0, MESSAGES, 100):
                at = data.find(f"message-{number}-x".encode())
                if at >= 0:
                    data[at + 1_000] ^= 1
                    count += 1
            segment.write_bytes(data)
        return count

    def drain(self, reader):
        got = set()
        for _ in range(20 * MESSAGES // BATCH):
            batch = reader.receive("q", BATCH, 1)
            if not batch and len(got) == MESSAGES:
                break
            for message in batch:
                number = int(message["msgBody"].split("-")[1])
                self.assertEqual(message["msgBody"], body(number))
                got.add(number)
            if len(got) == MESSAGES:
                break
        return got


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
