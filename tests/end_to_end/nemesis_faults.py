"""What can be done to a cluster, by name. Each makes its trouble for a while and undoes it; afterwards
every member runs and the network is well."""

import os
import shutil
import signal
import time

from failing_calls import FAULTS
from full_disk import may_have_ended
from process_tree import descendants
from server import wait_until

DAY_S = 86_400
NEARLY_FULL_BYTES = 256 << 10


class Nemesis:
    def __init__(self, test, cluster, sink, random, say):
        self.test = test
        self.cluster = cluster
        self.links = cluster.links
        self.sink = sink
        self.random = random
        self.say = say
        self.frail = set()  # nodes whose disk misbehaved: they may end late

    def do(self, kind):
        getattr(self, kind)()
        self.links.heal()
        self.revive()

    def revive(self):
        """Nodes that stopped themselves, as they must when they cannot trust their disk, run again."""
        for node in self.frail:
            if node.alive():
                continue
            code = node.process.returncode
            self.say(f"{node.number} has ended with {code}")
            self.test.assertTrue(may_have_ended(node), node.log())
            node.kill()
            node.start()

    # Whom, how long.

    def any_node(self):
        return self.random.choice(self.cluster.running())

    def leader(self):
        """Of some data set."""
        number = self.random.randint(1, self.cluster.sets)
        return self.cluster.leader_of(number) or self.any_node()

    def wait(self, least, most):
        time.sleep(self.random.uniform(least, most))

    def ask(self, method, path, body=None):
        """Some node does it, sooner or later."""

        def asked():
            for node in self.cluster.running():
                try:
                    status, _ = node.native(method, path, body)
                except OSError:
                    continue
                if status == 200:
                    return True
            return False

        wait_until(asked, 60, f"{method} {path}")

    # Nodes that die.

    def kill(self, victims=None):
        victims = victims or [self.leader()]
        for node in victims:
            self.say(f"kill {node.number}")
            node.kill()
            self.wait(0, 0.3)
        self.wait(0.3, 2)
        for node in victims:
            node.start()

    def kill_two(self):
        self.kill(self.random.sample(self.cluster.running(), 2))

    def kill_all(self):
        self.kill(self.cluster.running())

    def kill_again_while_it_starts(self):
        victim = self.leader()
        for _ in range(3):
            self.kill([victim])
            self.wait(0, 0.5)

    def rolling_restart(self):
        for node in list(self.cluster.running()):
            self.say(f"restart {node.number}")
            node.terminate(30)
            node.start()
            self.wait(0.2, 1)

    # Nodes that stand still.

    def pause(self, longest=5):
        victim = self.leader()
        self.say(f"pause {victim.number}")
        victim.halt()
        self.wait(0.1, longest)
        victim.resume()

    def pause_long(self):
        self.pause(30)

    def stutter(self):
        victim = self.any_node()
        self.say(f"stutter {victim.number}")
        for _ in range(10):
            victim.halt()
            self.wait(0.05, 0.4)
            victim.resume()
            self.wait(0.05, 0.2)

    # Links.

    def isolate_leader(self):
        self.isolate(self.leader())

    def isolate_any(self):
        self.isolate(self.any_node())

    def isolate(self, victim):
        self.say(f"isolate {victim.number}")
        self.links.cut(victim.number, "*")
        self.wait(2, 5)

    def mute(self):
        victim = self.leader()
        self.say(f"mute {victim.number}")
        self.links.set(victim.number, "*", cut=1)
        self.wait(2, 5)

    def deafen(self):
        victim = self.leader()
        self.say(f"deafen {victim.number}")
        self.links.set("*", victim.number, cut=1)
        self.wait(2, 5)

    def bridge(self):
        one, other = self.random.sample([node.number for node in self.cluster.running()], 2)
        self.say(f"cut {one} from {other}")
        self.links.cut(one, other)
        self.wait(2, 5)

    def one_way(self):
        one, other = self.random.sample([node.number for node in self.cluster.running()], 2)
        self.say(f"nothing from {one} to {other}")
        self.links.set(one, other, cut=1)
        self.wait(2, 5)

    def flap(self):
        victim = self.leader()
        self.say(f"flap {victim.number}")
        for _ in range(6):
            self.links.cut(victim.number, "*")
            self.wait(0.1, 0.8)
            self.links.heal()
            self.wait(0.1, 0.8)

    def loss(self):
        self.say("30 % loss")
        self.links.set("*", "*", loss=30)
        self.wait(3, 6)

    def storm(self):
        self.say("reset storm")
        self.links.storm(300)
        self.wait(3, 6)

    def delay(self):
        self.say("delay of 5 to 505 ms")
        self.links.set("*", "*", delay_ms=5, jitter_ms=500)
        self.wait(3, 6)

    def slow_link(self):
        victim = self.any_node()
        self.say(f"32 KiB/s from {victim.number}")
        self.links.set(victim.number, "*", rate=32_768)
        self.wait(3, 6)

    def slow_clients(self):
        self.say("slow clients")
        self.links.set(0, "*", delay_ms=20, jitter_ms=400)
        self.links.set("*", 0, delay_ms=20, jitter_ms=400)
        self.wait(3, 6)

    def data_centre(self):
        """One node with its clients."""
        victim = self.leader()
        self.say(f"data centre of {victim.number}")
        self.links.cut(victim.number, "*")
        self.links.cut(victim.number, 0)
        self.wait(2, 5)

    # Clocks.

    def clock_forward(self):
        self.shift_clock(self.random.choice([5, 60, 3_600, DAY_S]))

    def clock_back(self):
        self.shift_clock(-self.random.choice([5, 60, 3_600, DAY_S]))

    def shift_clock(self, seconds):
        victim = self.leader()
        self.say(f"clock of {victim.number} {seconds:+} s")
        self.cluster.clocks[victim.number].set(seconds)
        self.wait(2, 5)
        self.cluster.clocks[victim.number].set(0)
        self.wait(1, 2)

    # Members.

    def transfer(self):
        for _ in range(4):
            number = self.random.randint(0, self.cluster.sets)
            target = self.any_node().number
            self.say(f"set {number} to {target}")
            self.ask_once("POST", f"/v1/cluster/sets/{number}/transfer", {"node": target})
            self.wait(0.2, 1)

    def ask_once(self, method, path, body):
        """Refused or not: what cannot be done now need not be."""
        try:
            self.any_node().native(method, path, body)
        except OSError:
            pass

    def replace(self):
        """A node and its disk are lost; another takes its place."""
        victim = self.any_node()
        self.say(f"replace {victim.number}")
        self.frail.discard(victim)
        victim.kill()
        shutil.rmtree(victim.folder / "data")
        joiner = self.cluster.grow(self.test)
        body = {"id": joiner.number, "address": self.cluster.address(joiner)}
        self.ask("POST", f"/v1/cluster/nodes/{victim.number}/replace", body)
        self.gone(victim, joiner)

    def gone(self, node, joiner):
        """As those tell who were members before and after; every set has its replicas again."""

        def known():
            for witness in self.cluster.running():
                if witness in (node, joiner):
                    continue
                try:
                    status, view = witness.native("GET", "/v1/cluster")
                except OSError:
                    continue  # it has just ended: its disk
                sets = view["sets"] if status == 200 else []
                return bool(sets) and all(
                    node.number not in [one["id"] for one in view["nodes"]]
                    and one["leader"] != 0
                    and node.number not in [replica["node"] for replica in one["replicas"]]
                    and len([replica for replica in one["replicas"] if replica["voter"]]) >= 3
                    for one in sets
                )
            return False

        wait_until(known, 90, f"node {node.number} is no member")

    def membership(self):
        """A fourth node joins, takes its share and leaves."""
        joiner = self.cluster.grow(self.test)
        self.say(f"join {joiner.number}")
        body = {"id": joiner.number, "address": self.cluster.address(joiner)}
        self.ask("POST", "/v1/cluster/nodes", body)
        wait_until(lambda: len(joiner.sets()) > self.cluster.sets, 60, "it knows the sets")
        self.ask_once("POST", "/v1/cluster/rebalance", None)
        self.wait(1, 3)
        self.say(f"leave {joiner.number}")
        self.ask("DELETE", f"/v1/cluster/nodes/{joiner.number}")
        self.gone(joiner, joiner)
        joiner.terminate(30)

    # Disks.

    def with_disk(self):
        """A node and its disk."""
        victim = self.leader()
        self.frail.add(victim)
        return victim, self.cluster.disks[victim.number]

    def disk_errors(self):
        name, error, often, _ = self.random.choice(FAULTS)
        victim = self.leader()
        self.frail.add(victim)
        self.say(f"{name} of {victim.number} fails with {error}")
        self.cluster.calls.begin(victim.process, name, error, often)
        self.wait(1, 4)
        if victim.alive():
            self.cluster.calls.end(victim.process, name)

    def disk_full(self):
        victim, disk = self.with_disk()
        if disk.ballast is None:
            return self.say("no disk of its own that may be full")
        self.say(f"disk of {victim.number} is full")
        disk.ballast.fill(self.random.choice([0, self.random.randrange(NEARLY_FULL_BYTES)]))
        self.wait(1, 4)
        disk.ballast.empty()

    def disk_stall(self, times=1, longest=5):
        victim, disk = self.with_disk()
        self.say(f"disk of {victim.number} stands still, {times} times")
        for _ in range(times):
            disk.stall()
            self.wait(0.1, longest)
            disk.go_on()
            self.wait(0, 0.1)

    def disk_slow(self):
        self.disk_stall(times=15, longest=0.5)

    def power_cut(self):
        victim, disk = self.with_disk()
        self.say(f"power cut of {victim.number}")
        disk.cut(self.random.randrange(1 << 32))
        self.wait(0, 0.5)
        victim.kill()
        disk.restore()
        self.wait(0.3, 2)
        victim.start()

    # Workers.

    def below(self, name):
        """Ids of processes with such a name below the nodes; waits until there is one."""

        def found():
            everything = [
                one for node in self.cluster.running() for one in descendants(node.process.pid)
            ]
            return [process for process, own in everything if own.startswith(name)]

        return wait_until(found, 60, f"{name} runs")

    def workers(self):
        return self.below("python")

    @staticmethod
    def signal(processes, number):
        for process in processes:
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass  # it has ended

    def worker_kill(self):
        for _ in range(4):
            found = self.workers()
            victims = self.random.sample(found, self.random.randint(1, len(found)))
            self.say(f"kill {len(victims)} of {len(found)} workers")
            self.signal(victims, signal.SIGKILL)
            self.wait(0.1, 1)

    def worker_hang(self):
        victims = self.workers()
        self.say(f"{len(victims)} workers hang")
        self.signal(victims, signal.SIGSTOP)
        self.wait(1, 5)
        self.signal(victims, signal.SIGCONT)

    def supervisor_kill(self):
        victims = self.below("penstock-superv")
        self.say(f"kill {len(victims)} supervisors")
        self.signal(victims, signal.SIGKILL)
        self.wait(0.5, 2)

    # Targets.

    def sink_down(self):
        self.say("sink down")
        self.sink.down = True
        self.wait(1, 3)
        self.sink.down = False


KINDS = [
    name
    for name in (
        "kill kill_two kill_all kill_again_while_it_starts rolling_restart pause pause_long stutter"
        " isolate_leader isolate_any mute deafen bridge one_way flap loss storm delay slow_link"
        " slow_clients data_centre clock_forward clock_back transfer replace membership sink_down"
        " disk_errors disk_full disk_stall disk_slow power_cut worker_kill worker_hang supervisor_kill"
    ).split()
]
