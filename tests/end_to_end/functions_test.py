"""Functions as subscribers, end to end: every way to run one, and every error a user meets."""

import json
import os
import pathlib
import stat
import subprocess
import sys
import time
import unittest

from cmq import Cmq
from server import BINARY, Server, data_folder, wait_until

LUA_TOOL = pathlib.Path(BINARY).with_name("penstock-lua")


class FunctionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = data_folder(cls)
        cls.server = Server(cls, cls.folder).start()
        cls.cmq = Cmq(cls.server)
        cls.server.cli("queue", "create", "out")
        cls.topics = 0

    @classmethod
    def addCleanup(cls, function, *arguments, **named):
        cls.addClassCleanup(function, *arguments, **named)

    def file(self, name, text, executable=False):
        path = self.folder / name
        path.write_text(text)
        if executable:
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def add(self, *words, check=True):
        """A topic of its own with one subscription `s`; the topic's name."""
        type(self).topics += 1
        topic = f"t{self.topics}"
        self.server.cli("topic", "create", topic)
        self.server.cli("sub", "add", topic, "s", *words, check=check)
        return topic

    def publish(self, topic, body, **more):
        return self.cmq.publish(topic, body, **more)

    def sub(self, topic):
        return json.loads(self.server.cli("sub", "info", f"{topic}/s", "-o", "json"))

    def settled(self, topic):
        sub = self.sub(topic)
        return sub["backlog"] == 0 and sub["waiting"] == 0

    def wait_settled(self, topic):
        wait_until(lambda: self.settled(topic), 20, f"{topic} is settled: {self.sub(topic)}")

    def received(self, count):
        """`count` messages of the queue `out`, as bodies."""
        bodies = []
        end = time.monotonic() + 20
        while len(bodies) < count:
            messages = self.cmq.receive("out", 16, wait=1)
            bodies += [message["msgBody"] for message in messages]
            if messages:
                self.cmq.delete("out", [message["receiptHandle"] for message in messages])
            self.assertLess(time.monotonic(), end, f"only {bodies}")
        return sorted(bodies)

    def letters(self, topic, count=1):
        def there():
            text = self.server.cli("dlq", "show", f"{topic}/s", "-o", "json")
            letters = json.loads(text)
            return letters if len(letters) >= count else None

        return wait_until(there, 20, f"{count} dead letters of {topic}")

    def logs(self, topic):
        return self.server.cli("fn", "logs", f"{topic}/s")

    def handlers(self, topic):
        """Handles one more message; the processes that said "by PROCESS" so far."""
        self.publish(topic, "x")
        self.wait_settled(topic)
        lines = self.logs(topic).splitlines()
        return {line.rpartition("by ")[2] for line in lines if "by " in line}

    # ---- every way to run one ------------------------------------------------------------------

    def test_exec_gets_the_body_on_stdin_and_its_exit_code_decides(self):
        marks = self.folder / "exec.out"
        script = self.file(
            "exec.sh",
            f'#!/bin/sh\nread body\necho "$body $PENSTOCK_TOPIC $PENSTOCK_ATTEMPT" >> {marks}\n'
            'case $body in dead) echo why >&2; exit 65;; again) [ "$PENSTOCK_ATTEMPT" = 2 ] || exit 75;; esac\n',
            executable=True,
        )
        topic = self.add("--retry", "100ms,100ms", "--exec", script)
        for body in ("fine", "dead", "again"):
            self.publish(topic, body)
        letters = self.letters(topic)
        self.wait_settled(topic)
        self.assertEqual([letter["body"] for letter in letters], ["dead"])
        self.assertEqual(letters[0]["reason"], "handler")
        self.assertIn("why", letters[0]["log"])
        lines = sorted(marks.read_text().split("\n")[:-1])
        self.assertEqual(
            lines, [f"again {topic} 1", f"again {topic} 2", f"dead {topic} 1", f"fine {topic} 1"]
        )

    def test_a_pool_of_workers_speaks_json_lines_and_publishes_with_its_answer(self):
        worker = self.file(
            "pool.py",
            "import json, sys\n"
            "for line in sys.stdin:\n"
            "    f = json.loads(line)\n"
            "    if f.get('type') != 'event': continue\n"
            "    print(json.dumps({'type': 'publish', 'id': f['id'], 'queue': 'out',"
            " 'body': f['event']['body'].upper()}))\n"
            "    print(json.dumps({'id': f['id'], 'ok': True}), flush=True)\n",
        )
        topic = self.add("--window", 4, "--worker", sys.executable, worker)
        for at in range(5):
            self.publish(topic, f"pool{at}")
        self.assertEqual(self.received(5), [f"POOL{at}" for at in range(5)])
        self.wait_settled(topic)

    def test_a_supervised_http_server_is_pushed_to(self):
        worker = self.file(
            "http_worker.py",
            "import http.server, os, sys\n"
            "class H(http.server.BaseHTTPRequestHandler):\n"
            "    protocol_version = 'HTTP/1.1'\n"
            "    def do_POST(self):\n"
            "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
            f"        open({str(self.folder / 'http.out')!r}, 'ab').write(body + b'\\n')\n"
            "        self.send_response(200); self.send_header('Content-Length', '0');"
            " self.end_headers()\n"
            "    def log_message(self, *a): pass\n"
            "http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), H)"
            ".serve_forever()\n",
        )
        topic = self.add("--format", "simplified", "--worker-http", sys.executable, worker)
        self.publish(topic, "over http")
        self.wait_settled(topic)
        self.assertEqual((self.folder / "http.out").read_text(), "over http\n")

    def test_lua_handles_stores_and_publishes(self):
        script = self.file(
            "count.lua",
            "function handle(event, ctx)\n"
            "  local n = ctx.kv:incr('seen', 1)\n"
            "  ctx.send('out', {json = {n = n, what = event:json().what}})\n"
            "end\n",
        )
        topic = self.add("--window", 1, "--lua", script)
        for at in range(3):
            self.publish(topic, json.dumps({"what": at}))
            self.wait_settled(topic)
        got = [json.loads(body) for body in self.received(3)]
        self.assertEqual(
            sorted(got, key=lambda one: one["n"]), [{"n": at + 1, "what": at} for at in range(3)]
        )

    def test_filter_and_transform_stand_before_a_queue(self):
        keep = self.file("keep.lua", "function filter(event) return event.body ~= 'no' end\n")
        change = self.file("change.lua", "function transform(event) return event.body .. '!' end\n")
        topic = self.add("--filter-lua", keep, "--transform-lua", change, "--queue", "out")
        for body in ("yes", "no", "more"):
            self.publish(topic, body)
        self.assertEqual(self.received(2), ["more!", "yes!"])
        self.wait_settled(topic)
        self.assertEqual(self.sub(topic)["discarded"], 1)

    def test_deploy_and_rollback_change_the_running_version(self):
        one = self.file("v1.lua", "function handle(e, ctx) ctx.send('out', {body = 'v1'}) end\n")
        two = self.file("v2.lua", "function handle(e, ctx) ctx.send('out', {body = 'v2'}) end\n")
        topic = self.add("--lua", one)
        self.publish(topic, "x")
        self.assertEqual(self.received(1), ["v1"])
        self.assertEqual(self.server.cli("fn", "deploy", f"{topic}/s", two), "version 2\n")
        self.publish(topic, "x")
        self.assertEqual(self.received(1), ["v2"])
        self.assertEqual(self.server.cli("fn", "rollback", f"{topic}/s"), "version 1\n")
        self.publish(topic, "x")
        self.assertEqual(self.received(1), ["v1"])
        self.assertEqual(len(self.server.cli("fn", "list", f"{topic}/s").splitlines()), 2)

    # ---- errors a user meets: one clear message each -------------------------------------------

    def expect_refused(self, words, *expected):
        type(self).topics += 1
        topic = f"t{self.topics}"
        self.server.cli("topic", "create", topic)
        done = subprocess.run(
            [BINARY, "sub", "add", topic, "s", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=30,
            env=dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.server.port}"),
        )
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for text in expected:
            self.assertIn(text, done.stderr)

    def test_a_missing_or_not_executable_program_is_refused_when_it_is_added(self):
        self.expect_refused(["--exec", "no-such-program"], "no-such-program", "function_not_allowed")
        self.expect_refused(["--exec", "/nowhere/at/all"], "/nowhere/at/all")
        plain = self.file("plain.sh", "true\n")
        self.expect_refused(["--worker", plain], "not executable", f"chmod +x {plain}")
        self.expect_refused(["--runtime", self.folder], "bootstrap")

    def expect_disabled(self, topic, *expected):
        sub = wait_until(
            lambda: (lambda sub: sub if sub["state"] == "disabled" else None)(self.sub(topic)),
            30,
            f"{topic} is disabled: {self.sub(topic)}",
        )
        for text in expected:
            self.assertIn(text, sub["state_reason"])
            self.assertIn(text, self.logs(topic))
        self.assertEqual(sub["backlog"], 1, "the message stays")

    def test_a_program_that_vanishes_disables_and_burns_no_message(self):
        script = self.file("gone.sh", "#!/bin/sh\n", executable=True)
        topic = self.add("--exec", script)
        script.unlink()
        self.publish(topic, "kept")
        self.expect_disabled(topic, "gone.sh")

    def test_exit_78_disables(self):
        topic = self.add("--exec", "sh", "-c", "exit 78")
        self.publish(topic, "kept")
        self.expect_disabled(topic, "78")

    def test_a_crash_loop_disables_and_burns_no_message(self):
        topic = self.add("--worker", "sh", "-c", "exit 3")
        self.publish(topic, "kept")
        self.expect_disabled(topic, "exit")

    def test_a_syntax_error_is_told_by_check_and_by_the_server(self):
        bad = self.file("bad.lua", "function handle(event, ctx\n  return 1\nend\n")
        done = subprocess.run([BINARY, "fn", "check", bad], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("bad.lua:2:", done.stdout + done.stderr)
        topic = self.add("--force", "--lua", bad)
        self.publish(topic, "kept")
        self.expect_disabled(topic, "bad.lua:2:")

    def test_a_script_that_does_not_load_is_refused_however_it_is_given(self):
        scripts = {
            "handler": "function handle(event, ctx\n  return 1\nend\n",
            "filter": "function handle() end\n",
            "transform": "local t = nil\nfunction transform() end\nt.x = 1\n",
        }
        self.server.cli("topic", "create", "given")
        good = self.file("good.lua", "function handle() end\n")
        self.server.cli("sub", "add", "given", "kept", "--lua", good)
        subscriptions = "/v1/topics/given/subscriptions"

        def sink(role, code, file):
            if role == "handler":
                return {"lua": {"code": code, "file": file}}
            return {"queue": {"name": "out"}, f"{role}_lua": code, f"{role}_file": file}

        for role, code in scripts.items():
            file = self.file(f"{role}.lua", code)
            words = [LUA_TOOL, "--check", file, "--role", role]
            checked = subprocess.run(words, capture_output=True, text=True, timeout=60)
            self.assertEqual(checked.returncode, 1, checked)
            expected = (400, "script_invalid", checked.stdout.splitlines()[0])
            for path, body in (
                (subscriptions, {"name": "s", **sink(role, code, file.name)}),
                ("/v1/subscriptions/given/kept/scripts", {"role": role, "code": code, "file": file.name}),
            ):
                status, problem = self.server.native("POST", path, body)
                self.assertEqual((status, problem["code"], problem["detail"]), expected, path)
        names = [one["name"] for one in self.server.native("GET", subscriptions)[1]["items"]]
        self.assertEqual(names, ["kept"], "nothing was made")

        def versions():
            listed = self.server.native("GET", "/v1/subscriptions/given/kept/scripts")[1]["items"]
            return sorted(one["version"] for one in listed)

        self.assertEqual(versions(), [1])
        self.server.cli("fn", "deploy", "given/kept", self.folder / "handler.lua", "--force")
        self.assertEqual(versions(), [1, 2], "--force takes it untried")

    def test_a_script_that_loops_while_it_loads_is_refused_in_time(self):
        self.server.cli("topic", "create", "loops")
        body = {"name": "s", "lua": {"code": "while true do end", "file": "loop.lua"}}
        status, problem = self.server.native("POST", "/v1/topics/loops/subscriptions", body)
        self.assertEqual((status, problem["code"]), (400, "script_invalid"), problem)
        self.assertIn("loop.lua:1: while loading, ", problem["detail"])

    def test_an_error_in_the_handler_names_the_line_everywhere(self):
        script = self.file("throws.lua", "function handle(event, ctx)\n  error('no stock')\nend\n")
        topic = self.add("--retry", "100ms", "--lua", script)
        message = self.publish(topic, "x")
        letter = self.letters(topic)[0]
        self.assertIn("throws.lua:2: no stock", letter["excerpt"])
        self.assertEqual(letter["reason"], "handler")
        self.assertEqual(letter["attempts"], 2)
        self.assertIn("throws.lua:2: no stock", self.logs(topic))
        self.assertIn(message, self.logs(topic))
        shown = self.server.cli("delivery", "show", message, "--attempt", 1, "-o", "json")
        self.assertIn("throws.lua:2: no stock", json.loads(shown)["excerpt"])

    def test_an_error_names_the_file_of_the_version_that_was_deployed(self):
        first = self.file("first.lua", "function handle() error('one') end\n")
        second = self.file("second.lua", "\nfunction handle() error('two') end\n")
        topic = self.add("--retry", "100ms", "--lua", first)
        self.server.cli("fn", "deploy", f"{topic}/s", second)
        self.publish(topic, "x")
        self.assertIn("second.lua:2: two", self.letters(topic)[0]["excerpt"])

    def test_a_worker_that_grows_is_replaced_and_no_message_suffers(self):
        topic = self.add(
            *["--recycle-memory", "64MiB", "--worker", sys.executable, "-u", "-c"],
            "import json, os, sys\n"
            "hoard = []\n"
            "for line in sys.stdin:\n"
            "    id = json.loads(line)['id']\n"
            "    hoard.append(b'x' * (24 << 20))\n"
            "    print('by', os.getpid(), file=sys.stderr)\n"
            "    print(json.dumps({'id': id, 'ok': True}))",
        )

        wait_until(lambda: len(self.handlers(topic)) > 1, 30, "another process takes over")
        self.assertIn("of memory and is replaced (--recycle-memory 64MiB)", self.logs(topic))
        self.assertEqual(self.sub(topic)["state"], "active")

    def test_a_worker_is_replaced_at_its_age(self):
        topic = self.add(
            *["--recycle-age", "1s", "--worker", sys.executable, "-u", "-c"],
            "import json, os, sys\n"
            "for line in sys.stdin:\n"
            "    print('by', os.getpid(), file=sys.stderr)\n"
            "    print(json.dumps({'id': json.loads(line)['id'], 'ok': True}))",
        )

        wait_until(lambda: len(self.handlers(topic)) > 2, 30, "others take over")
        self.assertEqual(self.sub(topic)["state"], "active")

    def test_a_wrong_return_is_one_clear_failure(self):
        script = self.file("wrong.lua", "function handle(event, ctx)\n  return function() end\nend\n")
        topic = self.add("--retry", "100ms", "--lua", script)
        self.publish(topic, "x")
        self.assertIn("function", self.letters(topic)[0]["excerpt"])

    def test_an_output_to_nowhere_is_one_clear_failure(self):
        script = self.file("lost.lua", "function handle(e, ctx) ctx.publish('nowhere', {body='x'}) end\n")
        topic = self.add("--retry", "100ms", "--lua", script)
        self.publish(topic, "x")
        letter = self.letters(topic)[0]
        self.assertEqual(letter["reason"], "output_refused")
        self.assertIn("nowhere", letter["excerpt"])

    def test_a_bad_json_line_is_logged_and_the_message_times_out(self):
        topic = self.add(
            *["--retry", "100ms", "--timeout", "500ms", "--worker", sys.executable, "-u", "-c"],
            "import sys\nfor line in sys.stdin: print('{oops')",
        )
        self.publish(topic, "x")
        self.assertEqual(self.letters(topic)[0]["reason"], "timeout")
        self.assertIn("{oops", self.logs(topic))

    def test_an_endless_script_breaks_its_budget_and_not_its_neighbour(self):
        script = self.file(
            "spin.lua",
            "function handle(event, ctx)\n  while event.body == 'spin' do end\n"
            "  ctx.send('out', {body = event.body})\nend\n",
        )
        topic = self.add("--retry", "100ms", "--timeout", "2s", "--lua", script)
        self.publish(topic, "spin")
        self.publish(topic, "neighbour")
        self.assertEqual(self.received(1), ["neighbour"])
        self.assertEqual(self.letters(topic)[0]["reason"], "budget")

    def test_a_message_that_kills_its_worker_is_dead_with_the_end_of_stderr(self):
        topic = self.add(
            *["--crashes", 2, "--worker", sys.executable, "-u", "-c"],
            "import json, os, sys\n"
            "for line in sys.stdin:\n"
            "    f = json.loads(line)\n"
            "    if f['event']['body'] == 'poison':\n"
            "        print('about to die', file=sys.stderr, flush=True)\n"
            "        os.kill(os.getpid(), 11)\n"
            "    print(json.dumps({'id': f['id'], 'ok': True}), flush=True)\n",
        )
        self.publish(topic, "innocent")
        self.publish(topic, "poison")
        letter = self.letters(topic)[0]
        self.assertEqual([letter["body"], letter["reason"]], ["poison", "crash"])
        self.assertIn("about to die", letter["log"])
        self.wait_settled(topic)

    def test_functions_are_the_root_keys_and_processes_need_permission(self):
        folder = data_folder(self)
        server = Server(self, folder, dev=False).start()
        pairs = (folder / "data" / "root.key").read_text().splitlines()
        key_id, secret = (line.split(" = ")[1] for line in pairs)
        root = ["--key-id", key_id, "--key-secret", secret]
        server.cli("topic", "create", "t", *root)
        with self.assertRaisesRegex(AssertionError, "functions.allow_processes"):
            server.cli("sub", "add", "t", "s", *root, "--exec", "true")
        script = self.file("nothing.lua", "function handle() end\n")
        server.cli("sub", "add", "t", "lua", *root, "--lua", script)
        server.cli("topic", "publish", "t", "x", *root)

        def handled():
            sub = json.loads(server.cli("sub", "info", "t/lua", "-o", "json", *root))
            return sub["backlog"] == 0 and sub["state"] == "active"

        wait_until(handled, 20, "the walls let penstock-lua work")


    def test_programs_defined_before_do_not_run_where_they_are_not_allowed(self):
        folder = data_folder(self)
        server = Server(self, folder).start()
        mark = folder / "ran"
        server.cli("topic", "create", "t")
        server.cli("sub", "add", "t", "s", "--exec", "touch", mark)
        server.terminate()
        server.dev = False
        server.start()
        pairs = (folder / "data" / "root.key").read_text().splitlines()
        root = ["--key-id", pairs[0].split(" = ")[1], "--key-secret", pairs[1].split(" = ")[1]]
        server.cli("topic", "publish", "t", "x", *root)

        def disabled():
            sub = json.loads(server.cli("sub", "info", "t/s", "-o", "json", *root))
            return sub["state"] == "disabled" and sub

        sub = wait_until(disabled, 20, "the subscription is disabled")
        self.assertIn("functions.allow_processes", sub["state_reason"])
        self.assertEqual(sub["backlog"], 1)
        self.assertFalse(mark.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
