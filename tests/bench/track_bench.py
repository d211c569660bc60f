"""What keeping every attempt for the track costs: pushes a second with track.mode all and off.

`PENSTOCK_BINARY=… track_bench.py [ROUNDS] [SECONDS]`: two servers on one machine, loaded in turn, so
that what else the machine does falls on both; the ratio of all rounds is held to 85 %."""

import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from server import Server, data_folder  # noqa: E402

SECONDS = int(sys.argv.pop(2)) if len(sys.argv) > 2 else 5
ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 5
RATIO_MIN = 0.85
TICKS = os.sysconf("SC_CLK_TCK")


def used_seconds(server):
    """Processor time of a server process so far."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class TrackBench(unittest.TestCase):
    def test_the_track_costs_little(self):
        pushed, used, rates, servers = {}, {}, {}, {}
        for mode in ("all", "off"):
            config = f'[track]\nmode = "{mode}"\n'
            servers[mode] = Server(self, data_folder(self), config).start()
            pushed[mode] = used[mode] = 0
            rates[mode] = []
        for _ in range(ROUNDS):
            for mode, server in servers.items():
                before = used_seconds(server)
                words = ["--batch", 16, "--duration", f"{SECONDS}s", "--warmup", "1s"]
                report = json.loads(server.cli("bench", "publish-push", *words, "-o", "json"))
                rates[mode].append(report["pushes_per_s"])
                pushed[mode] += report["pushed"]
                used[mode] += used_seconds(server) - before
        for mode, server in servers.items():
            files = [file for file in (server.folder / "data").rglob("*") if file.is_file()]
            kept = sum(file.stat().st_blocks * 512 for file in files) / pushed[mode]
            mean = sum(rates[mode]) / ROUNDS
            print(f"track {mode}: {mean:,.0f} pushes/s, {kept:.0f} bytes of disk a message")
        ratio = sum(rates["all"]) / sum(rates["off"])
        cost = (used["all"] / pushed["all"]) / (used["off"] / pushed["off"])
        print(f"throughput {ratio:.1%}, processor time a message {cost:.1%}")
        self.assertGreaterEqual(ratio, RATIO_MIN)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
