"""A cluster whose nodes speak to each other and to their clients through relays that misbehave on
request: `nemesis_links`. Where the nemesis is to be at them, clocks, disks and calls do too."""

import os
import subprocess

from cluster import Cluster, Node
from failing_calls import FailingCalls
from forgetful import ForgetfulDisk
from full_disk import Ballast
from ports import free_ports
from server import die_with_parent
from shifted_clock import ShiftedClock

LINKS = os.environ.get("PENSTOCK_NEMESIS_LINKS", "")
DATA_SETS = 4
DISK_MIB = 256


class Links:
    """The relays; `listen()` adds one, the rest is weather. Ends with the test."""

    def __init__(self, test, seed):
        self.process = subprocess.Popen(
            [LINKS, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        test.addCleanup(self.stop)
        assert self.process.stdout.readline() == "ready\n"

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer == "ok\n", f"{line}: {answer}"

    def listen(self, kind, node, port, target):
        self.say(f"listen {kind}:{node}:{port}:{target}")

    def set(self, from_node, to_node, cut=0, delay_ms=0, jitter_ms=0, loss=0, rate=0):
        """From one node to another; "*": every node, 0: clients."""
        self.say(f"set {from_node} {to_node} {cut} {delay_ms} {jitter_ms} {loss} {rate}")

    def cut(self, one, other):
        self.set(one, other, cut=1)
        self.set(other, one, cut=1)

    def storm(self, every_ms):
        self.say(f"storm {every_ms}")

    def heal(self):
        self.say("heal")


class Disk(ForgetfulDisk):
    """The disk of a node: it loses its power, stands still, is full."""

    def __init__(self, test, node):
        super().__init__(node.folder / "disk", mib=DISK_MIB)
        node.folder = self.format().mount_point
        # Where there is no such disk, the folder is one of the machine's.
        self.ballast = Ballast(node.folder) if os.path.ismount(node.folder) else None
        if self.process is not None:
            test.addCleanup(self.end)


class NemesisCluster(Cluster):
    """`ports` are those the nodes are told of, relays; `clients_port` of a node is its clients'. By
    number of a node, where they are wanted: `clocks` and `disks`. With `failing`, `calls` of each node fail
    on request."""

    def __init__(self, test, folder, links, clocks=False, disks=False, failing=False):
        self.links = links
        self.own_ports = []
        self.shifted = clocks
        self.clocks = {}
        self.broken = disks
        self.disks = {}
        self.calls = FailingCalls(folder) if failing else None
        super().__init__(test, folder, sets=DATA_SETS)
        for node in self.nodes:
            self.front(test, node)

    def config(self, number, certificates=None):
        while len(self.own_ports) < number:
            self.own_ports += free_ports(1)
            at = len(self.own_ports)
            self.links.listen("peer", at, self.ports[at - 1], self.own_ports[-1])
        text = super().config(number).replace(
            f'listen_peer = "127.0.0.1:{self.ports[number - 1]}"',
            f'listen_peer = "127.0.0.1:{self.own_ports[number - 1]}"\n'
            f'advertise_peer = "127.0.0.1:{self.ports[number - 1]}"',
        )
        return text + '[cmq]\nname_reuse = "0ms"\n'

    def front(self, test, node):
        node.port = free_ports(1)[0]
        node.clients_port = free_ports(1)[0]
        self.links.listen("client", node.number, node.clients_port, node.port)
        if self.shifted:
            node.folder.mkdir(parents=True, exist_ok=True)
            self.clocks[node.number] = ShiftedClock(node.folder)
            node.environment = self.clocks[node.number].environment
        if self.calls is not None:
            node.environment = self.calls.environment(node.environment)
        if self.broken:
            self.disks[node.number] = Disk(test, node)

    def grow(self, test):
        """A further node, configured and running, that nobody has added yet."""
        self.ports += free_ports(1)
        number = len(self.ports)
        node = Node(test, self.folder / f"node{number}", number, self.config(number))
        self.front(test, node)
        node.start()
        self.nodes = self.nodes + [node]
        return node

    def address(self, node):
        return f"127.0.0.1:{self.ports[node.number - 1]}"
