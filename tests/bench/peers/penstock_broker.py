"""Penstock as one of the brokers compared: one node, or three with the one or the other meaning of
an acknowledgement. The interface is that of peers.py."""

import itertools
import os
import subprocess
import time

from cluster import Cluster
from generator import Way
from ports import free_ports
from processes import Failure
from server import BINARY, DEV_KEY_ID, DEV_KEY_SECRET, Server

INDEX_AND_ORDINAL_BITS = 51  # of a message id; above them is its set (broker/model/ids.h)
LEADERS_SETTLE_SECONDS = 8  # they go to the nodes that should have them
QUEUES_MAX = 20_000  # W7 makes 10,000


class Penstock:
    def __init__(self, nodes, ack="all"):
        self.nodes = nodes
        self.who = "Penstock" if nodes == 1 else f"Penstock x3 {ack}"
        words = [BINARY, "--version"]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
        self.name = told or "Penstock"
        self.ack_mode = ack
        where = "the disks of a majority" if ack == "majority" else "the disks of all that keep up"
        self.ack = f"fdatasync on {'its disk' if nodes == 1 else where}"
        self.ways = [Way(f"{self.who}, TCP", "cmq-tcp")]
        if ack == "majority" or nodes == 1:
            self.ways.append(Way(f"{self.who}, HTTP", "v1", pipelined=False))
            self.ways.append(Way(f"{self.who}, HTTP by 16", "v1", pipelined=False, batch=16))
        self.numbers = itertools.count(1)
        self.made = []

    def start(self, scope, folder):
        self.folder = folder
        self.made.clear()  # whatever an earlier server left
        if self.nodes == 1:
            self.servers = [Server(scope, folder)]
        else:
            self.cluster = Cluster(scope, folder)
            self.servers = self.cluster.nodes
        for server in self.servers:
            server.tcp_port = free_ports(1)[0]
            server.environment = dict(
                os.environ,
                PENSTOCK_LISTEN_TCP=f"127.0.0.1:{server.tcp_port}",
                PENSTOCK_LIMITS_QUEUES_MAX=str(QUEUES_MAX),
            )
            if self.nodes > 1:
                server.environment["PENSTOCK_CLUSTER_ACK"] = self.ack_mode
            server.start()
        if self.nodes > 1:
            self.cluster.found()
            time.sleep(LEADERS_SETTLE_SECONDS)

    def pids(self):
        return [server.process.pid for server in self.servers]

    def ask(self, method, path, document=None):
        status, answer = self.servers[0].native(method, path, document)
        if status >= 300:
            raise Failure(f"{method} {path}: {status} {answer}")
        return answer

    def make(self, kind, name):
        """A queue or topic that goes with release(); the server that leads it."""
        self.ask("POST", f"/v1/{kind}", {"name": name})
        self.made.append(f"/v1/{kind}/{name}")
        if self.nodes == 1:
            return self.servers[0]
        told = self.ask("POST", f"/v1/{kind}/{name}/messages", {"probe": True})
        return self.leader_of(int(told["id"]) >> INDEX_AND_ORDINAL_BITS)

    def leader_of(self, number):
        leader = self.cluster.leader_of(number)
        if leader is None:
            raise Failure(f"set {number} has no leader")
        return leader

    def at(self, servers, way):
        http = way.driver == "v1"
        return ",".join(f"127.0.0.1:{one.port if http else one.tcp_port}" for one in servers)

    def target(self, way, fan=0):
        """A new queue, or a topic with `fan` queues behind it; mqload's words for it."""
        name = f"bench{next(self.numbers)}"
        words = ["--driver", way.driver, "--keep", 1, "--object", name]
        words += ["--key", f"{DEV_KEY_ID}:{DEV_KEY_SECRET}"]
        if fan == 0:
            self.led_by = self.make("queues", name)
            return [*words, "--endpoints", self.at([self.led_by], way)]
        leaders = []
        queues = [f"{name}-{number}" for number in range(fan)]
        for queue in queues:
            leaders.append(self.make("queues", queue))
        leader = self.make("topics", name)
        for queue in queues:
            self.subscribe(name, {"name": queue, "queue": {"name": queue}})
        words += ["--topic", 1, "--fan", fan, "--queues", ",".join(queues)]
        words += ["--endpoints", self.at([leader], way)]
        return [*words, "--consume-at", self.at(leaders, way)]

    def spread_target(self, way, count):
        """So many new queues; mqload's words for requests to them in turn."""
        words = self.target(way)
        name = words[words.index("--object") + 1]
        for number in range(count):
            self.make("queues", f"{name}-{number}")
        return [*words, "--spread", count]

    def subscribe_elsewhere(self, count):
        """So many subscriptions of a queue that nothing is published to, a hundred on a topic."""
        name = f"other{next(self.numbers)}"
        self.make("queues", name)
        for number in range(count):
            topic = f"{name}-{number // 100}"
            if number % 100 == 0:
                self.make("topics", topic)
            self.subscribe(topic, {"name": f"s{number}", "queue": {"name": name}})

    def subscribe(self, topic, document):
        self.ask("POST", f"/v1/topics/{topic}/subscriptions", document)
        self.made.append(f"/v1/subscriptions/{topic}/{document['name']}")

    def push_target(self, way, url):
        """A topic pushed to `url`, 64 at a time; (mqload's words, the subscription's path)."""
        name = f"bench{next(self.numbers)}"
        leader = self.make("topics", name)
        http = {"name": "push", "http": {"url": url}, "format": "simplified", "concurrency": 64}
        self.subscribe(name, http)
        words = ["--driver", way.driver, "--keep", 1, "--object", name, "--topic", 1]
        words += ["--key", f"{DEV_KEY_ID}:{DEV_KEY_SECRET}"]
        return [*words, "--endpoints", self.at([leader], way)], f"/v1/subscriptions/{name}/push"

    def release(self):
        for path in reversed(self.made):
            self.ask("DELETE", path)
        self.made.clear()

    def all(self):
        return self.at(self.servers, self.ways[0])

    def kill_leader(self):
        left = [server for server in self.servers if server is not self.led_by]
        return self.led_by.process.pid, self.at(left, self.ways[0])
