"""Three nodes of a cluster against one server alone, in one run on one machine.

`PENSTOCK_BINARY=… cluster_bench.py [SECONDS]` prints messages a second and the p99 of a batch for
1 KiB bodies in batches of 16 over CMQ, 128 requests outstanding: eight generators of 16, each with a
queue of its own. They speak TCP, and for comparison HTTP, whose forms and signatures take ten times
the processor time. The cluster has eight data sets, so that each of them is busy; once each
generator asks the node that leads its queue's set, once the nodes in turn."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import unittest

os.environ.setdefault("PENSTOCK_LISTEN_TCP", "127.0.0.1:0")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from cluster import DATA_SETS, Cluster  # noqa: E402
from server import BINARY, Server, data_folder  # noqa: E402

SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 10
OUTSTANDING = 16  # of each generator
BY = {
    "TCP": ["--tcp", "--connections", "2", "--outstanding", str(OUTSTANDING)],
    "HTTP": ["--connections", str(OUTSTANDING)],
}
TICKS = os.sysconf("SC_CLK_TCK")
AIM = 60_000
ROUNDS = 3


def used_seconds(server):
    """Processor time of a server process so far."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def generators(by, servers):
    """One `penstock bench send` for each, all at once; their reports."""
    running = []
    for server in servers:
        words = [BINARY, "bench", "send", "--server", f"http://127.0.0.1:{server.port}"]
        words += ["--size", "1024", "--batch", "16", *BY[by]]
        words += ["--warmup", "4s", "--duration", f"{SECONDS}s", "-o", "json"]
        running.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        # In this order their queues come to the sets.
        time.sleep(0.3)
    reports = []
    for process in running:
        out, problem = process.communicate(timeout=SECONDS + 120)
        assert process.returncode == 0, problem.decode()
        reports.append(json.loads(out))
    return reports


def measure(name, by, nodes, servers):
    before = sum(map(used_seconds, nodes))
    reports = generators(by, servers)
    spent = sum(map(used_seconds, nodes)) - before
    rate = sum(report["messages_per_s"] for report in reports)
    p99 = max(report["latency"]["p99_us"] for report in reports)
    failures = sum(report["failures"] for report in reports)
    cost = spent / (rate * (SECONDS + 4)) * 1e6
    print(
        f"{name + ', ' + by:<40} {rate:>9,.0f} messages/s   p99 {p99 / 1000:7.1f} ms"
        f"   servers {cost:5.1f} us a message, warm-up included   {failures} failures",
        flush=True,
    )
    return rate


class ClusterBench(unittest.TestCase):
    def test_three_nodes_beside_one(self):
        print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        folder = data_folder(self)
        alone = Server(self, folder / "alone")
        alone.folder.mkdir()
        alone.start()
        single = {by: measure("one server", by, [alone], [alone] * DATA_SETS) for by in BY}
        alone.kill()
        cluster = Cluster(self, folder).start().found()
        # Leaders go to the nodes that should have them after five seconds.
        time.sleep(8)
        leaders = [cluster.leader_of(number) for number in range(1, DATA_SETS + 1)]
        turns = [cluster.nodes[at % 3] for at in range(DATA_SETS)]
        for by in BY:
            led = measure("three nodes, asked: the leader", by, cluster.nodes, leaders)
            measure("three nodes, asked: in turn", by, cluster.nodes, turns)
            print(f"{by}: {led / single[by]:.0%} of one server; aim {AIM:,}/s", flush=True)

    def test_sixteen_sets_beside_one(self):
        """The same eight queues in one set, and spread over sixteen: alternately, medians of three.

        Each round's folder goes before the next one begins: whoever writes to memory that the
        machine has not used lately pays for that, up to 4 us a message, and not for its sets."""
        rates = {1: [], 16: []}
        for sets in (1, 16) * ROUNDS:
            folder = data_folder(self)
            cluster = Cluster(self, folder, sets=sets).start().found(sets=sets + 1)
            time.sleep(8)
            used = [1 + at % sets for at in range(DATA_SETS)]
            leaders = [cluster.leader_of(number) for number in used]
            rates[sets].append(measure(f"three nodes, {sets} sets", "TCP", cluster.nodes, leaders))
            for node in cluster.nodes:
                node.kill()
            shutil.rmtree(folder)
        ratio = statistics.median(rates[16]) / statistics.median(rates[1])
        print(f"16 sets: {ratio:.0%} of one set, aim 80%", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
