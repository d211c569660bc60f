"""What strangers, mistakes and wrong clocks do to a cluster's nodes: each is refused or survived with a
line in the log and a figure at /metrics, and the cluster goes on serving."""

import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import unittest

import peer_wire
from cluster import Cluster, Node, make_certificates
from cmq import Cmq
from open_metrics import total
from ports import free_ports
from server import BINARY, data_folder, wait_until
from shifted_clock import ShiftedClock


class Relay:
    """Passes connections on to a port and keeps what the dialers said."""

    def __init__(self, test, port):
        self.target = port
        self.said = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        test.addCleanup(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                dialer = self.listener.accept()[0]
                node = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            said = bytearray()
            self.said.append(said)
            for ends in ((dialer, node, said), (node, dialer, bytearray())):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    @staticmethod
    def pass_on(source, target, kept):
        try:
            while True:
                piece = source.recv(65536)
                if not piece:
                    break
                kept += piece
                target.sendall(piece)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Hostile(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.served = 0

    def serves(self, *nodes):
        """The cluster takes a message and gives it back."""
        for node in nodes:
            cmq = Cmq(node)
            if self.served == 0:
                cmq.call("CreateQueue", queueName="orders")
            self.served += 1
            body = f"body {self.served}"
            cmq.call("SendMessage", queueName="orders", msgBody=body)
            got = cmq.call("ReceiveMessage", queueName="orders", pollingWaitSeconds=5)
            self.assertEqual(got["msgBody"], body)
            cmq.call("DeleteMessage", queueName="orders", receiptHandle=got["receiptHandle"])

    def refused(self, node, reason, before=0):
        """The node has said so in its log, and counts it."""
        line = f"event=peer_refused reason={reason}"
        wait_until(lambda: any(line in one for one in node.stderr), 20, line)

        def counted():
            found = node.metrics()
            return total(found, "penstock_peer_refusals_total", reason=reason) > before

        wait_until(counted, 20, f"{reason} is counted")


class StrangersTest(Hostile):
    def test_who_is_not_of_the_cluster_is_refused_by_name(self):
        cluster = Cluster(self, self.folder).start().found()
        one = cluster.nodes[0]
        port = cluster.ports[0]
        self.serves(*cluster.nodes)

        for garbage in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\0" * 64):
            peer_wire.Stranger(port).say(garbage).hear()
        self.refused(one, "malformed")

        greeting = peer_wire.hello("elsewhere", 9)
        self.assertEqual(peer_wire.Stranger(port).say(greeting).refusal(), "wrong_cluster")
        self.refused(one, "wrong_cluster")

        greeting = peer_wire.hello(cluster.name, 9, cluster_id=(1, 2), incarnation=1)
        self.assertEqual(peer_wire.Stranger(port).say(greeting).refusal(), "wrong_cluster_id")
        self.refused(one, "wrong_cluster_id")

        greeting = bytearray(peer_wire.hello(cluster.name, 9))
        greeting[60] ^= 1
        peer_wire.Stranger(port).say(bytes(greeting)).hear()
        self.refused(one, "damaged")
        self.serves(*cluster.nodes)

    def test_captured_messages_are_worth_nothing_when_they_are_said_again(self):
        cluster = Cluster(self, self.folder)
        one, three = cluster.nodes[0], cluster.nodes[2]
        relay = Relay(self, cluster.ports[0])
        # Until the cluster is founded node 3 reaches node 1 by way of the relay.
        address = f'address = "127.0.0.1:{cluster.ports[0]}"'
        three.config = cluster.config(3).replace(address, f'address = "127.0.0.1:{relay.port}"')
        cluster.start()
        wait_until(lambda: len(relay.said) >= 3, 20, "node 3 has spoken")
        wait_until(lambda: min(len(said) for said in relay.said) > 100, 20, "on every lane")
        captured = [bytes(said) for said in relay.said]
        cluster.found()
        self.serves(one)
        for said in captured:
            peer_wire.Stranger(cluster.ports[0]).say(said).hear()
        self.refused(one, "replayed")
        self.serves(*cluster.nodes)
        self.assertEqual(total(one.metrics(), "penstock_peer_connected"), 2)

    def test_a_second_process_with_a_nodes_id_is_refused(self):
        cluster = Cluster(self, self.folder).start().found()
        self.serves(*cluster.nodes)
        port = free_ports(1)[0]
        listen = f'listen_peer = "127.0.0.1:{cluster.ports[2]}"'
        config = cluster.config(3).replace(listen, f'listen_peer = "127.0.0.1:{port}"')
        twin = Node(self, self.folder / "twin", 3, config)
        # The data too: a copied machine.
        three = cluster.nodes[2]
        three.terminate()
        shutil.copytree(three.folder / "data", twin.folder / "data")
        three.start()
        cluster.settled()
        wait_until(lambda: total(three.metrics(), "penstock_peer_connected") == 2, 20, "three is in")
        twin.start()
        for node in cluster.nodes[:2]:
            self.refused(node, "duplicate_id")
        said = "event=refused_by_peer"
        wait_until(lambda: any(said in one for one in twin.stderr), 20, "the twin says so too")
        self.serves(*cluster.nodes)
        self.assertEqual(total(three.metrics(), "penstock_peer_connected"), 2)


class CertificatesTest(Hostile):
    def expired(self, ours):
        """A certificate of our authority for node 3 that was good for a day, forty days ago."""
        folder = self.folder / "expired"
        folder.mkdir()
        for name in ("ca.pem", "ca.key"):
            shutil.copy(pathlib.Path(ours) / name, folder / name)
        clock = ShiftedClock(self.folder, -40 * 86_400)
        words = [BINARY, "cluster", "init-certs", "--dir", str(folder), "--name", "test"]
        subprocess.run(
            words + ["--nodes", "3", "--days", "1"],
            check=True,
            capture_output=True,
            timeout=60,
            env=clock.environment,
        )
        return folder

    def test_a_node_whose_certificate_will_not_do_is_refused_and_the_others_serve(self):
        ours = make_certificates(self.folder / "ours", "test")
        theirs = make_certificates(self.folder / "theirs", "test")
        cluster = Cluster(self, self.folder, certificates=ours).start().found()
        three = cluster.nodes[2]
        others = cluster.nodes[:2]
        self.serves(*cluster.nodes)
        for reason, certificates in (("untrusted", theirs), ("expired", self.expired(ours))):
            three.terminate()
            three.config = cluster.config(3, certificates=certificates)
            if reason == "untrusted":
                # It trusts us, so that it is we who refuse.
                own = f'ca = "{certificates}/ca.pem"'
                three.config = three.config.replace(own, f'ca = "{ours}/ca.pem"')
            three.start()
            for node in others:
                self.refused(node, reason)
            self.serves(*others)

        for garbage in (os.urandom(4096), peer_wire.hello("test", 9)):
            peer_wire.Stranger(cluster.ports[0]).say(garbage).hear()
        self.refused(others[0], "tls_failed")

        three.terminate()
        three.config = cluster.config(3, certificates=ours)
        three.start()
        cluster.settled().caught_up()
        self.serves(*cluster.nodes)


class ClockTest(Hostile):
    def time_of(self, node, number):
        return total(node.metrics(), "penstock_set_time_seconds", set=number)

    def test_an_hour_off_is_said_and_survived_and_cluster_time_never_goes_back(self):
        cluster = Cluster(self, self.folder)
        clocks = []
        for node in cluster.nodes:
            clocks.append(ShiftedClock(node.folder))
            node.environment = clocks[-1].environment
        cluster.start().found()
        self.serves(*cluster.nodes)
        number = cluster.busiest_set()
        leader = cluster.leader_of(number)
        others = [node for node in cluster.nodes if node is not leader]
        self.assertLess(abs(self.time_of(leader, number) - time.time()), 60)

        clocks[leader.number - 1].set(3_600)
        line = f"event=peer_clock node={leader.number}"
        for node in others:
            wait_until(lambda: any(line in one for one in node.stderr), 20, line)

            def measured():
                found = node.metrics()
                skew = total(found, "penstock_peer_clock_skew_seconds", node=leader.number)
                warned = total(found, "penstock_peer_clock_warnings_total")
                return abs(skew - 3_600) < 5 and warned > 0

            wait_until(measured, 20, "an hour is measured")
        # A leader that is ahead does not take the cluster's time with it ... (it refuses what was
        # signed an hour ago, as it sees it; the others hand requests on to it.)
        self.serves(*others)
        before = self.time_of(others[0], number)
        self.assertLess(abs(before - time.time()), 60)
        # ... and the next one, whose clock is right, goes on from there.
        leader.kill()
        cluster.settled()
        self.serves(*others)
        for node in others:
            self.assertGreaterEqual(self.time_of(node, number), before)
            self.assertLess(abs(self.time_of(node, number) - time.time()), 60)
        clocks[leader.number - 1].set(0)
        leader.start()
        cluster.settled().caught_up()
        # An hour behind changes nothing at all.
        second = cluster.leader_of(number)
        before = self.time_of(second, number)
        clocks[second.number - 1].set(-3_600)
        watchers = [node for node in cluster.nodes if node is not second]
        self.serves(*watchers)
        self.assertGreaterEqual(self.time_of(second, number), before)
        watcher = watchers[0]
        line = f"event=peer_clock node={second.number} difference_ms=-"
        wait_until(lambda: any(line in one for one in watcher.stderr), 20, line)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
