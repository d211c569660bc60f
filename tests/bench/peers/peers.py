"""The peers as they come from Debian: how each is started on loopback, what its acknowledgement
means, and how mqload reaches it. Penstock, with the same interface, is in penstock_broker.py."""

import json
import os
import pathlib
import subprocess
import urllib.request

from generator import Way, run_load, tell_leader
from ports import free_ports
from processes import Failure, end_of, end_process, wait_for_port
from server import wait_until

RABBITMQ = pathlib.Path("/usr/lib/rabbitmq/bin")
OBJECT = "bench"


def version(package):
    words = ["dpkg-query", "-W", "-f", "${Version}", package]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"the Debian package {package} is not installed")
    return done.stdout.split(":")[-1].split("-")[0]


def at(*ports):
    return ",".join(f"127.0.0.1:{port}" for port in ports)


class Peer:
    """What brokers have in common on which mqload creates the object. Each has also `who` and
    `name`, what an acknowledgement of its means (`ack`), its `ways` in, `start(scope, folder)`."""

    replicas = 1

    def pids(self):
        """What is measured and ended, once it is started."""
        return [process.pid for process in self.processes]

    def target(self, way, fan=0):
        """Creates the object anew; mqload's words for it."""
        words = ["--driver", way.driver, "--object", OBJECT, "--replicas", self.replicas]
        words += ["--fan", fan]
        run_load([*words, "--endpoints", at(self.ports[0]), "--mode", "setup"])
        return [*words, "--keep", 1, "--endpoints", self.leader(words)]

    def leader(self, words):
        """Where the object is led."""
        return at(self.ports[0])

    def release(self):
        """What a target made goes when the next one is made, or with the server."""

    def all(self):
        """Every node, as endpoints."""
        return at(*self.ports)


class RabbitMq(Peer):
    def __init__(self, nodes):
        self.who = "RabbitMQ" if nodes == 1 else "RabbitMQ x3"
        self.name = f"RabbitMQ {version('rabbitmq-server')}"
        where = "its disk" if nodes == 1 else "the disks of a majority"
        self.ack = f"quorum queue of {nodes}, confirms, persistent: fdatasync on {where}"
        self.ways = [Way(self.who, "amqp")]
        self.replicas = nodes

    def environment(self, number):
        home = self.folder / f"rb{number}"
        peer_port, epmd = self.dist_ports[number - 1], self.epmd_port
        own = {
            "HOME": self.folder / "home",
            "RABBITMQ_NODENAME": f"rb{number}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.ports[number - 1],
            "RABBITMQ_DIST_PORT": peer_port,
            "RABBITMQ_MNESIA_BASE": home,
            "RABBITMQ_LOG_BASE": home / "log",
            "RABBITMQ_PID_FILE": home / "pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            "RABBITMQ_CONFIG_FILE": self.folder / "rabbit.conf",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": epmd,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        return dict(os.environ, **{name: str(value) for name, value in own.items()})

    def write_configuration(self):
        cookie = self.folder / "home" / ".erlang.cookie"
        cookie.parent.mkdir()
        cookie.write_text("penstockcompare")
        cookie.chmod(0o400)
        (self.folder / "plugins").write_text("[].\n")
        lines = ["log.file.level = warning", "log.console = false", "heartbeat = 0"]
        if self.replicas > 1:
            lines.append("cluster_formation.peer_discovery_backend = classic_config")
            for number in range(1, self.replicas + 1):
                name = f"cluster_formation.classic_config.nodes.{number}"
                lines.append(f"{name} = rb{number}@localhost")
        (self.folder / "rabbit.conf").write_text("\n".join(lines) + "\n")

    def start(self, scope, folder):
        self.folder = folder
        self.ports = free_ports(self.replicas)
        self.dist_ports = free_ports(self.replicas)
        self.epmd_port = free_ports(1)[0]
        self.beams = []
        self.write_configuration()
        words = ["epmd", "-address", "127.0.0.1", "-port", self.epmd_port]
        scope.run(words, folder / "epmd.log")
        for number in range(1, self.replicas + 1):
            self.start_node(scope, number)
        if self.replicas > 1:
            wait_until(self.complete, 60, "RabbitMQ's nodes have found each other")

    def start_node(self, scope, number):
        home = self.folder / f"rb{number}"
        (home / "log").mkdir(parents=True)
        log = self.folder / f"rb{number}.out"
        script = scope.run([RABBITMQ / "rabbitmq-server"], log, self.environment(number))
        wait_for_port(self.ports[number - 1], script, 120)
        wait_until((home / "pid").exists, 10, "RabbitMQ has written its process id")
        # The script waits for it; the virtual machine itself is what is measured and ended.
        self.beams.append(int((home / "pid").read_text()))
        scope.callback(end_process, self.beams[-1])

    def complete(self):
        words = [RABBITMQ / "rabbitmqctl", "-n", "rb1@localhost", "cluster_status"]
        words += ["--formatter", "json"]
        environment = self.environment(1)
        done = subprocess.run(words, env=environment, capture_output=True, timeout=60)
        if done.returncode != 0:
            return False
        return len(json.loads(done.stdout)["running_nodes"]) == self.replicas

    def pids(self):
        return self.beams

    def kill_leader(self):
        """The process that leads the object (its queue was declared there), and who is left."""
        return self.beams[0], at(*self.ports[1:])


class Redis(Peer):
    def __init__(self, nodes):
        assert nodes == 1
        self.who = "Redis"
        self.name = f"Redis {version('redis-server')}"
        self.ack = "stream, appendfsync always, no RDB: fdatasync on its disk"
        self.ways = [Way(self.who, "redis")]

    def start(self, scope, folder):
        self.folder = folder
        self.ports = free_ports(1)
        words = ["redis-server", "--bind", "127.0.0.1", "--port", self.ports[0], "--save", ""]
        words += ["--appendonly", "yes", "--appendfsync", "always", "--dir", folder]
        self.processes = [scope.run(words, folder / "redis.log")]
        wait_for_port(self.ports[0], self.processes[0])


def healthy(port):
    """Whether a server of NATS knows who leads all streams; before, it answers nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


class Nats(Peer):
    def __init__(self, nodes):
        self.who = "NATS, no sync" if nodes == 1 else "NATS x3, no sync"
        self.name = f"NATS {version('nats-server')}"
        where = "its" if nodes == 1 else "a majority's"
        self.ack = f"JetStream file, R{nodes}: in {where} page cache; synced every 2 minutes"
        self.ways = [Way(self.who, "nats")]
        self.replicas = nodes

    def start(self, scope, folder):
        self.folder = folder
        self.ports = free_ports(self.replicas)
        peer_ports, health_ports = free_ports(self.replicas), free_ports(self.replicas)
        routes = ", ".join(f"nats-route://127.0.0.1:{port}" for port in peer_ports)
        self.processes = []
        for number, port in enumerate(self.ports, 1):
            lines = [f"server_name: n{number}", f"listen: 127.0.0.1:{port}"]
            lines.append(f"http: 127.0.0.1:{health_ports[number - 1]}")
            lines.append(
                f'jetstream {{ store_dir: "{folder}/n{number}", max_mem_store: 1GB,'
                " max_file_store: 60GB }"
            )
            if self.replicas > 1:
                listen = f"127.0.0.1:{peer_ports[number - 1]}"
                lines.append(f"cluster {{ name: B, listen: {listen}, routes: [{routes}] }}")
            file = folder / f"n{number}.conf"
            file.write_text("\n".join(lines) + "\n")
            log = folder / f"n{number}.log"
            self.processes.append(scope.run(["nats-server", "-c", file], log))
        for port, process in zip(self.ports, self.processes):
            wait_for_port(port, process)
        for port in health_ports:
            wait_until(lambda port=port: healthy(port), 60, "NATS' nodes have found each other")

    def leader(self, words):
        if self.replicas == 1:
            return at(self.ports[0])  # a server alone elects nobody
        name = tell_leader([*words, "--endpoints", at(self.ports[0])])
        self.led_by = int(name.removeprefix("n")) - 1
        return at(self.ports[self.led_by])

    def kill_leader(self):
        left = [port for number, port in enumerate(self.ports) if number != self.led_by]
        return self.processes[self.led_by].pid, at(*left)


class Ceiling(Peer):
    """An HTTP server that stores nothing: what HTTP costs."""

    ack = "nothing stored"

    def target(self, way, fan=0):
        return ["--driver", way.driver, "--keep", 1, "--endpoints", at(*self.ports)]


class Nginx(Ceiling):
    def __init__(self, nodes):
        assert nodes == 1
        self.who = "nginx"
        self.name = f"nginx {version('nginx-light')}, return 200"
        self.ways = [Way(self.who, "http", pipelined=False)]

    def start(self, scope, folder):
        self.folder = folder
        self.ports = free_ports(1)
        lines = [
            "worker_processes 1; daemon off;",
            f"error_log {folder}/error.log; pid {folder}/pid;",
            "events { worker_connections 4096; }",
            f"http {{ access_log off; client_body_temp_path {folder}/body;",
            "client_body_buffer_size 128k; keepalive_requests 100000000;",
            f"server {{ listen 127.0.0.1:{self.ports[0]}; location / {{ return 200 'ok'; }} }} }}",
        ]
        (folder / "nginx.conf").write_text("\n".join(lines) + "\n")
        words = ["nginx", "-c", folder / "nginx.conf", "-p", folder]
        self.process = scope.run(words, folder / "nginx.log")
        wait_for_port(self.ports[0], self.process)

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]


class BeastEcho(Ceiling):
    def __init__(self, nodes):
        assert nodes == 1
        self.who = "Beast echo"
        self.name = "Boost.Beast echo, one thread"
        self.ways = [Way(self.who, "http", pipelined=False)]

    def start(self, scope, folder):
        self.folder = folder
        process, port = scope.run_told_port([os.environ["PENSTOCK_PEERS"] + "/beast_echo"])
        self.processes, self.ports = [process], [port]


class BareLog:
    """Three processes that agree on messages and do nothing else: what replication costs here. It
    makes its messages itself, so there is nothing to start and no way in."""

    who = "bare replicated log"
    name = "Penstock's log store, Raft and transport alone, no TLS"
    ack = "fdatasync of the log, on a majority"
    ways = (Way(who, "none"),)

    def start(self, scope, folder):
        self.scope = scope

    def measure(self, size, outstanding, seconds, warmup):
        program = os.environ["PENSTOCK_PEERS"] + "/replicated_log"
        words = [program, self.scope.folder(), max(1, round(seconds)), warmup, size, outstanding]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True,
                              timeout=seconds + warmup + 60)  # fmt: skip
        if done.returncode != 0:
            return {"failed": done.stderr.strip() or f"exit {done.returncode}"}
        return json.loads(done.stdout)


class PushConsumer:
    """What pushes for a broker that does not: Node, 64 requests in flight, keep-alive."""

    FOLDER = pathlib.Path(__file__).resolve().parent / "push_consumer"

    def __init__(self, scope, peer, words, sink):
        self.scope = scope
        self.endpoint = words[words.index("--endpoints") + 1]
        self.kind = words[words.index("--driver") + 1]
        self.sink = sink
        self.log = peer.folder / "consumer.log"
        self.process = None

    @classmethod
    def install(cls):
        if (cls.FOLDER / "node_modules" / "amqplib").exists():
            return
        words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(words, cwd=cls.FOLDER, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"npm ci in {cls.FOLDER}: {done.stdout}\n{done.stderr}")

    def start(self):
        self.log.write_text("")
        words = ["node", self.FOLDER / "push_consumer.js", self.kind, self.endpoint, OBJECT]
        self.process = self.scope.run([*words, self.sink, 64], self.log)
        try:
            wait_until(lambda: "ready" in self.log.read_text(), 20, "the consumer is ready")
        except AssertionError as late:
            raise Failure(f"{late}\n{end_of(self.log)}") from late

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
