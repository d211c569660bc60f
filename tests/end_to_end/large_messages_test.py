"""Messages of the largest size: `large_messages_test.py MIB CLIENTS SECONDS`.

MIB is the size of a message and the server's limits.message_size_max. Over /v1, CMQ's HTTP and TCP;
pushed to a webhook, a worker and a Lua script; so many clients at once, with bounded memory; small
messages beside a stream of large ones for so many seconds, with what they take printed.
"""

import http.client
import sys
import threading
import time
import unittest

import cmq_tcp as tcp
from cmq import Cmq, Refused
from large_messages import HEAD, body_of, digest, limits, post
from receiver import Receiver
from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

MIB, CLIENTS, SECONDS = (int(word) for word in sys.argv[1:4])
del sys.argv[1:]
BYTES = MIB << 20
# Large requests under way have 128 MiB together; each is in memory as text and as it is stored.
MEMORY_MORE_MAX = 640 << 20
SMALL_SENDERS = 4
LARGE_PAUSE = 0.25

WORKER = """import hashlib, json, sys
for line in sys.stdin:
    f = json.loads(line)
    if f.get('type') != 'event': continue
    digest = hashlib.sha256(f['event']['body'].encode()).hexdigest()
    print(json.dumps({'type': 'publish', 'id': f['id'], 'queue': 'out', 'body': 'worker ' + digest}))
    print(json.dumps({'id': f['id'], 'ok': True}), flush=True)
"""
LUA = """function handle(event, ctx)
  ctx.send("out", {body = "lua " .. #event.body .. " " .. string.sub(event.body, -16)})
end
"""


class LargeMessagesTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.server = Server(self, self.folder, config=limits(MIB)).start()
        self.tcp_port = int(self.server.process.stdout.readline().split(":")[1])
        self.cmq = Cmq(self.server)

    def make(self, kind, name, size=BYTES):
        status, made = self.server.native("POST", f"/v1/{kind}", {"name": name, "max_size": size})
        self.assertEqual(status, 201, made)

    def receive(self, queue):
        """One message, deleted; its body."""
        message = self.cmq.call("ReceiveMessage", queueName=queue, pollingWaitSeconds=10)
        self.cmq.delete(queue, [message["receiptHandle"]])
        return message["msgBody"]

    def test_every_way_in_and_out_takes_the_largest(self):
        self.make("queues", "films")
        client = tcp.Client(self.tcp_port, DEV_KEY_ID, DEV_KEY_SECRET)
        self.addCleanup(client.close)
        bodies = {name: body_of(BYTES, name) for name in ("v1", "cmq", "tcp")}
        post(self.server.port, "/v1/queues/films/messages", bodies["v1"])
        self.cmq.call("SendMessage", queueName="films", msgBody=bodies["cmq"])
        sent = client.ask(tcp.SEND, (1, "films"), (2, bodies["tcp"]))
        self.assertEqual(sent.result, 0, sent.error)
        self.assertEqual(self.receive("films"), bodies["v1"])
        pulled = client.ask(tcp.PULL, (1, "films"), (2, 5), (3, 60)).messages
        self.assertEqual([digest(one["body"].decode()) for one in pulled], [digest(bodies["cmq"])])
        status, answer = self.server.native("POST", "/v1/queues/films/receive", {})
        self.assertEqual(status, 200, answer)
        self.assertEqual(digest(answer["messages"][0]["body"]), digest(bodies["tcp"]))

    def test_their_bodies_lie_in_files_of_their_own_and_outlive_a_kill(self):
        self.make("queues", "films")
        body = body_of(BYTES, "kept")
        post(self.server.port, "/v1/queues/films/messages", body)
        self.cmq.call("SendMessage", queueName="films", msgBody="small")
        large = list((self.folder / "data" / "log").glob("large-*"))
        self.assertEqual(len(large), 1)
        self.assertIn(body[-1000:].encode(), large[0].read_bytes())
        self.server.kill()
        self.server.start()
        self.cmq = Cmq(self.server)
        self.assertEqual(digest(self.receive("films")), digest(body))
        self.assertEqual(self.receive("films"), "small")

    def test_what_is_larger_is_refused_by_name(self):
        status, answer = self.server.native(
            "POST", "/v1/queues", {"name": "films", "max_size": BYTES + 1})
        self.assertEqual(status, 400, answer)
        self.make("queues", "films")
        with self.assertRaises(Refused) as refused:
            self.cmq.call("SendMessage", queueName="films", msgBody="x" * (BYTES + 1))
        self.assertEqual(refused.exception.code, 4400)
        self.make("queues", "small", 65536)
        with self.assertRaises(Refused) as refused:
            self.cmq.call("SendMessage", queueName="small", msgBody="x" * BYTES)
        self.assertEqual(refused.exception.code, 4400)

    def test_the_largest_are_pushed_to_webhook_worker_and_script(self):
        receiver = Receiver(self)
        (self.folder / "worker.py").write_text(WORKER)
        (self.folder / "handler.lua").write_text(LUA)
        cli = self.server.cli
        self.make("queues", "out", 65536)
        self.make("topics", "news")
        cli("sub", "add", "news", "hook", "--format", "simplified", "--http", receiver.url)
        cli("sub", "add", "news", "worker", "--timeout", "30s", "--worker", sys.executable,
            self.folder / "worker.py")
        cli("sub", "add", "news", "lua", "--timeout", "30s", "--lua", self.folder / "handler.lua")
        body = body_of(BYTES, "pushed")
        post(self.server.port, "/v1/topics/news/messages", body)
        wait_until(lambda: receiver.bodies, 30, "the webhook has it")
        self.assertEqual(digest(receiver.bodies[0]), digest(body))
        results = sorted([self.receive("out"), self.receive("out")])
        self.assertEqual(results, [f"lua {BYTES} {body[-16:]}", f"worker {digest(body)}"])

    def test_memory_is_bounded_while_many_send_the_largest_at_once(self):
        self.make("queues", "films")
        body = body_of(BYTES, "many")
        before = self.server.resident_bytes()
        most = [before]
        ended = threading.Event()

        def watch():
            while not ended.wait(0.02):
                most[0] = max(most[0], self.server.resident_bytes())

        refusals, failures = [], []

        def send(number):
            try:
                path = "/v1/queues/films/messages"
                refusals.append(post(self.server.port, path, body, f"many-{number}", 120))
            except Exception as problem:  # told by the main thread
                failures.append(problem)

        threads = [threading.Thread(target=send, args=(at,)) for at in range(CLIENTS)]
        watcher = threading.Thread(target=watch)
        for thread in (watcher, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        ended.set()
        watcher.join()
        self.assertEqual(failures, [])
        more = most[0] - before
        print(f"{CLIENTS} clients with {MIB} MiB each: {more >> 20} MiB more at most, "
              f"{sum(refusals)} refused for the moment", flush=True)
        self.assertLess(more, MEMORY_MORE_MAX)
        status, queue = self.server.native("GET", "/v1/queues/films")
        self.assertEqual((status, queue["messages"]["visible"]), (200, CLIENTS), queue)

    def test_small_messages_go_on_beside_large_ones(self):
        self.make("queues", "films")
        self.make("queues", "small", 65536)
        alone, alone_p99 = self.small_sends()
        ended = threading.Event()
        sent = []

        def send_large():
            body = body_of(BYTES, "stream")
            while not ended.wait(LARGE_PAUSE):
                post(self.server.port, "/v1/queues/films/messages", body)
                sent.append(self.receive("films") == body)

        large = threading.Thread(target=send_large)
        large.start()
        beside, beside_p99 = self.small_sends()
        ended.set()
        large.join()
        self.assertTrue(sent and all(sent))
        print(f"small sends alone {alone / SECONDS:.0f}/s, p99 {alone_p99 * 1e3:.1f} ms; beside "
              f"{len(sent) / SECONDS:.1f} of {MIB} MiB a second {beside / SECONDS:.0f}/s, "
              f"p99 {beside_p99 * 1e3:.1f} ms: {beside / alone:.2f} and "
              f"{beside_p99 / alone_p99:.1f} times", flush=True)
        self.assertGreater(beside, alone / 10, "they are not starved")

    def small_sends(self):
        """So many in SECONDS, and the time that 99 of 100 took at most."""
        took, failures = [], []
        until = time.monotonic() + SECONDS

        def send():
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            try:
                while time.monotonic() < until:
                    began = time.monotonic()
                    connection.request("POST", "/v1/queues/small/messages", "s" * 1024, HEAD)
                    response = connection.getresponse()
                    response.read()
                    took.append(time.monotonic() - began)
                    assert response.status == 201, response.status
            except Exception as problem:  # told by the main thread
                failures.append(problem)
            finally:
                connection.close()

        threads = [threading.Thread(target=send) for _ in range(SMALL_SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        return len(took), sorted(took)[len(took) * 99 // 100]


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
