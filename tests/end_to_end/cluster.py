"""Cluster: nodes of the real binary on loopback, as a test's children."""

import os
import signal
import subprocess

from ports import free_ports
from server import BINARY, Server, wait_until

DATA_SETS = 8


def make_certificates(folder, name, nodes="1,2,3"):
    """`penstock cluster init-certs`; the folder of the files."""
    words = [BINARY, "cluster", "init-certs", "--dir", folder, "--name", name, "--nodes", nodes]
    subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60)
    return folder


class Node(Server):
    """A server whose first line names its peer port."""

    lines_before_ready = 1

    def __init__(self, test, folder, number, config):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(test, folder, config=config)
        self.number = number

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def halt(self):
        """SIGSTOP: it does not know that time passes."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def sets(self):
        """What it tells of the cluster's sets; nothing when it does not answer."""
        try:
            status, view = self.native("GET", "/v1/cluster")
        except OSError:
            return []
        return view["sets"] if status == 200 else []


class Cluster:
    """Nodes 1..size of one cluster, not yet started; the first `founders` of them (nothing: all) found
    it, with so many data sets. With `certificates`, the folder of make_certificates, they speak
    TLS."""

    def __init__(
        self, test, folder, size=3, name="test", certificates=None, founders=None, sets=DATA_SETS
    ):
        self.folder = folder
        self.sets = sets
        self.name = name
        self.founders = founders or size
        self.ports = free_ports(size)
        self.nodes = []
        for at in range(size):
            config = self.config(at + 1, certificates)
            self.nodes.append(Node(test, folder / f"node{at + 1}", at + 1, config))

    def config(self, number, certificates=None):
        peers = ", ".join(
            f'{{id = {at + 1}, address = "127.0.0.1:{port}"}}'
            for at, port in enumerate(self.ports[: self.founders])
        )
        lines = [
            "[cluster]",
            f'name = "{self.name}"',
            f"node_id = {number}",
            f'listen_peer = "127.0.0.1:{self.ports[number - 1]}"',
            f"peers = [{peers}]",
            f"data_sets = {self.sets}",
        ]
        if certificates is None:
            return "\n".join(lines + ["insecure = true", ""])
        own = f"{certificates}/node-{number}"
        lines += ["[cluster.tls]", f'ca = "{certificates}/ca.pem"']
        return "\n".join(lines + [f'cert = "{own}.pem"', f'key = "{own}.key"', ""])

    def grow(self, test):
        """A further node, configured and running, that nobody has added yet."""
        self.ports += free_ports(1)
        number = len(self.ports)
        node = Node(test, self.folder / f"node{number}", number, self.config(number))
        self.nodes.append(node)
        return node.start()

    def view(self):
        """What the youngest running node tells of the cluster: it is the last to be removed."""
        for node in reversed(self.running()):
            try:
                status, view = node.native("GET", "/v1/cluster")
            except OSError:
                continue
            if status == 200:
                return view
        return {"nodes": [], "sets": []}

    def start(self):
        for node in self.nodes:
            node.start()
        return self

    def found(self, sets=9):
        """`cluster init` on the first node, then waits until all sets are led."""

        def asked():
            status, document = self.nodes[0].native("POST", "/v1/cluster/init")
            return status == 200 or None

        wait_until(asked, 20, "the cluster is founded")
        return self.settled(sets)

    def add(self, node):
        """`cluster add` of a started node, by the first one."""
        address = f"127.0.0.1:{self.ports[node.number - 1]}"
        document = {"id": node.number, "address": address}
        status, answer = self.nodes[0].native("POST", "/v1/cluster/nodes", document)
        assert status == 200, answer

    def settled(self, sets=DATA_SETS + 1, patience=60):
        """Waits until every running node knows of a leader of each set."""

        def led():
            for node in self.running():
                known = node.sets()
                if len(known) < sets or any(one["leader"] == 0 for one in known):
                    return False
            return True

        wait_until(led, patience, f"{sets} sets have leaders")
        return self

    def caught_up(self, lag_max=500, patience=60):
        """Waits until every replica has nearly all of its set."""

        def near():
            known = self.running()[0].sets()
            return known and all(
                replica.get("match", 0) > 0 and one["committed"] - replica["match"] <= lag_max
                for one in known
                for replica in one["replicas"]
            )

        wait_until(near, patience, "every replica has its set")
        return self

    def running(self):
        return [node for node in self.nodes if node.alive()]

    def leader_of(self, number):
        """The running node that leads a set, or nothing."""
        for node in self.running():
            for one in node.sets():
                if one["set"] == number and one["leader"] == node.number:
                    return node
        return None

    def busiest_set(self):
        """The data set with the longest log."""
        sets = [one for one in self.view()["sets"] if one["set"] != 0]
        return max(sets, key=lambda one: one["committed"])["set"]
