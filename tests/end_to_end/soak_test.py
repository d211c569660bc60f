"""Hours of an ordinary day in short: `soak_test.py SECONDS`. A good part of what the server can do, all the
time: its memory and descriptors stay where they are, and so does the slowest percent."""

import os
import statistics
import sys
import unittest

from overload_test import bench
from server import Server, data_folder

SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 60
SLICES = 12
SHARE = 0.5  # of the peak: the generator is on the same processors
GROWTH_MAX = 1.05
MIB = 2**20
SLACK = 16 * MIB


class SoakTest(unittest.TestCase):
    def cycle(self, server, seconds, *more):
        return bench(server, 32, seconds, *more, mode="send-receive-delete")

    def test_nothing_grows(self):
        server = Server(self, data_folder(self)).start()
        self.cycle(server, 2)
        peak = self.cycle(server, 5)["messages_per_s"]
        rate = max(1, int(peak * SHARE))
        resident, descriptors, slowest = [], [], []
        for number in range(SLICES):
            done = self.cycle(server, max(2, SECONDS // SLICES), "--rate", rate)
            resident.append(server.resident_bytes())
            descriptors.append(len(os.listdir(f"/proc/{server.process.pid}/fd")))
            slowest.append(done["latency"]["p99_us"] / 1000)
            self.assertEqual(done["failures"], 0)
            print(
                f"  {number + 1}/{SLICES}: {done['messages_per_s']}/s, p99 {slowest[-1]:.1f} ms,"
                f" {resident[-1] / MIB:.0f} MiB, {descriptors[-1]} descriptors",
                flush=True,
            )
        # The first quarter fills caches.
        quarter = SLICES // 4
        early = statistics.mean(resident[quarter : 2 * quarter])
        late = statistics.mean(resident[-quarter:])
        self.assertLess(late, early * GROWTH_MAX + SLACK)
        self.assertLess(max(descriptors[-quarter:]), max(descriptors[:quarter]) + 10)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
