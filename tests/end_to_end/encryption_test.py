"""Encryption at rest with the real server: what messages hold stands in no file, however it comes in
and wherever it goes; keys that change under load; a key service that stops working.

Referee: a word that nothing else contains, sent by every way in, and looked for in all bytes that
the server leaves behind.
"""

import base64
import json
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time
import unittest
import uuid

import cmq_tcp as tcp
from cmq import Cmq, Refused
from key_service import KeyService, files_with
from receiver import Receiver
from server import BINARY, DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

LUA = """
function handle(event, ctx)
  ctx.publish("copies", {body = event.body})
end
"""


def master_key():
    return base64.b64encode(os.urandom(32)).decode() + "\n"


class Echo(Receiver):
    """An endpoint that fails with what it was sent."""

    def take(self, path, headers, body):
        status, head, _ = super().take(path, headers, body)
        return status, head, body.decode()


class EncryptionTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.key_file = self.folder / "master.keys"
        self.key_file.write_text(master_key())

    def server(self, more="", **settings):
        lines = ['mode = "on"', f'key_file = "{self.key_file}"', more]
        lines += [f'{name} = "{value}"' for name, value in settings.items()]
        config = '[log]\ncompression = "zstd"\n[encryption]\n' + "\n".join(lines) + "\n"
        return Server(self, self.folder, config)

    def server_with_command(self, **settings):
        self.service = KeyService(self.folder)
        return Server(self, self.folder, self.service.config(**settings))

    def received(self, cmq, queue, count):
        """That many bodies, deleted once they were seen."""
        bodies = []

        def enough():
            messages = cmq.receive(queue, wait=1)
            bodies.extend(message["msgBody"] for message in messages)
            if messages:
                cmq.delete(queue, [message["receiptHandle"] for message in messages])
            return len(bodies) >= count

        wait_until(enough, 30, f"{count} messages in {queue}, not {bodies}")
        return bodies

    def delayed(self, server):
        return json.dumps(server.native("GET", "/v1/queues/later/messages?state=delayed")[1])

    def assert_nowhere(self, canary, *folders):
        self.assertEqual(files_with([canary], *folders), [])

    def test_what_messages_hold_stands_in_no_file(self):
        server = self.server().start()
        port = int(server.process.stdout.readline().split(":")[1])
        cmq = Cmq(server)
        canary = "CANARY" + uuid.uuid4().hex
        large = (canary + " ") * 400  # it is compressed too
        for queue in ("orders", "later", "copied", "dead"):
            cmq.call("CreateQueue", queueName=queue)
        server.native("POST", "/v1/queues", {"name": "deals", "transaction": {"first_query": 60, "queries": 3}})
        for topic in ("events", "copies"):
            cmq.call("CreateTopic", topicName=topic)
        script = self.folder / "copy.lua"
        script.write_text(LUA)
        receiver = Echo(self, status=lambda body: 503)
        server.cli("sub", "add", "events", "hook", "--http", receiver.url, "--retry", "1s")
        server.cli("sub", "add", "events", "fn", "--lua", script)
        server.cli("sub", "add", "copies", "into", "--queue", "copied")

        # By every way in.
        cmq.send("orders", [canary + " cmq", large])
        status, sent = server.native(
            "POST", "/v1/queues/orders/messages/batch", {"messages": [{"body": canary + " v1"}]}
        )
        self.assertIn(status, (200, 201), sent)
        client = tcp.Client(port, DEV_KEY_ID, DEV_KEY_SECRET)
        self.addCleanup(client.close)
        self.assertEqual(client.ask(tcp.SEND, (1, "orders"), (2, canary + " tcp")).result, 0)
        prepared = client.ask(tcp.SEND, (1, "deals"), (2, canary + " deal"), (4, 60))
        self.assertEqual(prepared.result, 0, prepared.error)
        cmq.call("SendMessage", queueName="later", msgBody=canary + " late", delaySeconds=600)
        message = cmq.publish("events", canary + " event")

        # By every way out.
        bodies = self.received(cmq, "orders", 4)
        self.assertEqual(
            sorted(bodies), sorted([canary + " cmq", large, canary + " v1", canary + " tcp"])
        )
        self.assertEqual(self.received(cmq, "copied", 1), [canary + " event"])

        def letters():
            return json.loads(server.cli("dlq", "show", "events/hook", "-o", "json"))

        letter = wait_until(letters, 30, "a dead letter")[0]
        self.assertEqual(letter["body"], canary + " event")
        self.assertTrue(all(canary in body for body in receiver.bodies))
        self.assertIn(canary + " late", self.delayed(server))
        self.assertIn(message, server.cli("message", "track", message))
        receiver.status = lambda body: 200
        server.cli("dlq", "edit", "events/hook", message, canary + " edited")
        wait_until(
            lambda: any(" edited" in body for body in receiver.bodies), 30, "the edited"
        )
        before = len(receiver.bodies)
        server.cli("sub", "replay", "events/hook", "--from", "-1h", "--text", " event")
        wait_until(lambda: len(receiver.bodies) > before, 30, "the replayed")

        backup = self.folder / "backup"
        server.cli("backup", backup)
        metrics = str(server.metrics())
        server.terminate()
        self.assert_nowhere(canary, self.folder / "data", backup)
        self.assertNotIn(canary, "".join(server.stderr))
        self.assertNotIn(canary, metrics)

        # All of it is there after a restart, and in what is restored from the backup.
        server.start()
        self.assertIn(canary + " late", self.delayed(server))
        server.terminate()
        restored = self.folder / "restored"
        subprocess.run([BINARY, "restore", backup, "--data", restored], check=True, timeout=60)
        self.assert_nowhere(canary, restored)

    def test_no_core_is_dumped(self):
        server = self.server()
        resource.setrlimit(
            resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2
        )
        before = set(os.listdir())
        server.start()
        limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        self.assertEqual(core.split()[4:6], ["0", "0"])
        may_lock = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        if may_lock == resource.RLIM_INFINITY or may_lock >= 4 << 20:
            status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
            locked = next(line for line in status.splitlines() if line.startswith("VmLck"))
            self.assertGreaterEqual(int(locked.split()[1]), 4096, "data keys are not locked")
        server.process.send_signal(signal.SIGABRT)
        server.process.wait(10)
        self.assertEqual(server.process.returncode, -signal.SIGABRT)
        self.assertEqual(set(os.listdir()), before)

    def test_keys_change_under_load_and_nothing_is_lost(self):
        server = self.server(rotate_every="1s").start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="orders")
        stop = threading.Event()
        acknowledged = []

        def produce():
            own = Cmq(server)
            while not stop.is_set():
                bodies = [f"{len(acknowledged)} {place}" for place in range(8)]
                own.send("orders", bodies)
                acknowledged.extend(bodies)
                time.sleep(0.02)

        producer = threading.Thread(target=produce)
        producer.start()
        try:
            for _ in range(4):
                # The new master key above the old ones.
                self.key_file.write_text(master_key() + self.key_file.read_text())
                server.process.send_signal(signal.SIGHUP)
                time.sleep(1)
        finally:
            stop.set()
            producer.join()
        self.assertGreater(len(acknowledged), 50)
        self.assertIn("event=rotated", "".join(server.stderr))
        server.kill()
        server.start()
        self.assertEqual(
            sorted(self.received(Cmq(server), "orders", len(acknowledged))), sorted(acknowledged)
        )

    def test_without_its_key_what_was_sealed_is_left_alone(self):
        server = self.server().start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="orders", visibilityTimeout=1)
        cmq.send("orders", ["a body"])
        server.terminate()
        keys = self.key_file.read_text()
        self.key_file.write_text(master_key())
        server.start()
        with self.assertRaises(Refused):
            Cmq(server).receive("orders")
        self.assertIn("has wrapped it", "".join(server.stderr))
        peeked = server.native("GET", "/v1/queues/orders/messages?state=in_flight")
        self.assertNotIn("a body", json.dumps(peeked))
        server.terminate()
        self.key_file.write_text(keys)
        server.start()
        self.assertEqual(self.received(Cmq(server), "orders", 1), ["a body"])

    def test_a_key_file_that_holds_no_key_stops_the_start(self):
        self.key_file.write_text("not a key\n")
        code, log = self.server().start_refused()
        self.assertEqual(code, 1)
        self.assertIn("master.keys, line 1", log)
        self.assertNotIn("not a key\n", log)

    def test_a_key_service_that_stops_working_stops_only_what_needs_it(self):
        server = self.server_with_command().start()
        cmq = Cmq(server)
        for queue in ("known", "unknown"):
            cmq.call("CreateQueue", queueName=queue)
        cmq.send("known", ["before"])
        self.service.down(True)
        cmq.send("known", ["while it is down"])
        self.assertEqual(
            sorted(self.received(cmq, "known", 2)), ["before", "while it is down"]
        )
        with self.assertRaises(Refused):
            cmq.send("unknown", ["a canary"])
        status, problem = server.native(
            "POST", "/v1/queues/unknown/messages/batch", {"messages": [{"body": "a canary"}]}
        )
        self.assertEqual(status, 503, problem)
        self.assertIn("the key service does not answer", problem["detail"])
        self.assertEqual(Cmq(server).receive("unknown"), [])
        self.service.down(False)

        def sent():
            try:
                return cmq.send("unknown", ["at last"])
            except Refused:
                return None

        wait_until(sent, 10, "the key service is asked again")
        self.assertEqual(self.received(cmq, "unknown", 1), ["at last"])
        self.assert_nowhere("a canary", self.folder / "data")

    def test_pushes_wait_for_the_key_service_and_are_not_counted(self):
        server = self.server_with_command().start()
        receiver = Receiver(self)
        cmq = Cmq(server)
        cmq.call("CreateTopic", topicName="events")
        server.cli(
            "sub", "add", "events", "hook", "--http", receiver.url, "--retry", "1s", "--paused"
        )
        message = cmq.publish("events", "a body")
        server.terminate()
        self.service.down(True)
        server.start()
        server.cli("sub", "resume", "events/hook")

        def waiting():
            page = server.native("GET", "/v1/deliveries?subscription=events/hook&status=retry")[1]
            return [item for item in page["items"] if item.get("reason") == "sealed"]

        wait_until(waiting, 20, "a delivery that waits for its key")
        self.assertEqual(receiver.bodies, [])
        self.service.down(False)
        wait_until(lambda: receiver.bodies, 60, "the push")
        track = json.loads(server.cli("message", "track", message, "-o", "json"))
        attempts = [one["attempt"] for place in track["places"] for one in place["attempts"]]
        self.assertEqual(attempts, [1])


if __name__ == "__main__":
    unittest.main()
