"""examples/cluster.sh with the binary that is built already."""

import os
import pathlib
import re
import subprocess
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "cluster.sh"


class ClusterExampleTest(unittest.TestCase):
    def test_once_loses_nothing_and_leaves_nothing_running(self):
        done = subprocess.run(
            ["bash", str(SCRIPT), "--once"], capture_output=True, text=True, timeout=240
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        last = done.stdout.rstrip().splitlines()[-1]
        found = re.fullmatch(r"(\d+) acknowledged, 0 lost, gap (\d+\.\d+) s", last)
        self.assertTrue(found, done.stdout + done.stderr)
        self.assertGreater(int(found[1]), 500)
        print(last, flush=True)
        processes = [int(number) for number in re.findall(r"process (\d+)", done.stdout)]
        self.assertEqual(len(processes), 4)
        for process in processes:
            with self.assertRaises(ProcessLookupError):
                os.kill(process, 0)

    def test_an_unknown_argument_shows_how_it_is_used(self):
        done = subprocess.run(["bash", str(SCRIPT), "--twice"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("examples/cluster.sh [--once]", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
