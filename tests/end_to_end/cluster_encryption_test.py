"""Encryption at rest in a cluster of three: the key service goes and comes, a leader is killed, a node
starts without the key service, a lost disk is replaced, keys change under load.

Referee: every body has a word in it that nothing else contains; it is looked for in all bytes that all
nodes leave behind, in their logs and figures, and in what they say to each other until somebody reads: an
answer is opened by the leader, and only TLS between nodes hides it. What was acknowledged comes out as it
was sent, and nothing is counted as received that nobody could read.
"""

import shutil
import signal
import socket
import threading
import time
import unittest
import uuid

from cluster import Cluster, Node
from cmq import Cmq, Refused, Unreachable
from key_service import KeyService, files_with
from ports import free_ports
from server import data_folder, wait_until

SETS = 2
LEASE = 2  # seconds
BATCH = 8


class Wire:
    """A relay in front of a node's peer port, which listens for a word."""

    def __init__(self, test, port, word):
        self.target = free_ports(1)[0]
        self.word = word.encode()
        self.bytes = 0
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", port))
        test.addCleanup(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            try:
                called = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                caller.close()
                continue
            for one, other in ((caller, called), (called, caller)):
                one.settimeout(None)
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    def pass_on(self, source, sink):
        kept = b""
        try:
            while data := source.recv(1 << 16):
                kept = kept[-len(self.word) :] + data
                self.bytes += len(data)
                if self.word in kept:
                    self.heard.append(kept)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class SealedCluster(Cluster):
    """Whose nodes seal, and speak to each other through wires."""

    def __init__(self, test, folder, word):
        self.test = test
        self.word = word
        self.wires = {}
        self.service = KeyService(folder / "service")
        super().__init__(test, folder, sets=SETS)

    def config(self, number, certificates=None):
        while len(self.wires) < number:
            at = len(self.wires) + 1
            self.wires[at] = Wire(self.test, self.ports[at - 1], self.word)
        port = self.ports[number - 1]
        text = super().config(number).replace(
            f'listen_peer = "127.0.0.1:{port}"',
            f'listen_peer = "127.0.0.1:{self.wires[number].target}"\n'
            f'advertise_peer = "127.0.0.1:{port}"',
        )
        return text + self.service.config(rotate_every="1s")


class Sender(threading.Thread):
    """Sends through any node, all the time; keeps what was acknowledged."""

    def __init__(self, cluster, word):
        super().__init__(daemon=True)
        self.cluster, self.word = cluster, word
        self.acknowledged = []
        self.stopping = threading.Event()

    def run(self):
        turn = 0
        while not self.stopping.is_set():
            nodes = self.cluster.running() or self.cluster.nodes
            node = nodes[turn % len(nodes)]
            bodies = [f"{self.word} {turn} {place}" for place in range(BATCH)]
            turn += 1
            try:
                Cmq(node).send("orders", bodies)
                self.acknowledged += bodies
            except (Refused, Unreachable):
                pass
            time.sleep(0.08)

    def more(self, count):
        """Waits until so many more were acknowledged."""
        want = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= want, 30, f"{count} more acknowledged sends")


class ClusterEncryption(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.word = "CANARY" + uuid.uuid4().hex
        self.cluster = SealedCluster(self, self.folder, self.word)
        self.cluster.start().found(sets=SETS + 1)
        self.received = {}  # body -> how often it had been received when it was read

    def client(self):
        return Cmq(self.cluster.running()[0])

    def create(self, queue):
        def there():
            # On a busy machine its outcome may be unknown.
            self.client().answer("CreateQueue", queueName=queue, visibilityTimeout=LEASE)
            return self.client().answer("GetQueueAttributes", queueName=queue)["code"] == 0

        wait_until(there, 60, f"queue {queue} is made")

    def receive(self, client):
        """What can be had now; nothing while keys are missing."""
        try:
            messages = client.receive("orders")
        except (Refused, Unreachable):
            return False
        for message in messages:
            self.received[message["msgBody"]] = int(message["dequeueCount"])
        if messages:
            client.delete("orders", [message["receiptHandle"] for message in messages])
        return True

    def replace(self, lost):
        """A further node takes the place of one whose disk is gone."""
        lost.kill()
        shutil.rmtree(lost.folder / "data")
        self.cluster.nodes.remove(lost)
        self.cluster.settled(SETS + 1)
        self.cluster.ports += free_ports(1)
        number = len(self.cluster.ports)
        fresh = Node(self, self.folder / f"node{number}", number, self.cluster.config(number))
        self.cluster.nodes.append(fresh)
        fresh.start()
        address = f"127.0.0.1:{self.cluster.ports[number - 1]}"
        status, answer = self.cluster.nodes[0].native(
            "POST", f"/v1/cluster/nodes/{lost.number}/replace", {"id": number, "address": address}
        )
        self.assertEqual(status, 200, answer)

        def whole():
            known = self.cluster.nodes[0].sets()
            voters = [{one["node"] for one in each["replicas"] if one["voter"]} for each in known]
            return len(voters) == SETS + 1 and all(
                number in each and len(each) == 3 for each in voters
            )

        wait_until(whole, 120, "every set has three voters again")
        return fresh

    def test_no_word_of_a_message_is_to_be_read_whatever_happens(self):
        for queue in ("orders", "later"):
            self.create(queue)
        self.client().call(
            "SendMessage", queueName="later", msgBody=self.word + " late", delaySeconds=600
        )
        sender = Sender(self.cluster, self.word)
        sender.start()
        sender.more(80)

        # Keys change: by age each second, and all at once.
        for node in self.cluster.nodes:
            node.process.send_signal(signal.SIGHUP)
        sender.more(80)

        # The leader dies while the key service is down, and comes back before that does.
        self.cluster.service.down(True)
        died = self.cluster.leader_of(self.cluster.busiest_set())
        died.kill()
        self.cluster.settled(SETS + 1)
        died.config += '[limits]\nmessage_size_max = "2MiB"\n'
        died.start()
        self.cluster.settled(SETS + 1)
        leader = wait_until(
            lambda: self.cluster.leader_of(self.cluster.busiest_set()), 20, "another leader"
        )
        refused = 0
        end = time.monotonic() + 1.5 * LEASE
        while time.monotonic() < end:
            refused += not self.receive(Cmq(leader))
            time.sleep(0.2)
        self.assertGreater(refused, 0, "another leader has no key of before")
        before = set(self.received)
        self.cluster.service.down(False)
        sender.more(80)

        self.assertIn(
            f"node {died.number}: limits.message_size_max is 2097152 there, 1048576 here",
            leader.cli("doctor", check=False),
        )

        # Another node's disk is lost, and replaced under load.
        lost = next(node for node in self.cluster.nodes if node not in (died, leader))
        fresh = self.replace(lost)
        sender.more(80)
        sender.stopping.set()
        sender.join()
        self.cluster.caught_up(lag_max=0)
        for wire in self.cluster.wires.values():
            self.assertGreater(wire.bytes, 0, "nothing was heard at all")
            self.assertEqual(wire.heard, [], "a word was said between nodes")
        self.assertGreater(fresh.metrics()["penstock_snapshots_installed_total", ()], 0)

        # All of it comes out, by whatever node is asked, the new one among them.
        clients = [Cmq(node) for node in self.cluster.running()]

        def all_received():
            for client in clients:
                self.receive(client)
            return set(sender.acknowledged) <= set(self.received)

        wait_until(all_received, 60, "everything that was acknowledged")
        for body, count in self.received.items():
            self.assertTrue(body.startswith(self.word), body)
            if body not in before:
                self.assertEqual(count, 1, "a receive that nobody could read was counted")
        _, page = fresh.native("GET", "/v1/queues/later/messages?state=delayed")
        self.assertEqual([item["body"] for item in page["items"]], [self.word + " late"])
        figures = "".join(str(node.metrics()) for node in self.cluster.running())

        for node in self.cluster.nodes:
            node.terminate()
        folders = [path for path in self.folder.iterdir() if path.name.startswith("node")]
        self.assertEqual(files_with([self.word], *folders), [])
        self.assertNotIn(self.word, figures)
        for node in self.cluster.nodes:
            self.assertNotIn(self.word, "".join(node.stderr))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
