"""Programs made for the custom runtimes of Tencent SCF and AWS Lambda, unchanged: the example in
bash, in the pattern SCF documents, and aws-lambda-ric 3.3.0 from npm with the example handler. Both
run behind the walls of the default sandbox."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

from server import Server, data_folder, wait_until

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples" / "runtime"
CLIENT = HERE / "lambda"


def install_client():
    """aws-lambda-ric builds itself, with the headers of the Node that is installed."""
    if (CLIENT / "node_modules" / "aws-lambda-ric" / "dist" / "rapid-client.node").exists():
        return
    environment = dict(os.environ)
    prefix = pathlib.Path(shutil.which("node")).resolve().parents[1]
    if (prefix / "include" / "node" / "node.h").exists():
        environment["npm_config_nodedir"] = str(prefix)
    words = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(words, cwd=CLIENT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"npm ci: {done.stdout}\n{done.stderr}")


class RuntimeTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        # Behind the walls programs run as users of their own.
        self.folder.chmod(0o755)
        config = "[functions]\nallow_processes = true\n"
        self.server = Server(self, self.folder, config=config, dev=False).start()
        pairs = (self.folder / "data" / "root.key").read_text().splitlines()
        key_id, secret = (line.split(" = ")[1] for line in pairs)
        self.keys = ["--key-id", key_id, "--key-secret", secret]
        self.cli("topic", "create", "t")

    def cli(self, *words):
        return self.server.cli(*words, *self.keys)

    def publish(self, body):
        self.cli("topic", "publish", "t", body)

    def sub(self):
        return json.loads(self.cli("sub", "info", "t/s", "-o", "json"))

    def wait_settled(self):
        def settled():
            sub = self.sub()
            return sub["backlog"] == 0 and sub["waiting"] == 0

        wait_until(settled, 60, "every message is settled")

    def letters(self):
        letters = json.loads(self.cli("dlq", "show", "t/s", "-o", "json"))
        return [(letter["body"], letter["reason"], letter["attempts"]) for letter in letters]

    def logs(self):
        return self.cli("fn", "logs", "t/s")

    def function(self, name):
        """The example in a folder of the test's own."""
        folder = self.folder / name
        shutil.copytree(EXAMPLES / name, folder)
        return folder

    def test_the_documented_bash_pattern_of_scf(self):
        folder = self.function("bash-scf")
        self.cli("sub", "add", "t", "s", "--retry", "100ms", "--runtime", folder)
        for at in range(20):
            self.publish(f"message {at}")
        self.publish("oops")
        self.wait_settled()
        self.assertEqual(self.letters(), [("oops", "handler", 2)])
        logs = self.logs()
        for at in range(20):
            self.assertIn(f"body: message {at}\n", logs)
        self.assertIn("handle ended with status 3", logs)

    def test_aws_lambda_ric_unchanged(self):
        install_client()
        folder = self.function("node-lambda")
        # Its sources stay behind: they are not needed once it is built.
        shutil.copytree(
            CLIENT / "node_modules",
            folder / "node_modules",
            symlinks=True,
            ignore=shutil.ignore_patterns("deps"),
        )
        words = ["--retry", "100ms,100ms", "--batch", 4, "--runtime", folder]
        self.cli("sub", "add", "t", "s", *words)
        for at in range(20):
            self.publish(f"message {at}")
        self.publish("later")
        self.wait_settled()
        self.assertEqual(self.letters(), [])
        logs = self.logs()
        for at in range(20):
            self.assertIn(f"says message {at}\n", logs)
        self.assertEqual(logs.count("says later\n"), 2)
        self.publish("never")
        self.wait_settled()
        self.assertEqual(self.letters(), [("never", "handler", 1)])
        self.assertEqual(self.sub()["state"], "active")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
