"""Two of three data folders destroyed right after an OK, the third recovered:
`cluster_recover_test.py ROUNDS`.

Each round makes a cluster, loads it, kills all three nodes with SIGKILL (in every other round the
third one later), destroys two folders drawn at random and recovers the third. Referee: every message acknowledged before the first kill is there,
with its body. Then what a recovery refuses, and what becomes of old and new nodes.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

from cluster import DATA_SETS, Cluster, Node, make_certificates
from cmq import Cmq, Refused, Unreachable
from ports import free_ports
from server import BINARY, data_folder, wait_until

ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 3
QUEUES = [f"load{at}" for at in range(4)]
SENDERS = 4
BATCH = 8


def recover(node, *words):
    """`penstock cluster recover` on a node's folder; the finished process."""
    command = [BINARY, "cluster", "recover", "--data", node.folder / "data", *words]
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120
    )


def recover_fully(node):
    return recover(node, "--survivor", "--yes", "--config", node.folder / "penstock.toml")


class Load:
    """Senders to all queues through all nodes; what was acknowledged, by body."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.number = number
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.produce, args=(at,), daemon=True)
            for at in range(SENDERS)
        ]
        for thread in self.threads:
            thread.start()

    def produce(self, at):
        client = Cmq(self.cluster.nodes[at % 3])
        filler = "x" * 900
        for turn in range(1_000_000):
            if self.stopping.is_set():
                return
            bodies = [f"{self.number}.{at}.{turn}.{place} {filler}" for place in range(BATCH)]
            try:
                client.send(QUEUES[turn % len(QUEUES)], bodies)
            except (Unreachable, Refused):
                continue
            with self.lock:
                self.acknowledged.update(bodies)

    def known(self):
        with self.lock:
            return set(self.acknowledged)


def kill_now(nodes):
    """All at once: nobody has time to notice that another is gone."""
    for node in nodes:
        os.kill(node.process.pid, signal.SIGKILL)
    for node in nodes:
        node.kill()


def everybody_in_sync(cluster):
    sets = cluster.nodes[0].sets()
    return len(sets) == DATA_SETS + 1 and all(
        len(one["replicas"]) == 3 and all(replica["in_sync"] for replica in one["replicas"])
        for one in sets
    )


def drained(node):
    """The bodies of all messages of all queues."""
    bodies = set()
    client = Cmq(node)
    for queue in QUEUES:
        while True:
            got = client.receive(queue, 16, 0)
            if not got:
                break
            bodies.update(message["msgBody"] for message in got)
            client.delete(queue, [message["receiptHandle"] for message in got])
    return bodies


class ClusterRecoverTest(unittest.TestCase):
    def alone(self, node):
        node.start()

        def led():
            sets = node.sets()
            return len(sets) == DATA_SETS + 1 and all(
                one["leader"] == node.number for one in sets
            )

        wait_until(led, 30, "the survivor leads every set")

    def test_what_was_acknowledged_outlives_any_two_folders(self):
        total = 0
        slowest = 0
        for number in range(ROUNDS):
            acknowledged, seconds = self.one_round(number)
            total += acknowledged
            slowest = max(slowest, seconds)
        print(
            f"{ROUNDS} rounds, {total} acknowledged, 0 lost; slowest recovery {slowest:.2f} s",
            flush=True,
        )

    def one_round(self, number):
        folder = data_folder(self)
        cluster = Cluster(self, folder).start().found()
        client = Cmq(cluster.nodes[0])
        for queue in QUEUES:
            client.call("CreateQueue", queueName=queue, visibilityTimeout=600)
        wait_until(lambda: everybody_in_sync(cluster), 30, "every replica is in sync")
        load = Load(cluster, number)
        time.sleep(random.uniform(0.3, 1.2))
        nodes = list(cluster.nodes)
        random.shuffle(nodes)
        survivor, *lost = nodes
        acknowledged = load.known()
        if number % 2 == 0:
            kill_now(random.sample(nodes, 3))
        else:
            kill_now(lost)
        load.stopping.set()
        for node in lost:
            shutil.rmtree(node.folder)
        # On its own it waits for the others.
        if survivor.alive():
            time.sleep(0.5)
            survivor.kill()
        began = time.monotonic()
        done = recover_fully(survivor)
        seconds = time.monotonic() - began
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"goes on as node {survivor.number} alone, incarnation 2", done.stdout)
        self.assertNotIn("NOT HERE", done.stdout)
        self.alone(survivor)
        found = drained(survivor)
        self.assertGreater(len(acknowledged), 100)
        self.assertEqual(acknowledged - found, set(), f"round {number}: acknowledged and lost")
        for thread in load.threads:
            thread.join(60)
        survivor.kill()
        shutil.rmtree(folder)
        print(
            f"  round {number + 1}: node {survivor.number} left, {len(acknowledged)} acknowledged,"
            f" {len(found)} found, recovered in {seconds:.2f} s",
            flush=True,
        )
        return len(acknowledged), seconds

    def test_a_cluster_that_lives_is_not_recovered(self):
        certificates = make_certificates(data_folder(self), "test")
        cluster = Cluster(self, data_folder(self), certificates=certificates).start().found()
        victim = cluster.nodes[2]
        running = recover_fully(victim)
        self.assertEqual(running.returncode, 1)
        self.assertIn("another server uses the data folder", running.stderr)
        victim.kill()
        for words in ([], ["--survivor"], ["--yes"]):
            self.assertEqual(recover(victim, *words).returncode, 2)
        answered = recover_fully(victim)
        self.assertEqual(answered.returncode, 4, answered.stderr)
        self.assertRegex(answered.stderr, r"node [12] at 127\.0\.0\.1:\d+ answers")
        unasked = recover(victim, "--survivor", "--yes")
        self.assertEqual(unasked.returncode, 4)
        self.assertIn("give --config FILE", unasked.stderr)
        # Nothing happened to it.
        victim.start()
        cluster.settled()

    def test_a_folder_without_a_cluster_is_no_survivor(self):
        folder = data_folder(self)
        node = Node(self, folder, 1, None)
        self.assertIn("there is no data folder", recover(node, "--survivor", "--yes").stderr)
        (folder / "data").mkdir()
        refused = recover(node, "--survivor", "--yes")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("belongs to no node of a cluster", refused.stderr)

    def test_old_nodes_are_refused_and_new_ones_grow_it_again(self):
        folder = data_folder(self)
        certificates = make_certificates(data_folder(self), "test", nodes="1,2,3,4")
        cluster = Cluster(self, folder, certificates=certificates).start().found()
        client = Cmq(cluster.nodes[0])
        for queue in QUEUES:
            client.call("CreateQueue", queueName=queue)
            client.send(queue, [f"in {queue}"])
        kill_now(cluster.nodes)
        survivor, old = cluster.nodes[0], cluster.nodes[1]
        self.assertEqual(recover_fully(survivor).returncode, 0)
        self.alone(survivor)
        again = recover_fully(cluster.nodes[1])
        self.assertEqual(again.returncode, 4, again.stdout)
        self.assertIn("old_incarnation", again.stderr)
        old.start()

        def said(node, words):
            return any(words in line for line in node.stderr)

        wait_until(lambda: said(survivor, "old_incarnation"), 20, "the survivor refuses it")
        wait_until(lambda: said(old, "old_incarnation"), 20, "the old node says so")
        old.kill()
        self.grow(cluster, folder, certificates)

    def grow(self, cluster, folder, certificates):
        survivor = cluster.nodes[0]
        twice = subprocess.run(
            [BINARY, "--server", f"http://127.0.0.1:{survivor.port}", "cluster", "add", "2",
             "127.0.0.1:1"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertNotEqual(twice.returncode, 0)
        self.assertIn("ids are never given twice", twice.stderr)
        cluster.ports.append(free_ports(1)[0])
        fresh = Node(self, folder / "node4", 4, cluster.config(4, certificates))
        fresh.start()
        survivor.cli("cluster", "add", 4, f"127.0.0.1:{cluster.ports[3]}")

        def grown():
            sets = survivor.sets()
            return len(sets) == DATA_SETS + 1 and all(
                len(one["replicas"]) == 2 and all(replica["voter"] for replica in one["replicas"])
                for one in sets
            )

        wait_until(grown, 90, "every set has a second replica")
        self.assertEqual(drained(fresh), {f"in {queue}" for queue in QUEUES})


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
