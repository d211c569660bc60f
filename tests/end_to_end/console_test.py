"""The console in a browser: Debian's Chromium under playwright-core, against the real binary.

console_test.py              from sign-in to a repaired delivery, and a look at every page
console_test.py SUBS RATE    the overview with that many subscriptions and messages a second
"""

import pathlib
import subprocess
import sys
import unittest

from server import Server, data_folder

HERE = pathlib.Path(__file__).resolve().parent / "console"
LOAD = sys.argv[1:3]


def install_browser_driver():
    if (HERE / "node_modules" / "playwright-core").exists():
        return
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(words, cwd=HERE, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"npm ci: {done.stdout}\n{done.stderr}")


class ConsoleTest(unittest.TestCase):
    def test_it_is_driven_through(self):
        install_browser_driver()
        server = Server(self, data_folder(self)).start()
        script = ["load.js", *LOAD] if LOAD else ["drive.js"]
        words = ["node", script[0], f"http://127.0.0.1:{server.port}", *script[1:]]
        done = subprocess.run(words, cwd=HERE, capture_output=True, text=True, timeout=240)
        print(done.stdout, flush=True)
        self.assertEqual(done.returncode, 0, done.stderr + server.log())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
