"""Ordered queues against the real server: receivers side by side that crash, forget and give back,
and a server that is killed; of each ordering key the messages come one after the other."""

import json
import random
import threading
import time
import unittest

import cmq_tcp as tcp
from cmq import Cmq
from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

KEYS = 20
EACH = 25
RECEIVERS = 6
PATIENCE_S = 60


class Ledger:
    """What receivers saw: of each key the number that is expected next. A number that was not
    acknowledged comes again; none may come while another of its key is with a receiver."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = {key: 0 for key in range(KEYS)}
        self.wrong = []

    def received(self, key, number):
        with self.lock:
            # The one before comes again when its acknowledgement was lost with the server.
            if number not in (self.next[key], self.next[key] - 1):
                self.wrong.append((key, number, self.next[key]))

    def acknowledged(self, key, number):
        with self.lock:
            self.next[key] = max(self.next[key], number + 1)

    def done(self):
        with self.lock:
            return all(number == EACH for number in self.next.values())


class OrderedQueueTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        self.stop = threading.Event()
        self.addCleanup(self.stop.set)

    def ask(self, method, path, body=None):
        return self.server.native(method, path, body)

    def create(self, name, **more):
        made = self.ask("POST", "/v1/queues", {"name": name, "ordered": True, **more})
        self.assertEqual(made[0], 201, made)
        self.assertTrue(made[1]["ordered"])

    def send(self, name, items):
        for at in range(0, len(items), 16):
            batch = [
                {"body": json.dumps([key, number]), **({"ordering_key": f"k{key}"} if key else {})}
                for key, number in items[at : at + 16]
            ]
            sent = self.ask("POST", f"/v1/queues/{name}/messages/batch", {"messages": batch})
            self.assertEqual(sent[0], 201, sent)

    def receive(self, name, maximum=16, wait=0):
        status, answer = self.ask(
            "POST", f"/v1/queues/{name}/receive", {"max": maximum, "wait": wait}
        )
        return answer["messages"] if status == 200 else []

    def work(self, ledger, seed):
        """A receiver that now and then forgets a message or gives it back."""
        chance = random.Random(seed)
        while not self.stop.is_set():
            try:
                messages = self.receive("jobs", chance.choice((1, 4, 16)), wait=1)
                seen = [json.loads(message["body"]) for message in messages]
                if len({key for key, _ in seen}) != len(seen):
                    ledger.wrong.append(("twice in one answer", seen))
                for message, (key, number) in zip(messages, seen):
                    ledger.received(key, number)
                    fate = chance.random()
                    if fate < 0.03:
                        continue  # until its visibility timeout is over
                    if fate < 0.06:
                        self.ask(
                            "POST",
                            "/v1/queues/jobs/visibility",
                            {"receipt": message["receipt"], "visibility": 0},
                        )
                        continue
                    ledger.acknowledged(key, number)
                    self.ask("POST", "/v1/queues/jobs/ack", {"receipts": [message["receipt"]]})
            except (OSError, ValueError):
                time.sleep(0.05)  # the server is away

    def test_receivers_that_fail_and_a_server_that_is_killed_keep_the_order_of_each_key(self):
        self.create("jobs", visibility=1)
        items = [(key, number) for number in range(EACH) for key in range(KEYS)]
        ledger = Ledger()
        receivers = [
            threading.Thread(target=self.work, args=(ledger, seed)) for seed in range(RECEIVERS)
        ]
        for receiver in receivers:
            receiver.start()
        self.send("jobs", items[: len(items) // 2])
        self.server.kill()
        self.server.start()
        self.send("jobs", items[len(items) // 2 :])
        try:
            wait_until(ledger.done, PATIENCE_S, "every message was acknowledged")
        finally:
            self.stop.set()
            for receiver in receivers:
                receiver.join()
        self.assertEqual(ledger.wrong, [])

    def test_a_long_poll_gets_the_next_message_when_the_one_before_it_is_acknowledged(self):
        self.create("steps")
        self.send("steps", [(0, 0), (0, 1)])
        first = self.receive("steps")
        self.assertEqual([json.loads(one["body"]) for one in first], [[0, 0]])
        shown = self.ask("GET", "/v1/queues/steps")[1]["messages"]
        self.assertEqual((shown["visible"], shown["in_flight"], shown["behind"]), (1, 1, 1))
        got = []
        poll = threading.Thread(target=lambda: got.extend(self.receive("steps", wait=20)))
        poll.start()
        time.sleep(0.3)
        self.assertEqual(got, [])
        began = time.monotonic()
        self.ask("POST", "/v1/queues/steps/ack", {"receipts": [first[0]["receipt"]]})
        poll.join()
        self.assertEqual([json.loads(one["body"]) for one in got], [[0, 1]])
        self.assertLess(time.monotonic() - began, 5)

    def test_command_line_and_cmq_attributes(self):
        self.server.cli("queue", "create", "byhand", "--ordered")
        for body, key in (("a1", "a"), ("a2", "a"), ("b1", "b")):
            self.server.cli("queue", "send", "byhand", body, "--ordering-key", key)
        lines = self.server.cli("queue", "receive", "byhand", "--max", "16", "-o", "json")
        self.assertEqual([one["body"] for one in json.loads(lines)], ["a1", "b1"])
        changed = self.ask("PATCH", "/v1/queues/byhand", {"ordered": False})
        self.assertEqual(changed[0], 400, changed)
        self.assertIn("chosen when it is made", json.dumps(changed[1]))
        cmq = Cmq(self.server, DEV_KEY_ID, DEV_KEY_SECRET)
        self.assertEqual(cmq.call("CreateQueue", queueName="bycmq", ordered=1)["code"], 0)
        shown = cmq.call("GetQueueAttributes", queueName="bycmq")
        self.assertEqual(shown["ordered"], 1, shown)
        self.assertNotIn("ordered", self.plain(cmq))

    def test_cmq_sends_with_keys_over_http_and_over_tcp(self):
        port = int(self.server.process.stdout.readline().split(":")[1])
        self.create("keyed")
        cmq = Cmq(self.server, DEV_KEY_ID, DEV_KEY_SECRET)
        client = tcp.Client(port, DEV_KEY_ID, DEV_KEY_SECRET)
        self.addCleanup(client.close)
        cmq.call("SendMessage", queueName="keyed", msgBody="a1", orderingKey="a")
        key = 100  # of a send's fields
        self.assertEqual(client.ask(tcp.SEND, (1, "keyed"), (2, "a2"), (key, "a")).result, 0)
        cmq.call("BatchSendMessage", queueName="keyed", orderingKey="b", **{"msgBody.1": "b1", "msgBody.2": "b2"})
        self.assertEqual(client.ask(tcp.SEND, (1, "keyed"), (2, "c1"), (key, "c")).result, 0)
        for expected in (["a1", "b1", "c1"], ["a2", "b2"]):
            messages = cmq.receive("keyed")
            self.assertEqual([one["msgBody"] for one in messages], expected)
            self.assertEqual([one["orderingKey"] for one in messages], [one[0] for one in expected])
            for one in messages:
                cmq.call("DeleteMessage", queueName="keyed", receiptHandle=one["receiptHandle"])
        self.assertEqual(client.ask(tcp.SEND, (1, "keyed"), (2, "d1"), (key, "d")).result, 0)
        self.assertEqual(client.ask(tcp.PULL, (1, "keyed")).messages[0]["key"], b"d")
        cmq.call("SendMessage", queueName="keyed", msgBody="none")
        self.assertNotIn("orderingKey", cmq.receive("keyed")[0])
        refused = cmq.answer("SendMessage", queueName="keyed", msgBody="x", orderingKey="k" * 65)
        self.assertEqual(refused["code"], 4000, refused)
        self.assertNotEqual(client.ask(tcp.SEND, (1, "keyed"), (2, "x"), (key, "k" * 65)).result, 0)

    @staticmethod
    def plain(cmq):
        cmq.call("CreateQueue", queueName="plain")
        return cmq.call("GetQueueAttributes", queueName="plain")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
