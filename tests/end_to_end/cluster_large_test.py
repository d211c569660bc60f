"""A node joins a cluster with a large state, under load: `cluster_large_test.py MIB`.

Two nodes are filled with so many MiB over eight sets, then a third one with an empty disk is added and
fetches a snapshot of each. Measured: how long that takes, what sends through the leader take before
and meanwhile, what memory each node takes more than before. Referees: every set gets three voters,
and after the oldest node dies everything that was counted is still there.
"""

import http.client
import json
import os
import sys
import threading
import time
import unittest

from cluster import DATA_SETS, Cluster
from server import DEV_KEY_ID, DEV_KEY_SECRET, data_folder, wait_until

MIB = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 200
FULL = MIB >= 1024  # of a quiet machine; smaller runs share theirs with others
BODY_BYTES = 8 << 10
BATCH = 16
FILLERS = 8
SENDERS = 4
SENDS_PER_SECOND = 200
CALM_SECONDS = 15
MEMORY_MORE_MAX = 400 << 20
HEAD = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}"}


class Link:
    """One keep-alive connection to a node."""

    def __init__(self, node):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)

    def post(self, path, body, patience=30):
        """What is refused for the moment is tried again."""
        end = time.monotonic() + patience
        while True:
            head = {**HEAD, "Content-Type": "application/json"}
            self.connection.request("POST", path, body, head)
            response = self.connection.getresponse()
            answer = response.read()
            if response.status in (200, 201):
                return
            if response.status not in (429, 503) or time.monotonic() > end:
                raise AssertionError(answer)
            time.sleep(0.05)


def at_once(count, work):
    """Runs work(number) in so many threads; the first failure is raised."""
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as problem:  # raised below
            failures.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Sends:
    """A steady rate of single sends; what each took."""

    def __init__(self, nodes, queues):
        self.took = []  # (when it began, seconds)
        self.failures = []
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(Link(nodes[at % len(nodes)]), queues[at]))
            for at in range(SENDERS)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, link, queue):
        body = "s" * 1024
        due = time.monotonic()
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                link.post(f"/v1/queues/{queue}/messages", body)
                self.took.append((began, time.monotonic() - began))
            except (AssertionError, OSError, http.client.HTTPException) as problem:
                self.failures.append(problem)
                return
            due = max(due + SENDERS / SENDS_PER_SECOND, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def p99(self, begin, end):
        took = sorted(seconds for at, seconds in self.took if begin <= at < end)
        return took[len(took) * 99 // 100], took[-1], len(took)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class Memory:
    """The most resident bytes of each node from now on, beyond what it had."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.before = {node.number: node.resident_bytes() for node in nodes}
        self.most = dict(self.before)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(0.1):
            for node in self.nodes:
                now = node.resident_bytes()
                self.most[node.number] = max(self.most[node.number], now)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        return {number: self.most[number] - self.before[number] for number in self.most}


def fill(nodes, mib):
    """So many MiB of bodies into a queue of each set; the messages of each queue."""
    text = json.dumps({"messages": [{"body": "f" * BODY_BYTES}] * BATCH})
    rounds = (mib << 20) // (BODY_BYTES * BATCH * FILLERS)

    def send(number):
        link = Link(nodes[number % len(nodes)])
        for _ in range(rounds):
            link.post(f"/v1/queues/fill-{number}/messages/batch", text)

    at_once(FILLERS, send)
    return rounds * BATCH


class ClusterLargeTest(unittest.TestCase):
    def make(self, cluster, names):
        for name in names:
            status, answer = cluster.nodes[0].native("POST", "/v1/queues", {"name": name})
            self.assertIn(status, (200, 201), answer)

    def test_a_node_with_an_empty_disk_gets_everything_while_the_others_serve(self):
        print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        cluster = Cluster(self, data_folder(self), size=3, founders=2)
        fresh = cluster.nodes.pop()
        cluster.start().found()
        self.make(cluster, [f"fill-{at}" for at in range(FILLERS)])
        queues = [f"load-{at}" for at in range(SENDERS)]
        self.make(cluster, queues)
        began = time.monotonic()
        count = fill(cluster.nodes, MIB)
        print(f"{MIB} MiB filled in {time.monotonic() - began:.1f} s", flush=True)
        sends = Sends(cluster.nodes, queues)
        self.addCleanup(sends.stop)
        calm = time.monotonic() + 1
        time.sleep(CALM_SECONDS)
        cluster.nodes.append(fresh)
        fresh.start()
        memory = Memory(cluster.nodes)
        self.addCleanup(memory.stop)
        added = time.monotonic()
        cluster.add(fresh)
        self.wait_for_voters(cluster, sends)
        ended = time.monotonic()
        more = memory.stop()
        time.sleep(1)
        sends.stop()
        self.assertEqual(sends.failures, [])
        self.tell(sends, calm, added, ended, more)
        cluster.nodes[0].kill()
        cluster.settled(patience=30)
        for at in range(FILLERS):
            self.assertEqual(self.visible(cluster.nodes[1], f"fill-{at}"), count)

    def visible(self, node, queue):
        def asked():
            status, answer = node.native("GET", f"/v1/queues/{queue}")
            return (answer["messages"]["visible"],) if status == 200 else None

        return wait_until(asked, 30, f"{queue} is shown")[0]

    def wait_for_voters(self, cluster, sends):
        def grown():
            self.assertEqual(sends.failures, [])
            known = cluster.nodes[0].sets()
            voters = [sum(one["voter"] for one in each["replicas"]) for each in known]
            return len(voters) == DATA_SETS + 1 and min(voters) == 3

        wait_until(grown, 60 + MIB // 4, "every set has three voters")
        cluster.caught_up(lag_max=100)

    def tell(self, sends, calm, added, ended, more):
        before, before_max, before_count = sends.p99(calm, added)
        during, during_max, during_count = sends.p99(added, ended)
        growth = ", ".join(f"node {n}: {b >> 20} MiB" for n, b in sorted(more.items()))
        print(
            f"{MIB} MiB in {ended - added:.1f} s; sends p99 before {before * 1e3:.1f} ms (most"
            f" {before_max * 1e3:.1f}, {before_count}), meanwhile {during * 1e3:.1f} ms (most"
            f" {during_max * 1e3:.1f}, {during_count}): {during / before:.2f} times;"
            f" memory more than before: {growth}; load average {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        if FULL:
            self.assertLess(during, 2 * before)
            self.assertLess(max(more.values()), MEMORY_MORE_MAX)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
