"""Server, supervisor and workers killed at random under load: `functions_kill_test.py KILLS`.

At least once: every acknowledged message is handled. Exactly once: what handlers publish and store
commits with the acknowledgement, so each message has one output and is counted once."""

import os
import random
import signal
import sys
import threading
import time
import unittest

from cmq import Cmq, Unreachable
from process_tree import descendants
from server import Server, data_folder, wait_until

KILLS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 40
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 20261120
DRAIN_SECONDS = 120

LUA = """
function handle(event, ctx)
  if event.body == "report" then
    ctx.send("report", {body = ctx.kv:get("count") or "none"})
    return
  end
  ctx.kv:add("count", 1)
  ctx.send("from-lua", {body = event.body})
end
"""

WORKER = """
import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    if frame.get("type") != "event":
        continue
    if frame["event"]["body"] != "report":
        print(json.dumps({"type": "publish", "id": frame["id"], "queue": "from-worker",
                          "body": frame["event"]["body"]}))
    print(json.dumps({"id": frame["id"], "ok": True}), flush=True)
"""


class FunctionsKillTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        (self.folder / "handler.lua").write_text(LUA)
        (self.folder / "worker.py").write_text(WORKER)
        self.server = Server(self, self.folder).start()
        self.acknowledged = []
        self.stop = threading.Event()
        self.up = threading.Event()
        self.up.set()

    def add_subscriptions(self):
        for queue in ("from-lua", "from-worker", "report"):
            self.server.cli("queue", "create", queue)
        self.server.cli("topic", "create", "in")
        common = ["--crashes", 100, "--retry", "200ms,200ms,500ms,1s,1s,2s,5s,5s,10s,10s"]
        self.server.cli("sub", "add", "in", "lua", *common, "--lua", self.folder / "handler.lua")
        self.server.cli(
            *["sub", "add", "in", "worker", *common, "--window", 8, "--processes", 2],
            *["--worker", sys.executable, "-u", self.folder / "worker.py"],
        )

    def publish(self):
        """Numbered messages as fast as they are answered; an answer that is lost is not counted."""
        number = 0
        client = Cmq(self.server)
        while not self.stop.is_set():
            body = f"m{number}"
            number += 1
            try:
                client.call("PublishMessage", topicName="in", msgBody=body)
                self.acknowledged.append(body)
            except Unreachable:
                self.up.wait(30)
                client = Cmq(self.server)
            time.sleep(0.004)

    def kill_one(self, dice):
        """Kills the server, its supervisor or one of the workers; says which."""
        below = descendants(self.server.process.pid)
        workers = [pid for pid, name in below if name in ("penstock-lua", "python3")]
        supervisors = [pid for pid, name in below if name.startswith("penstock-superv")]
        choice = dice.random()
        if choice < 0.34 or not below:
            self.up.clear()
            self.server.kill()
            self.server.start()
            self.up.set()
            return "server"
        victims = supervisors if choice < 0.6 and supervisors else workers
        if not victims:
            return "nobody"
        try:
            os.kill(dice.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            return "nobody"
        return "supervisor" if victims is supervisors else "worker"

    def drained(self):
        status, page = self.server.native("GET", "/v1/topics/in/subscriptions")
        self.assertEqual(status, 200)
        self.assertEqual([one["state"] for one in page["items"]], ["active", "active"], page)
        return all(one["backlog"] == 0 and one["waiting"] == 0 for one in page["items"])

    def receive_all(self, queue):
        client = Cmq(self.server)
        bodies = []
        while True:
            messages = client.receive(queue, 16)
            if not messages:
                return bodies
            bodies += [message["msgBody"] for message in messages]
            client.delete(queue, [message["receiptHandle"] for message in messages])

    def test_outputs_are_committed_exactly_once(self):
        self.add_subscriptions()
        dice = random.Random(SEED)
        publisher = threading.Thread(target=self.publish)
        publisher.start()
        killed = {"server": 0, "supervisor": 0, "worker": 0, "nobody": 0}
        try:
            while sum(killed.values()) - killed["nobody"] < KILLS:
                time.sleep(dice.uniform(0.05, 0.6))
                killed[self.kill_one(dice)] += 1
        finally:
            self.stop.set()
            self.up.set()
            publisher.join()
        wait_until(self.drained, DRAIN_SECONDS, "all messages are handled")
        Cmq(self.server).call("PublishMessage", topicName="in", msgBody="report")
        wait_until(self.drained, DRAIN_SECONDS, "the report is handled")
        results = {queue: self.receive_all(queue) for queue in ("from-lua", "from-worker")}
        counted = self.receive_all("report")
        print(
            f"seed {SEED}: killed {killed}, {len(self.acknowledged)} acknowledged,"
            f" outputs {({queue: len(bodies) for queue, bodies in results.items()})},"
            f" counted {counted}",
            flush=True,
        )
        for queue, bodies in results.items():
            self.assertEqual(len(bodies), len(set(bodies)), f"{queue}: an output came twice")
            lost = set(self.acknowledged) - set(bodies)
            self.assertEqual(lost, set(), f"{queue}: acknowledged, never handled")
        self.assertEqual(counted, [str(len(results["from-lua"]))], "counted once each")
        self.assertGreater(len(self.acknowledged), KILLS)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
