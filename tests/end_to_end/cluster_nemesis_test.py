"""Clients, random faults, and a referee who reads all that was said: three nodes of the real binary
behind relays. `cluster_nemesis_test.py COUNT SECONDS`: scenarios 1 to COUNT, three at a time;
`--scenario SEED SECONDS`: that one. A failing one keeps its history and says how to play it again."""

import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

from nemesis_faults import KINDS, Nemesis
from nemesis_history import Recorder
from nemesis_judge import judge
from nemesis_network import Links, NemesisCluster
from nemesis_workload import Workload
from server import data_folder

AT_ONCE = 3
PATIENCE = 90  # until all is well again
# Of the first scenarios; later ones draw theirs.
TABLE = [
    ["kill", "pause"],
    ["isolate_leader", "transfer", "worker_kill", "kill", "worker_hang", "supervisor_kill"],
    ["one_way", "loss", "mute"],
    ["storm", "delay"],
    ["clock_forward", "clock_back", "kill"],
    ["replace", "slow_link"],
    ["membership", "kill_two"],
    ["rolling_restart", "slow_clients", "bridge"],
    ["disk_errors", "disk_full", "disk_stall", "disk_slow", "power_cut"],
]
DISKS = {"disk_full", "disk_stall", "disk_slow", "power_cut"}


def kinds_of(seed):
    if seed <= len(TABLE):
        return TABLE[seed - 1]
    # Every kind in turn, with two others.
    draw = random.Random(seed)
    return [KINDS[seed % len(KINDS)]] + draw.sample(KINDS, 2)


class Scenario(unittest.TestCase):
    seed = 0
    seconds = 40

    def say(self, what):
        print(f"  {time.monotonic() - self.began:5.1f} s  {what}", flush=True)

    def test_what_was_promised_is_kept(self):
        self.began = time.monotonic()
        kinds = kinds_of(self.seed)
        draw = random.Random(self.seed)
        recorder = Recorder()
        links = Links(self, self.seed)
        self.cluster = NemesisCluster(
            self,
            data_folder(self),
            links,
            clocks=any(kind.startswith("clock") for kind in kinds),
            disks=not DISKS.isdisjoint(kinds),
            failing="disk_errors" in kinds,
        )
        self.cluster.start().found(self.cluster.sets + 1)
        workers = not {"worker_kill", "worker_hang", "supervisor_kill"}.isdisjoint(kinds)
        workload = Workload(self, self.cluster, recorder, self.seed, workers)
        workload.begin()
        self.addCleanup(workload.stopping.set)
        self.say(f"scenario {self.seed}: {', '.join(kinds)}")
        try:
            nemesis = Nemesis(self, self.cluster, workload.sink, draw, self.say)
            self.disturb(nemesis, kinds)
            nemesis.revive()
            self.cluster.settled(self.cluster.sets + 1, PATIENCE)
            workload.finish(PATIENCE)
        except BaseException:
            for node in self.cluster.nodes:
                print(f"node {node.number}:\n{node.log()}", flush=True)
            raise
        finally:
            self.history = pathlib.Path(tempfile.gettempdir()) / f"nemesis-{self.seed}.jsonl"
            recorder.write(self.history)
        self.judge(recorder)

    def disturb(self, nemesis, kinds):
        end = time.monotonic() + self.seconds
        turn = 0
        time.sleep(1)
        while time.monotonic() < end:
            nemesis.do(kinds[turn % len(kinds)])
            turn += 1
            time.sleep(nemesis.random.uniform(0.5, 2))

    def judge(self, recorder):
        findings, said = judge(recorder.lines)
        self.say(f"{recorder.counts}")
        answers = sorted(recorder.answers)
        gap = max(later - earlier for earlier, later in zip(answers, answers[1:])) / 1e6
        self.say(f"longest without an answer {gap:.1f} s; {said[-2000:].strip()}")
        found = "\n".join(findings)[:4000]
        self.assertFalse(
            findings,
            f"\n{found}\nhistory: {self.history}\nagain: "
            f"python3 {pathlib.Path(__file__).name} --scenario {self.seed} {self.seconds}",
        )
        self.history.unlink()


def play_all(count, seconds):
    """Each in a process of its own; the number that failed."""
    waiting = list(range(1, count + 1))
    running = {}
    failed = 0
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            seed = waiting.pop(0)
            words = [sys.executable, __file__, "--scenario", str(seed), str(seconds)]
            output = tempfile.TemporaryFile("w+")
            running[seed] = (
                subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT),
                output,
            )
        time.sleep(0.2)
        for seed, (process, output) in list(running.items()):
            if process.poll() is None:
                continue
            output.seek(0)
            print(output.read(), flush=True)
            failed += process.returncode != 0
            del running[seed]
    return failed


class ClusterNemesisTest(unittest.TestCase):
    count = 9
    seconds = 40

    def test_every_scenario_keeps_what_was_promised(self):
        kinds = {kind for seed in range(1, self.count + 1) for kind in kinds_of(seed)}
        print(f"{self.count} scenarios of {self.seconds} s, {len(kinds)} kinds of faults")
        self.assertEqual(play_all(self.count, self.seconds), 0)


if __name__ == "__main__":
    if "--scenario" in sys.argv:
        Scenario.seed, Scenario.seconds = int(sys.argv[2]), int(sys.argv[3])
        del sys.argv[1:4]
        unittest.main(defaultTest="Scenario", verbosity=2, warnings="ignore")
    else:
        ClusterNemesisTest.count, ClusterNemesisTest.seconds = map(int, sys.argv[1:3])
        del sys.argv[1:3]
        unittest.main(defaultTest="ClusterNemesisTest", verbosity=2, warnings="ignore")
