"""Transactional messages against the real server: a producer that dies between its send and its
confirmation, the question that its successor is asked, a server that dies too."""

import os
import signal
import subprocess
import sys
import time
import unittest

import cmq_tcp as tcp
from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

FIRST_QUERY_S = 1


def produce(port):
    """A process of its own: prepares a message, says its id, and waits for its end."""
    client = tcp.Client(port, DEV_KEY_ID, DEV_KEY_SECRET)
    sent = client.ask(tcp.SEND, (1, "deals"), (2, "of the dead"), (4, 1))
    print(sent.ids[0], flush=True)
    signal.pause()


class TransactionsTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        self.port = self.tcp_port()
        self.queue("deals", first_query=FIRST_QUERY_S, queries=3)

    def tcp_port(self):
        return int(self.server.process.stdout.readline().split(":")[1])

    def client(self):
        client = tcp.Client(self.port, DEV_KEY_ID, DEV_KEY_SECRET)
        self.addCleanup(client.close)
        return client

    def queue(self, name, **policy):
        made = self.server.native("POST", "/v1/queues", {"name": name, "transaction": policy})
        self.assertEqual(made[0], 201, made)

    def counts(self):
        return self.server.native("GET", "/v1/queues/deals")[1]["transactions"]

    def prepare(self, client, body):
        sent = client.ask(tcp.SEND, (1, "deals"), (2, body), (4, 1))
        self.assertEqual(sent.result, 0, sent.error)
        return sent.ids[0]

    def pull(self, client):
        reply = client.ask(tcp.BATCH_PULL, (1, "deals"), (2, 16), (3, 0))
        return [message["body"] for message in reply.messages]

    def test_a_producer_killed_before_it_confirms_is_asked_for_by_its_successor(self):
        words = [sys.executable, os.path.abspath(__file__), "produce", str(self.port)]
        producer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.addCleanup(producer.stdout.close)
        half = int(producer.stdout.readline())
        producer.send_signal(signal.SIGKILL)
        producer.wait(10)
        consumer = self.client()
        self.assertEqual(self.pull(consumer), [])
        # Nobody is there to be asked: the check waits, and counts once somebody is.
        time.sleep(3 * FIRST_QUERY_S)
        shown = self.server.native("GET", "/v1/queues/deals/messages?state=prepared")[1]["items"]
        self.assertEqual([(one["id"], one["checks"]) for one in shown], [(str(half), 0)])
        successor = self.client()
        own = self.prepare(successor, "of the living")
        self.assertEqual(successor.asked_about(half), ("deals", half))
        self.assertEqual(successor.asked_about(half), ("deals", half), "silence: asked again")
        successor.confirm("deals", (half, tcp.COMMIT), one_way=True)
        successor.confirm("deals", (own, tcp.ROLLBACK), one_way=True)
        wait_until(lambda: self.counts()["prepared"] == 0, 10, "both are confirmed")
        self.assertEqual(self.pull(consumer), [b"of the dead"])
        counts = self.counts()
        self.assertEqual((counts["committed"], counts["rolled_back"]), (1, 1), counts)
        again = successor.confirm("deals", (half, tcp.COMMIT), (own, tcp.COMMIT), (1, tcp.COMMIT))
        self.assertEqual(again.result, 6040, again.error)
        expected = [(half, tcp.COMMIT, 0), (own, tcp.ROLLBACK, 4490), (1, tcp.UNKNOWN, 4490)]
        self.assertEqual(again.confirmed, expected)

    def test_what_nobody_confirms_is_rolled_back_and_told(self):
        client = self.client()
        half = self.prepare(client, "forgotten")
        for _ in range(3):
            client.asked_about(half)
        wait_until(lambda: self.counts()["unconfirmed"] == 1, 10, "it is given up")
        self.assertEqual(client.queries, [])
        self.assertEqual(self.pull(client), [])
        late = client.confirm("deals", (half, tcp.COMMIT))
        self.assertEqual(late.confirmed, [(half, tcp.ROLLBACK, 4490)])
        track = self.server.native("GET", f"/v1/messages/{half}/track")[1]
        self.assertEqual([place["state"] for place in track["places"]], ["unconfirmed"])
        told = [line for line in self.server.stderr if "event=unconfirmed" in line]
        self.assertEqual(len(told), 1, self.server.stderr)
        self.assertIn("queue=deals", told[0])

    def test_a_killed_server_knows_what_was_prepared_and_what_had_ended(self):
        client = self.client()
        halves = [self.prepare(client, f"half {n}") for n in range(3)]
        self.assertEqual(client.confirm("deals", (halves[0], tcp.ROLLBACK)).result, 0)
        self.server.kill()
        self.server.start()
        self.port = self.tcp_port()
        client = self.client()
        reply = client.confirm("deals", (halves[0], tcp.COMMIT), (halves[1], tcp.COMMIT))
        self.assertEqual([state for _, state, _ in reply.confirmed], [tcp.ROLLBACK, tcp.COMMIT])
        # Who speaks of a queue's transactions is asked about the others.
        client.asked_about(halves[2])
        client.confirm("deals", (halves[2], tcp.COMMIT), one_way=True)
        wait_until(lambda: self.counts()["prepared"] == 0, 10, "all are confirmed")
        self.assertEqual(self.pull(client), [b"half 1", b"half 2"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["produce"]:
        produce(int(sys.argv[2]))
    else:
        unittest.main()
