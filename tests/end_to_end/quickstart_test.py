"""examples/quickstart.sh with the binary that is built already."""

import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "quickstart.sh"
EVENTS = sorted(path.stem for path in (ROOT / "examples" / "events").glob("*.json"))


def run(*arguments):
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments], capture_output=True, text=True, timeout=90
    )


def gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


class QuickstartTest(unittest.TestCase):
    def check(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name in EVENTS:
            self.assertIn(f"published {name}: message ", done.stdout)
        self.assertIn("503, please retry", done.stdout)
        self.assertEqual(len(re.findall(r'"kind', done.stdout)), len(EVENTS), done.stdout)
        self.assertEqual(len(re.findall(r"bytes$", done.stdout, re.M)), len(EVENTS))
        taken = re.findall(r"^    \d\d:\d\d:\d\d 200 message (\d+)", done.stdout, re.M)
        self.assertEqual(len(set(taken)), len(EVENTS))
        found = re.search(r"server: (\S+), process (\d+)", done.stdout)
        receiver = re.search(r"webhook: \S+, process (\d+)", done.stdout)
        return [int(found[2]), int(receiver[1])]

    def test_once_delivers_everything_and_leaves_nothing_running(self):
        for process in self.check(run("--once")):
            self.assertTrue(gone(process))

    def test_without_once_the_server_stays_until_it_is_killed(self):
        processes = self.check(run())
        for process in processes:
            self.assertFalse(gone(process))
            os.kill(process, signal.SIGTERM)
        end = time.monotonic() + 15
        while not all(map(gone, processes)) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertTrue(all(map(gone, processes)))

    def test_an_unknown_argument_shows_how_it_is_used(self):
        done = run("--twice")
        self.assertEqual(done.returncode, 2)
        self.assertIn("examples/quickstart.sh [--once]", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
