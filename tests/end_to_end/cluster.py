"""Cluster: nodes of the real binary on loopback, as a test's children."""

import json
import re
import socket
import subprocess
import threading
import time

from server import Server, die_with_parent, wait_until


def free_ports(count):
    """Ports nobody listens on; the sockets are held until all are known."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Node(Server):
    """A server whose first line names its peer port."""

    def __init__(self, test, folder, number, config):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(test, folder, config=config)
        self.number = number

    def start(self, patience=60):
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        self.stderr = []
        threading.Thread(target=self._collect, args=(self.process,), daemon=True).start()
        watchdog = threading.Timer(patience, self.process.kill)
        watchdog.start()
        lines = [self.process.stdout.readline() for _ in range(2)]
        watchdog.cancel()
        self.ready_after = time.monotonic() - began
        match = re.fullmatch(r"ready http://127\.0\.0\.1:(\d+)\n", lines[1])
        if not match:
            self.process.wait()
            time.sleep(0.2)
            raise AssertionError(f"node {self.number} is not ready but {lines!r}: {self.log()}")
        self.port = int(match[1])
        self.life += 1
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None


class Cluster:
    """Nodes 1..size of one cluster, not yet started."""

    def __init__(self, test, folder, size=3, name="test"):
        self.folder = folder
        self.ports = free_ports(size)
        peers = ", ".join(
            f'{{id = {at + 1}, address = "127.0.0.1:{port}"}}' for at, port in enumerate(self.ports)
        )
        self.nodes = []
        for at, port in enumerate(self.ports):
            config = (
                f'[cluster]\nname = "{name}"\nnode_id = {at + 1}\n'
                f'listen_peer = "127.0.0.1:{port}"\npeers = [{peers}]\ninsecure = true\n'
            )
            self.nodes.append(Node(test, folder / f"node{at + 1}", at + 1, config))

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

    def settled(self, sets=9, patience=30):
        """Waits until every running node knows the leaders of its sets."""

        def led():
            for node in self.running():
                status, view = node.native("GET", "/v1/cluster")
                if status != 200 or len(view["sets"]) < sets:
                    return False
                if any(one["leader"] == 0 for one in view["sets"]):
                    return False
            return True

        wait_until(led, patience, f"{sets} sets have leaders")
        return self

    def running(self):
        return [node for node in self.nodes if node.alive()]

    def leader_of(self, number):
        """The running node that leads a set, or nothing."""
        for node in self.running():
            _, view = node.native("GET", "/v1/cluster")
            for one in view["sets"]:
                if one["set"] == number and one["leader"] == node.number:
                    return node
        return None
