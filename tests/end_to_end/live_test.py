"""Following what happens: tail, listen, the topic `sys`, and traces on their way through."""

import datetime
import http.client
import json
import os
import signal
import subprocess
import unittest

from receiver import Receiver
from server import BINARY, DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PUBLISHER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PUBLISHER}-01"
FORWARDS = 'function handle(event, ctx) ctx.send("out", {body = "next"}) end\n'


class LiveTest(unittest.TestCase):
    def start(self, config=None):
        self.folder = data_folder(self)
        self.server = Server(self, self.folder, config).start()
        self.server.cli("topic", "create", "events")

    def begin(self, *words):
        environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.server.port}")
        process = subprocess.Popen(
            [BINARY, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_tail_prints_what_comes_and_what_came(self):
        self.start()
        self.server.cli("topic", "publish", "events", "before", "--tag", "old")
        tail = self.begin("tail", "events", "--from", "-1h", "--count", "3", "-o", "ndjson")
        self.assertEqual(json.loads(tail.stdout.readline())["body"], "before")
        self.server.cli("topic", "publish", "events", "one", "--tag", "new")
        self.server.cli("topic", "publish", "events", "two")
        self.assertEqual(json.loads(tail.stdout.readline())["tags"], ["new"])
        self.assertEqual(json.loads(tail.stdout.readline())["body"], "two")
        self.assertEqual(tail.wait(10), 0)

    def test_listen_forwards_until_it_is_interrupted_and_leaves_nothing_behind(self):
        self.start()
        receiver = Receiver(self)
        listen = self.begin("listen", "events", "--forward-to", receiver.url, "--tag", "wanted")
        self.assertIn("subscribed as events/listen-", listen.stderr.readline())
        self.server.cli("topic", "publish", "events", "other", "--tag", "other")
        self.server.cli("topic", "publish", "events", "hello", "--tag", "wanted")
        self.assertRegex(listen.stdout.readline(), r"^200 \d+\n$")
        self.assertEqual(receiver.bodies, ["hello"])
        self.assertEqual(receiver.heads[0]["x-cmq-message-tag"], "wanted")
        listen.send_signal(signal.SIGINT)
        self.assertEqual(listen.wait(10), 0)
        self.assertEqual(json.loads(self.server.cli("sub", "list", "-o", "json")), [])
        self.assertEqual(json.loads(self.server.cli("queue", "list", "-o", "json")), [])

    def test_deliveries_are_followed_oldest_first(self):
        self.start()
        receiver = Receiver(self)
        self.server.cli("sub", "add", "events", "hook", "--http", receiver.url)

        def publish(body, attempts):
            message = self.server.cli("topic", "publish", "events", body).strip()
            listed = ("delivery", "list", "--status", "ok", "-o", "json")
            wait_until(
                lambda: len(json.loads(self.server.cli(*listed))) == attempts, 20, "an attempt"
            )
            return message

        before = [publish("one", 1), publish("two", 2)]
        follow = self.begin("delivery", "list", "--follow", "--status", "ok", "-o", "ndjson")
        told = [json.loads(follow.stdout.readline())["message"] for _ in before]
        self.assertEqual(told, before)
        third = publish("three", 3)
        self.assertEqual(json.loads(follow.stdout.readline())["message"], third)

    def test_sys_tells_of_dead_letters_and_stopped_subscriptions(self):
        self.start()
        self.server.cli("topic", "create", "sys")
        self.server.cli("queue", "create", "alarms")
        self.server.cli("sub", "add", "sys", "alarms", "--queue", "alarms")
        self.server.cli(
            "sub", "add", "events", "away", "--http", "http://127.0.0.1:1/", "--retry", "1s"
        )
        self.server.cli("sub", "add", "events", "idle", "--queue", "alarms", "--tag", "none")

        # What was so before its first look is no news: it is told that the server started. Where
        # the first server looked late, the queue holds its word, too.
        self.server.terminate()
        restarted = datetime.datetime.now(datetime.timezone.utc)
        self.server.start()

        def alarms():
            told = self.server.cli("queue", "peek", "alarms", "-o", "ndjson")
            events = [json.loads(line) for line in told.splitlines()]
            events = [e for e in events if datetime.datetime.fromisoformat(e["sent_at"]) >= restarted]
            return [(json.loads(e["body"])["type"], json.loads(e["body"])) for e in events]

        wait_until(lambda: dict(alarms()).get("penstock.server.started"), 20, "the first look")
        self.server.cli("topic", "publish", "events", "lost")
        self.server.cli("sub", "pause", "events/idle")
        arrived = "penstock.dead_letters.arrived"
        found = wait_until(lambda: dict(alarms()).get(arrived), 20, "the dead letter is told of")
        self.assertEqual(found, {"type": arrived, "subject": "events.away.dlq", "new": 1, "letters": 1})
        stopped = "penstock.subscription.stopped"
        found = wait_until(lambda: dict(alarms()).get(stopped), 20, "the pause is told of")
        self.assertEqual(found["subject"], "events/idle")

    def test_a_trace_goes_on_at_every_hop_and_its_spans_are_exported(self):
        collector = Receiver(self)
        self.start(f'[tracing]\nendpoint = "http://127.0.0.1:{collector.port}"\n')
        receiver = Receiver(self)
        file = self.folder / "forward.lua"
        file.write_text(FORWARDS)
        self.server.cli("queue", "create", "out")
        self.server.cli("sub", "add", "events", "hook", "--http", receiver.url)
        self.server.cli("sub", "add", "events", "fn", "--lua", file)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        head = {
            "Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}",
            "traceparent": TRACEPARENT,
            "tracestate": "vendor=1",
        }
        connection.request("POST", "/v1/topics/events/messages", "hello", head)
        self.assertEqual(connection.getresponse().status, 201)
        connection.close()
        wait_until(lambda: receiver.heads, 20, "the push")
        pushed = receiver.heads[0]
        self.assertEqual(pushed["tracestate"], "vendor=1")
        version, trace, step, flags = pushed["traceparent"].split("-")
        self.assertEqual((version, trace, flags), ("00", TRACE, "01"))
        self.assertNotEqual(step, PUBLISHER)

        def out():
            told = self.server.cli("queue", "peek", "out", "-o", "ndjson")
            return [json.loads(line) for line in told.splitlines()]

        shown = wait_until(out, 20, "the handler's output")[0]
        track = json.loads(self.server.cli("message", "track", shown["id"], "-o", "json"))
        self.assertEqual(track["sent_to"], "out")
        output = shown["attributes"]
        self.assertTrue(output["traceparent"].startswith(f"00-{TRACE}-"))
        self.assertNotIn(output["traceparent"], (TRACEPARENT, pushed["traceparent"]))

        def spans():
            batches = [json.loads(body)["resourceSpans"][0] for body in collector.bodies]
            return [span for batch in batches for span in batch["scopeSpans"][0]["spans"]]

        wait_until(lambda: len(spans()) == 2, 20, "both spans are exported")
        self.assertEqual({span["traceId"] for span in spans()}, {TRACE})
        self.assertEqual({span["parentSpanId"] for span in spans()}, {PUBLISHER})
        self.assertEqual(
            {span["spanId"] for span in spans()}, {step, output["traceparent"].split("-")[2]}
        )


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
