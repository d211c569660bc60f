"""Every command of `penstock` on a real server: its JSON output and its exit codes, without a
terminal, from pipes and into them.

The list of commands is the manual's, which is made of the grammar: a command without a case here
fails the test.
"""

import json
import os
import re
import signal
import subprocess
import unittest

from cluster import Cluster
from receiver import Receiver
from server import BINARY, Server, data_folder, wait_until

OK, FAILURE, USAGE, NOT_FOUND, CONFLICT, DENIED, TIMEOUT = range(7)
LUA = "function handle(event, ctx) return ctx.dead('no good') end\n"
GOOD = "function handle(event, ctx) return true end\n"


def run(words, stdin=None, environment=None):
    done = subprocess.run(
        [BINARY, *map(str, words)],
        capture_output=True,
        timeout=120,
        input=stdin,
        env=dict(os.environ, **(environment or {})),
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def commands():
    """All there are, by the manual: "queue create"."""
    manual = run(["manual"]).stdout
    found = set()
    for line in manual.splitlines():
        if line.startswith(".SS penstock "):
            plain = line.split("\\fI")[0].split(" [")[0].replace("\\-", "-")
            found.add(plain[len(".SS penstock ") :].strip())
    return found


class CliTest(unittest.TestCase):
    tried = set()

    @classmethod
    def tearDownClass(cls):
        missing = commands() - cls.tried
        assert not missing, f"no test runs: {sorted(missing)}"

    def setUp(self):
        self.folder = data_folder(self)
        self.environment = {"XDG_CONFIG_HOME": str(self.folder), "HOME": str(self.folder)}

    def use(self, server):
        self.environment["PENSTOCK_SERVER"] = f"http://127.0.0.1:{server.port}"

    def command(self, words):
        """The command that the words run; it counts as tried."""
        known = [name for name in commands() if words[: len(name.split())] == name.split()]
        name = max(known, key=len)
        self.tried.add(name)
        return name

    def cli(self, *words, code=OK, stdin=b""):
        words = [str(word) for word in words]
        self.command(words)
        done = run(words, stdin, self.environment)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout} {done.stderr}")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        if code not in (OK, TIMEOUT):
            self.assertTrue(done.stderr.startswith("penstock"), done.stderr)
        return done.stdout

    def told(self, *words, **more):
        """Its JSON output."""
        return json.loads(self.cli(*words, "-o", "json", **more))

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def served(self):
        server = Server(self, self.folder / "server")
        (self.folder / "server").mkdir(exist_ok=True)
        server.start()
        self.use(server)
        return server

    def test_queues(self):
        self.served()
        self.assertEqual(self.told("queue", "create", "jobs", "--visibility", "5s")["name"], "jobs")
        self.cli("queue", "create", "jobs", "--visibility", "6s", code=CONFLICT)
        self.cli("queue", "create", "jobs", "--visibility", "6", code=USAGE)
        self.assertEqual([one["name"] for one in self.told("queue", "list")], ["jobs"])
        self.assertEqual(self.told("queue", "info", "jobs")["visibility"], 5)
        self.cli("queue", "info", "none", code=NOT_FOUND)
        before = self.told("queue", "info", "jobs")["etag"]
        self.assertEqual(self.told("queue", "set", "jobs", "--rewind", "1h")["rewind"], 3600)
        self.cli("queue", "set", "jobs", "--poll", "7s", "--if-match", before, code=CONFLICT)
        self.cli("queue", "delete", "jobs", "--yes", "--if-match", before, code=CONFLICT)
        etag = self.told("queue", "info", "jobs")["etag"]
        self.assertEqual(
            self.told("queue", "set", "jobs", "--poll", "0s", "--if-match", etag)["poll"], 0
        )
        self.assertTrue(self.told("queue", "send", "jobs", "one")["id"].isdigit())
        piped = self.cli("queue", "send", "jobs", "-", stdin=b"two\nlines\n")
        self.assertTrue(piped.strip().isdigit())
        lines = self.cli("queue", "send", "jobs", "-", "--split", "lines", stdin=b"a\nb\n")
        self.assertEqual(len(lines.split()), 2)
        bodies = [one["body"] for one in self.told("queue", "peek", "jobs")]
        self.assertEqual(bodies, ["one", "two\nlines\n", "a", "b"])
        got = self.told("queue", "receive", "jobs", "--max", "4")
        self.assertEqual(len(got), 4)
        self.cli("queue", "ack", "jobs", got[0]["receipt"])
        self.cli("queue", "ack", "jobs", "1", code=CONFLICT)
        self.assertEqual(self.told("queue", "receive", "jobs"), [])
        self.cli("queue", "receive", "jobs", "--fail-empty", code=TIMEOUT)
        later = self.cli("queue", "send", "jobs", "later", "--delay", "1h").strip()
        self.cli("queue", "move", "jobs", later, "--delay", "2h")
        self.cli("queue", "cancel", "jobs", later)
        self.cli("queue", "cancel", "jobs", later, code=NOT_FOUND)
        self.cli("queue", "send", "jobs", "half", "--transaction", code=CONFLICT)
        made = self.told("queue", "create", "deals", "--transactional", "--first-query", "1m")
        self.assertEqual(made["transaction"], {"first_query": 60, "queries": 15})
        half = self.cli("queue", "send", "deals", "half", "--transaction").strip()
        other = self.cli("queue", "send", "deals", "other", "--transaction").strip()
        open_ones = self.told("queue", "transactions", "deals")
        self.assertEqual([one["id"] for one in open_ones], [half, other])
        self.cli("queue", "commit", "deals", half)
        self.cli("queue", "rollback", "deals", other)
        self.cli("queue", "rollback", "deals", half, code=CONFLICT)
        self.cli("queue", "commit", "deals", "1", code=NOT_FOUND)
        self.assertEqual([one["body"] for one in self.told("queue", "receive", "deals")], ["half"])
        self.cli("queue", "pause", "jobs")
        self.cli("queue", "resume", "jobs")
        self.cli("queue", "rewind", "jobs", "--to", "-1m")
        self.cli("queue", "clear", "jobs", code=USAGE)
        self.cli("queue", "clear", "jobs", "--yes")
        self.cli("queue", "delete", "jobs", code=USAGE)
        self.cli("queue", "delete", "jobs", "--yes")
        self.cli("queue", "delete", "jobs", "--yes", code=NOT_FOUND)

    def test_topics_subscriptions_and_dead_letters(self):
        self.served()
        receiver = Receiver(self, status=lambda body: 422 if "bad" in body else 200)
        self.assertEqual(self.told("topic", "create", "news")["name"], "news")
        self.assertEqual([one["name"] for one in self.told("topic", "list")], ["news"])
        self.assertEqual(self.told("topic", "info", "news")["subscriptions"], 0)
        self.assertEqual(self.told("topic", "set", "news", "--qps", "500")["qps"], 500)
        self.cli("topic", "info", "none", code=NOT_FOUND)
        added = self.told("sub", "add", "news", "hook", "--http", receiver.url, "--retry", "1s")
        self.assertEqual(added["name"], "hook")
        self.cli("sub", "add", "news", "hook", code=USAGE)
        self.assertEqual([one["name"] for one in self.told("sub", "list")], ["hook"])
        changed = self.told("sub", "set", "news/hook", "--concurrency", "2")
        self.assertEqual(changed["concurrency"], 2)
        self.cli("sub", "pause", "news/hook")
        self.assertEqual(self.told("sub", "info", "news/hook")["state"], "paused")
        self.cli("sub", "resume", "news/hook")
        bad = self.told("topic", "publish", "news", "bad")["id"]
        good = self.cli("topic", "publish", "news", "-", stdin=b"good").strip()
        wait_until(lambda: self.told("dlq", "show", "news/hook"), 20, "a dead letter")
        wait_until(lambda: "good" in "".join(receiver.bodies), 20, "a delivery")
        self.assertEqual([one["message"] for one in self.told("delivery", "show", good)], [good])
        self.assertTrue(self.told("delivery", "list", "--status", "failed"))
        self.cli("delivery", "list", "--status", "lost", code=USAGE)
        self.cli("delivery", "retry", good, "--sub", "news/hook", code=NOT_FOUND)
        self.cli("delivery", "drop", good, "--sub", "news/hook", "--yes", code=NOT_FOUND)
        self.assertEqual(self.told("message", "track", bad)["id"], bad)
        self.cli("message", "track", "1", code=NOT_FOUND)
        self.assertEqual(len(self.told("topic", "peek", "news")), 2)
        tailed = self.cli("tail", "news", "--from", "-1h", "--count", "2", "-o", "ndjson")
        self.assertEqual([json.loads(line)["body"] for line in tailed.splitlines()], ["bad", "good"])
        self.cli("tail", "none", "--count", "1", code=NOT_FOUND)
        self.cli("listen", "none", "--forward-to", receiver.url, code=NOT_FOUND)
        self.cli("listen", "news", code=USAGE)
        later = self.cli("topic", "publish", "news", "later", "--delay", "1h").strip()
        self.cli("topic", "move", "news", later, "--delay", "2h")
        self.cli("topic", "cancel", "news", later)
        self.assertEqual(len(self.told("dlq", "list")), 1)
        self.assertEqual(self.told("dlq", "show", "news/hook", bad)["id"], bad)
        self.cli("dlq", "show", "news/hook", good, code=NOT_FOUND)
        exported = self.cli("dlq", "export", "news/hook")
        self.assertEqual([json.loads(line)["body"] for line in exported.splitlines()], ["bad"])
        self.assertEqual(self.told("dlq", "redrive", "news/hook", "--preview")["messages"], 1)
        edited = self.cli("dlq", "edit", "news/hook", bad, "-", stdin=b"better").strip()
        self.assertNotEqual(edited, bad)
        replay = self.told("sub", "replay", "news/hook", "--from", "-1h", "--preview")
        self.assertEqual(replay["messages"], 2)
        self.assertEqual(self.told("sub", "test", "news/hook", "a trial")["status"], "ok")
        self.cli("sub", "test", "news/none", code=NOT_FOUND)
        self.cli("topic", "create", "trials")
        self.cli("queue", "create", "taken")
        self.cli("sub", "add", "trials", "kept", "--queue", "taken", "--tag", "a")
        tried = self.told("sub", "test", "trials/kept")
        self.assertEqual((tried["status"], tried["target"]), ("ok", "taken"), tried)
        etag = self.told("sub", "info", "news/hook")["etag"]
        self.cli("sub", "set", "news/hook", "--concurrency", "3", "--if-match", etag)
        self.cli("sub", "set", "news/hook", "--concurrency", "4", "--if-match", etag, code=CONFLICT)
        self.cli("sub", "delete", "news/hook", "--yes", "--if-match", etag, code=CONFLICT)
        self.cli("sub", "delete", "news/hook", "--yes")
        self.cli("topic", "delete", "news", "--yes", "--if-match", etag, code=CONFLICT)
        etag = self.told("topic", "info", "news")["etag"]
        self.cli("topic", "delete", "news", "--yes", "--if-match", etag)
        self.cli("topic", "delete", "news", "--yes", code=NOT_FOUND)

    def test_functions(self):
        self.served()
        bad, good = self.file("bad.lua", LUA), self.file("good.lua", GOOD)
        broken = self.file("broken.lua", "function handle(\n")
        self.cli("fn", "check", good)
        self.tried.add("fn check")
        self.assertEqual(run(["fn", "check", broken]).returncode, FAILURE)
        event = self.file("event.json", '{"body":"x"}')
        self.assertEqual(self.told("fn", "test", good, "--event", event)["outcome"], "accepted")
        self.cli("fn", "test", good, code=USAGE)
        self.cli("topic", "create", "events")
        self.cli("sub", "add", "events", "count", "--lua", bad)
        for at in range(5):
            self.cli("topic", "publish", "events", f"body {at}")
        wait_until(lambda: len(self.told("dlq", "show", "events/count")) == 5, 20, "letters")
        past = ["--sub", "events/count", "--from", "-1h"]
        same = self.told("fn", "test", bad, *past, "--diff")
        self.assertEqual(same, [])
        words = ["fn", "test", good, *past, "--sample", "3", "--diff", "-o", "json"]
        done = run(words, environment=self.environment)
        self.assertEqual(done.returncode, FAILURE, done.stderr)
        other = json.loads(done.stdout)
        self.assertEqual([one["now"] for one in other], ["accepted"] * 3)
        self.assertTrue(all(one["was"].startswith("failed") for one in other), other)
        self.cli("fn", "test", good, "--sub", "none/none", code=NOT_FOUND)
        self.cli("fn", "test", good, "--sub", "events/none", code=NOT_FOUND)
        self.assertEqual(self.told("fn", "deploy", "events/count", good)["version"], 2)
        self.assertEqual(self.told("fn", "rollback", "events/count")["version"], 1)
        self.assertEqual(len(self.told("fn", "list", "events/count")), 2)
        self.assertEqual(self.told("fn", "list")[0]["subscription"], "events/count")
        self.cli("fn", "logs", "events/count")
        self.cli("fn", "logs", "events/none", code=NOT_FOUND)

    def test_files_and_the_tool_itself(self):
        server = self.served()
        self.cli("queue", "create", "jobs")
        self.assertIn("jobs", self.cli("export"))
        file = self.folder / "state.toml"
        self.cli("export", "-f", file)
        self.cli("diff", "-f", file)
        self.cli("apply", "-f", file)
        self.cli("apply", "-f", self.folder / "none.toml", code=USAGE)
        self.assertTrue(self.told("doctor"))
        self.cli("context", "add", "here", "--server", self.environment["PENSTOCK_SERVER"])
        self.cli("context", "use", "here")
        self.assertEqual([one["name"] for one in self.told("context", "list")], ["here"])
        self.cli("context", "use", "none", code=NOT_FOUND)
        self.cli("context", "delete", "here", code=USAGE)
        self.cli("context", "delete", "here", "--yes")
        self.assertEqual(self.told("context", "list"), [])
        self.assertIn("complete", self.cli("completion", "bash"))
        self.cli("completion", "csh", code=USAGE)
        self.assertIn("penstock", self.cli("manual"))
        for kind in ("send", "send-receive-delete", "publish-push"):
            self.cli("bench", kind, "--duration", "1s")
        config = self.file("penstock.toml", 'listen = "127.0.0.1:0"\n')
        self.cli("config", "check", config)
        self.cli("config", "show", "--config", config)
        wrong = self.file("wrong.toml", "lissten = 1\n")
        self.assertEqual(run(["config", "check", wrong]).returncode, FAILURE)
        # What a server would not start with, though each word of it is well written.
        for text, said in (
            ('[push]\nproxy = "foo"\n', "proxy foo"),
            ('[push]\nca_file = "/no/such/ca.pem"\n', "/no/such/ca.pem"),
            ('[tls]\ncert = "/no/such/cert.pem"\nkey = "/no/such/key.pem"\n', "/no/such/"),
        ):
            checked = run(["config", "check", self.file("wrong.toml", text)])
            self.assertEqual(checked.returncode, FAILURE, text)
            self.assertIn(said, checked.stderr)
            self.assertEqual(checked.stdout, "")
        self.assertEqual(run(["serve", "--none"]).returncode, USAGE)
        self.tried.add("serve")
        # A key that nobody has, and no server at all.
        self.environment.update(PENSTOCK_KEY_ID="AKIDnobody", PENSTOCK_KEY_SECRET="x")
        self.cli("queue", "list", code=DENIED)
        server.kill()
        self.cli("queue", "list", code=FAILURE)

    def test_keys(self):
        self.served()
        made = self.told("key", "create", "--role", "viewer")["key_id"]
        self.cli("key", "create", "--role", "king", code=USAGE)
        self.assertIn(made, [one["key_id"] for one in self.told("key", "list")])
        other = self.told("key", "rotate", made, "--overlap", "0s")["key_id"]
        self.assertNotEqual(other, made)
        self.cli("key", "delete", other, code=USAGE)
        self.told("key", "delete", other, "--yes")
        self.cli("key", "delete", other, "--yes", code=NOT_FOUND)

    def test_accounts(self):
        self.served()
        self.assertEqual(self.told("account", "create", "acme", "--queues", "2")["queues_max"], 2)
        self.cli("account", "create", "acme", code=CONFLICT)
        self.cli("account", "create", "Acme", code=USAGE)
        self.assertEqual(self.told("account", "set", "acme", "--qps", "9")["queues_max"], 2)
        self.assertEqual([one["name"] for one in self.told("account", "list")], ["acme"])
        self.assertEqual(self.told("queue", "create", "acme:jobs")["name"], "acme:jobs")
        self.cli("queue", "create", "nobody:jobs", code=USAGE)
        self.assertNotIn("acme", self.cli("export"))  # --prune would delete it
        root = dict(self.environment)
        key = self.told("key", "create", "--account", "acme", "--role", "admin")
        self.environment.update(PENSTOCK_KEY_ID=key["key_id"], PENSTOCK_KEY_SECRET=key["key_secret"])
        self.assertEqual([one["name"] for one in self.told("queue", "list")], ["jobs"])
        self.cli("account", "list", code=DENIED)
        passing = self.told("key", "token", "--role", "viewer", "--life", "1m")
        self.environment.update(
            PENSTOCK_KEY_ID=passing["key_id"],
            PENSTOCK_KEY_SECRET=passing["key_secret"],
            PENSTOCK_TOKEN=passing["token"],
        )
        self.assertEqual([one["name"] for one in self.told("queue", "list")], ["jobs"])
        self.cli("queue", "delete", "jobs", "--yes", code=DENIED)
        self.environment = root
        self.cli("account", "delete", "acme", code=USAGE)
        self.cli("account", "delete", "acme", "--yes", code=CONFLICT)
        self.cli("queue", "delete", "acme:jobs", "--yes")
        self.cli("account", "delete", "acme", "--yes")
        self.cli("account", "delete", "acme", "--yes", code=NOT_FOUND)

    def test_backups(self):
        server = self.served()
        self.cli("queue", "create", "jobs")
        copy, data = self.folder / "copy", self.folder / "restored"
        self.assertEqual(self.told("backup", copy)["sets"], 2)
        self.cli("backup", self.folder, code=CONFLICT)
        self.assertTrue(self.told("restore", copy, "--check")["bytes"] > 0)
        self.assertEqual(len(self.told("restore", copy, "--data", data)["sets"]), 2)
        self.cli("restore", copy, "--data", data, code=CONFLICT)
        self.cli("restore", copy, code=USAGE)
        self.assertTrue(self.told("store", "check", "--data", data)["whole"])
        self.cli("store", "check", "--data", server.folder / "data", code=CONFLICT)
        salvaged = self.told("store", "salvage", self.folder / "saved", "--data", data)
        self.assertEqual((salvaged["unreadable_messages"], salvaged["problems"]), (0, []))
        self.cli("restore", self.folder / "saved", "--check")

    def test_clusters(self):
        made = self.told(
            "cluster", "init-certs", "--dir", self.folder / "certs", "--name", "one", "--nodes", "1"
        )
        self.assertEqual(made["authority"], "made")
        alone = self.served()
        self.cli("cluster", "status", code=FAILURE)
        alone.kill()
        cluster = Cluster(self, self.folder / "cluster", size=1, name="one", sets=1).start()
        self.use(cluster.nodes[0])
        self.assertEqual(self.told("cluster", "init")["name"], "one")
        cluster.settled(2)
        self.assertEqual(len(self.told("cluster", "status")["sets"]), 2)
        self.cli("cluster", "transfer", "1", "1")
        self.cli("cluster", "transfer", "9", "1", code=USAGE)
        self.assertTrue(self.told("cluster", "rebalance")["rebalancing"])
        self.cli("cluster", "rebalance", "--stop")
        self.told("cluster", "add", "2", "127.0.0.1:1")

        def nodes():
            return [one["id"] for one in self.told("cluster", "status")["nodes"]]

        wait_until(lambda: nodes() == [1, 2], 20, "a node that is added")
        self.told("cluster", "replace", "2", "3", "127.0.0.1:2", "--yes")
        self.cli("cluster", "remove", "1", code=USAGE)
        # It must not shrink below two.
        self.cli("cluster", "remove", "1", "--yes", code=USAGE)
        self.cli("cluster", "remove", "9", "--yes", code=USAGE)
        self.cli("cluster", "recover", code=USAGE)

    def test_a_full_disk_under_the_output_is_a_failure(self):
        self.served()
        self.cli("queue", "create", "jobs")
        for words in (["export"], ["queue", "info", "jobs"], ["--help"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run(
                    [BINARY, *words],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=120,
                    env=dict(os.environ, **self.environment),
                )
            self.assertEqual(done.returncode, FAILURE, words)
            self.assertIn(b"could not be written", done.stderr)

    def test_a_pipe_that_closes_early_ends_it_quietly(self):
        self.served()
        self.cli("queue", "create", "jobs")
        self.cli("queue", "send", "jobs", "-", "--split", "lines", stdin=b"line\n" * 64)
        reading = subprocess.Popen(
            [BINARY, "queue", "peek", "jobs", "--limit", "64"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, **self.environment),
        )
        reading.stdout.close()
        errors = reading.stderr.read().decode()
        reading.stderr.close()
        self.assertIn(reading.wait(timeout=30), (OK, FAILURE, -signal.SIGPIPE))
        self.assertNotIn("terminate", errors)
        for line in self.cli("queue", "peek", "jobs", "-o", "ndjson").splitlines():
            json.loads(line)
        first = self.cli("queue", "peek", "jobs").splitlines()[0]
        self.assertTrue(re.match(r"\d+\t", first), first)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
