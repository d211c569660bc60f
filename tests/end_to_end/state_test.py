"""`penstock apply`, `diff` and `export` with the real binary: a file becomes what the server holds,
a second time nothing, and what one server exports another one takes over whole."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import unittest

from server import BINARY, Server, data_folder

STATE = """
[queues.dead]
retention = "10d"

[queues.jobs]
visibility = "1m"
max_size = "32KiB"
dead_letter = { queue = "dead", max_receives = 5 }

[topics.orders]
match = "key"

[topics.orders.subscriptions.hook]
http = { url = "http://127.0.0.1:9/hook" }
bind = ["orders.#"]
retry = "5s,5m"
paused = true

[topics.orders.subscriptions.store]
queue = { name = "jobs" }
bind = ["#"]

[topics.orders.subscriptions.count]
lua = { file = "count.lua" }
bind = ["#"]
filter_lua = { file = "filter.lua" }
dead_letter = "none"
"""
COUNT = "function handle(event, ctx)\n  ctx.log('one')\nend\n"
FILTER = "function filter(event)\n  return true\nend\n"


class StateTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(data_folder(self))
        self.server = Server(self, str(self.folder / "one")).start()
        (self.folder / "count.lua").write_text(COUNT)
        (self.folder / "filter.lua").write_text(FILTER)
        self.file = self.folder / "state.toml"
        self.file.write_text(STATE)

    def run_cli(self, *words, server=None, stdin=""):
        """What the command printed, by itself, and its exit code."""
        environment = dict(os.environ, HOME=str(self.folder))
        environment["PENSTOCK_SERVER"] = f"http://127.0.0.1:{(server or self.server).port}"
        return subprocess.run(
            [BINARY, *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )

    def applied(self, *words, **options):
        done = self.run_cli("apply", "-f", self.file, *words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_a_file_is_applied_once_and_then_there_is_nothing_to_do(self):
        made = self.applied()
        self.assertEqual(
            made,
            [
                "+ queue dead",
                "+ queue jobs",
                "+ topic orders",
                "+ subscription orders/count",
                "+ subscription orders/hook",
                "+ subscription orders/store",
                "6 done",
            ],
        )
        self.assertEqual(self.applied(), ["nothing to do"])
        jobs = json.loads(self.server.cli("queue", "info", "jobs", "-o", "json"))
        self.assertEqual((jobs["visibility"], jobs["max_size"]), (60, 32768))
        hook = json.loads(self.server.cli("sub", "info", "orders/hook", "-o", "json"))
        self.assertEqual((hook["state"], hook["bind"]), ("paused", ["orders.#"]))

    def test_what_differs_is_shown_and_changed(self):
        self.applied()
        changed = STATE.replace('"1m"', '"2m"').replace("paused = true", "paused = false")
        self.file.write_text(changed)
        (self.folder / "count.lua").write_text(COUNT.replace("one", "two"))
        shown = self.run_cli("diff", "-f", self.file, "--exit-code")
        self.assertEqual(shown.returncode, 1)
        lines = shown.stdout.splitlines()
        self.assertEqual(lines[0], "~ queue jobs: visibility 60 -> 120")
        self.assertTrue(lines[1].startswith("~ subscription orders/count: lua.code "))
        self.assertEqual(lines[2], "~ subscription orders/hook: paused true -> false")
        steps = json.loads(self.run_cli("diff", "-f", self.file, "-o", "json").stdout)
        self.assertEqual([step["action"] for step in steps], ["change"] * 3)
        self.applied()
        self.assertEqual(self.applied(), ["nothing to do"])
        scripts = json.loads(self.server.cli("fn", "list", "orders/count", "-o", "json"))
        handlers = [one for one in scripts if one["role"] == "handler"]
        self.assertEqual([(one["version"], one["in_use"]) for one in handlers][-1], (2, True))

    def test_what_one_server_exports_another_takes_over_in_each_notation(self):
        self.applied()
        for ending in ("toml", "json", "yaml"):
            exported = self.folder / f"all.{ending}"
            self.assertEqual(self.run_cli("export", "-f", exported).returncode, 0)
            other = Server(self, str(self.folder / f"other-{ending}")).start()
            self.file = exported
            self.assertEqual(self.applied(server=other)[-1], "6 done")
            shown = self.run_cli("diff", "-f", exported, "--prune", "--exit-code", server=other)
            self.assertEqual((shown.returncode, shown.stdout), (0, ""), shown.stderr)
            again = self.run_cli("export", server=other).stdout
            self.assertEqual(again, self.run_cli("export").stdout)
            other.terminate()

    def test_nothing_is_deleted_without_prune_and_yes(self):
        self.applied()
        kept = "[topics.orders]\n"
        plain = self.run_cli("apply", "-f", "-", stdin=kept)
        self.assertEqual((plain.returncode, plain.stdout), (0, "nothing to do\n"))
        unsure = self.run_cli("apply", "-f", "-", "--prune", stdin=kept)
        self.assertEqual(unsure.returncode, 2)
        self.assertIn("--yes", unsure.stderr)
        self.assertEqual(len(json.loads(self.server.cli("queue", "list", "-o", "json"))), 2)
        pruned = self.run_cli("apply", "-f", "-", "--prune", "--yes", stdin=kept)
        self.assertEqual(pruned.returncode, 0, pruned.stderr)
        self.assertEqual(json.loads(self.server.cli("queue", "list", "-o", "json")), [])
        self.assertEqual(json.loads(self.server.cli("sub", "list", "-o", "json")), [])

    def test_what_cannot_be_done_changes_nothing_and_says_why(self):
        self.applied()
        self.file.write_text(STATE.replace('match = "key"', 'match = "tags"') + "\n[queues.more]\n")
        done = self.run_cli("apply", "-f", self.file)
        self.assertEqual(done.returncode, 4)
        self.assertIn("topic orders: match cannot be changed in place", done.stderr)
        self.assertEqual(len(json.loads(self.server.cli("queue", "list", "-o", "json"))), 2)
        broken = self.run_cli("apply", "-f", "-", stdin="[queues\n")
        self.assertEqual(broken.returncode, 2)
        self.assertIn("-:1:", broken.stderr)

    def test_changes_of_different_fields_at_once_both_survive(self):
        self.applied()
        with concurrent.futures.ThreadPoolExecutor(2) as both:
            for number in range(1, 31):
                wanted = {"visibility": 100 + number, "poll": number}
                answers = both.map(
                    lambda item: self.server.native("PATCH", "/v1/queues/jobs", dict([item])),
                    wanted.items(),
                )
                self.assertEqual([status for status, _ in answers], [200, 200])
                queue = self.server.native("GET", "/v1/queues/jobs")[1]
                self.assertEqual({name: queue[name] for name in wanted}, wanted)

    def test_a_change_of_what_was_changed_meanwhile_is_refused(self):
        jobs = "/v1/queues/jobs"
        status, head, _ = self.server.exchange("POST", "/v1/queues", {"name": "jobs"})
        first = head["ETag"]
        self.assertRegex(first, '^"[0-9a-f]{16}"$')
        known = self.server.exchange("GET", jobs, head={"If-None-Match": first})
        self.assertEqual((known[0], known[1]["ETag"], known[2]), (304, first, None))
        status, head, _ = self.server.exchange("PATCH", jobs, {"poll": 7}, {"If-Match": first})
        self.assertEqual(status, 200)
        second = head["ETag"]
        self.assertNotEqual(second, first)
        for method, body in (("PATCH", {"poll": 8}), ("DELETE", None)):
            status, _, problem = self.server.exchange(method, jobs, body, {"If-Match": first})
            self.assertEqual((status, problem["code"]), (412, "precondition_failed"))
        self.assertEqual(self.server.native("GET", jobs)[1]["poll"], 7)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.exchange("GET", jobs)[1]["ETag"], second)
        self.assertEqual(
            self.server.exchange("DELETE", jobs, head={"If-Match": f"{first}, {second}"})[0], 204
        )


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
