"""kill -9 of one, two or all three nodes, one shortly after the other, under load:
`cluster_cycles_test.py CYCLES [SEED]`. The next ones die before the cluster is whole again."""

import random
import statistics
import sys
import time
import unittest

from cluster import Cluster
from cluster_load import Load, longest_gap
from cmq import Cmq
from server import data_folder, wait_until

CYCLES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 5
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else random.randrange(1 << 32)
SETS = 2
RATE = 800
STAGGER_SECONDS = 0.15  # between two deaths, and between two starts
DOWN_SECONDS = 0.3
LIFE_SECONDS = 0.5


class ClusterCyclesTest(unittest.TestCase):
    def test_whoever_is_killed_nothing_acknowledged_is_lost(self):
        print(f"{CYCLES} cycles, seed {SEED}", flush=True)
        self.random = random.Random(SEED)
        cluster = Cluster(self, data_folder(self), sets=SETS).start().found(sets=SETS + 1)
        load = Load(cluster, rate=RATE)
        load.begin()
        gaps = {1: [], 2: [], 3: []}  # how many died -> seconds without a successful send
        for cycle in range(CYCLES):
            dead, gap = self.cycle(cluster, load, cycle)
            gaps[dead].append(gap)
        cluster.settled(sets=SETS + 1).caught_up()
        load.finish(self, Cmq(cluster.nodes[0]))
        self.assertGreater(len(load.acknowledged), 50 * CYCLES)
        for dead, seconds in gaps.items():
            if seconds:
                print(
                    f"{dead} killed {len(seconds)} times: without a successful send"
                    f" p50 {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s"
                )
        print(f"{len(load.acknowledged)} acknowledged, 0 lost, {load.failures} failed requests")
        # The survivors of one death go on without it: seconds, not the restart.
        if len(gaps[1]) >= 5:
            self.assertLess(statistics.median(gaps[1]), 3)

    def cycle(self, cluster, load, cycle):
        """One to three deaths and their restarts; how many died and how long no send succeeded."""
        pause = self.random.uniform
        time.sleep(pause(0.001, LIFE_SECONDS))
        victims = self.random.sample(cluster.nodes, self.random.randint(1, 3))
        began = time.monotonic()
        for victim in victims:
            victim.kill()
            time.sleep(pause(0, STAGGER_SECONDS))
        time.sleep(pause(0, DOWN_SECONDS))
        self.random.shuffle(victims)
        for victim in victims:
            victim.start()
            time.sleep(pause(0, STAGGER_SECONDS))
        whole = time.monotonic()
        what = f"a successful send after cycle {cycle}, seed {SEED}"
        wait_until(lambda: load.successes and load.successes[-1] > whole, 90, what)
        with load.lock:
            self.assertEqual(load.violations, [], f"cycle {cycle}, seed {SEED}")
        gap = longest_gap(list(load.successes), began, time.monotonic())
        if cycle % 10 == 9:
            print(f"  cycle {cycle + 1}: {len(load.acknowledged)} acknowledged", flush=True)
        return len(victims), gap


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
