"""Pushes through the whole line, against the receiver of `penstock bench`: their latency at 1,000 a
second, pushes while publishing, a backlog drained, and all of it again beside 9,000 idle
subscriptions. Latency comes first: what the others leave behind is given back for half a minute.
`PENSTOCK_BINARY=… push_line_bench.py [SECONDS]`, of each measurement."""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from server import BINARY, Server, data_folder  # noqa: E402

SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 7
TICKS = os.sysconf("SC_CLK_TCK")
IDLE = 9_000
TO_A_TOPIC = 100
RUNS = {
    "1,000 a second": ["--rate", "1000"],
    "live": ["--batch", "16"],
    "drain": ["--batch", "16", "--backlog", "--warmup", "0s"],
}


class PushLineBench(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()

    def processor_s(self):
        stat = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def run_bench(self, flags):
        words = [BINARY, "bench", "publish-push", "--duration", f"{SECONDS}s", "-o", "json", *flags]
        environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.server.port}")
        before = self.processor_s()
        done = subprocess.run(words, capture_output=True, text=True, timeout=1200, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        figures["server_us"] = 1e6 * (self.processor_s() - before) / max(1, figures["pushed"])
        self.assertEqual(figures["pushed"], figures["published"])
        return figures

    def measure(self, beside):
        for name, flags in RUNS.items():
            figures = self.run_bench(flags)
            latency = figures["publish_to_post"]
            rate = figures.get("drained_per_s", figures["pushes_per_s"])
            print(f"{name}{beside}: {figures['pushed']} pushed, {rate}/s, publish to POST p50"
                  f" {latency['p50_us']} us, p99 {latency['p99_us']} us, {figures['server_us']:.1f} us"
                  " of the server a message, publishing included", flush=True)

    def test_pushes_through_the_whole_line(self):
        self.measure("")

    def test_pushes_beside_idle_subscriptions(self):
        for topic in range(IDLE // TO_A_TOPIC):
            self.made("/v1/topics", {"name": f"idle{topic}"})
            for at in range(TO_A_TOPIC):
                self.made(f"/v1/topics/idle{topic}/subscriptions",
                          {"name": f"s{at}", "http": {"url": f"http://127.0.0.1:1/{at}"}})
        before = self.processor_s()
        time.sleep(SECONDS)
        spent = 100 * (self.processor_s() - before) / SECONDS
        print(f"{IDLE} idle subscriptions: {spent:.1f} % of a processor,"
              f" {self.server.resident_bytes() >> 20} MiB resident", flush=True)
        self.measure(f" beside {IDLE} idle ones")

    def made(self, path, document):
        status, answer = self.server.native("POST", path, document)
        self.assertEqual(status, 201, answer)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
