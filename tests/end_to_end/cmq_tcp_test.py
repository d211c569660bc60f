"""CMQ over TCP against the real server, by a client written from the tables. usage:
cmq_tcp_test.py IDLE_CONNECTIONS"""

import json
import os
import resource
import sys
import unittest

import cmq_tcp as tcp
from cmq import Cmq
from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

IDLE_CONNECTIONS = 1000
BYTES_OF_A_CONNECTION = 12 * 1024


class CmqTcpTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(self, data_folder(self)).start()
        self.port = int(self.server.process.stdout.readline().split(":")[1])

    def client(self):
        client = tcp.Client(self.port, DEV_KEY_ID, DEV_KEY_SECRET)
        self.addCleanup(client.close)
        return client

    def queue(self, name, **attributes):
        status, made = self.server.native("POST", "/v1/queues", {"name": name, **attributes})
        self.assertEqual(status, 201, made)

    def test_messages_go_round_singly_and_in_batches(self):
        self.queue("orders")
        client = self.client()
        bodies = ["plain", "umlaut ü", "\0raw bytes \xff".encode("latin-1")]
        sent = client.ask(tcp.SEND, (1, "orders"), (2, bodies[0]))
        self.assertEqual((sent.result, len(sent.ids)), (0, 1), sent.error)
        more = client.ask(tcp.BATCH_SEND, (1, "orders"), (2, bodies[1]), (2, bodies[2]))
        self.assertEqual(len(more.ids), 2, more.error)
        one = client.ask(tcp.PULL, (1, "orders"), (2, 5), (3, 60)).messages
        self.assertEqual([m["body"] for m in one], [b"plain"])
        self.assertEqual(one[0]["id"], sent.ids[0])
        rest = client.ask(tcp.BATCH_PULL, (1, "orders"), (2, 16), (3, 5), (4, 60)).messages
        self.assertEqual([m["body"] for m in rest], ["umlaut ü".encode(), bodies[2]])
        self.assertEqual(client.ask(tcp.DELETE, (1, "orders"), (2, one[0]["receipt"])).result, 0)
        removed = client.ask(
            tcp.BATCH_DELETE, (1, "orders"), *((2, m["receipt"]) for m in rest), (2, 12345)
        )
        self.assertEqual(removed.result, 6010, removed.error)
        self.assertEqual(removed.failures[0][1], [12345])
        self.assertEqual(client.ask(tcp.PULL, (1, "orders"), (2, 0)).result, tcp.NO_MESSAGE)

    def test_a_visibility_of_its_own_ends_when_it_says(self):
        self.queue("short")
        client = self.client()
        client.ask(tcp.SEND, (1, "short"), (2, "again"))
        first = client.ask(tcp.PULL, (1, "short"), (2, 0), (3, 1)).messages[0]
        self.assertEqual(client.ask(tcp.PULL, (1, "short"), (2, 0)).result, tcp.NO_MESSAGE)
        second = client.ask(tcp.PULL, (1, "short"), (2, 10)).messages[0]
        self.assertEqual((second["id"], second["receives"]), (first["id"], 2))

    def test_pulls_wait_beside_everything_else_and_replies_come_out_of_order(self):
        self.queue("slow")
        self.queue("quick")
        client = self.client()
        pulls = [client.begin(tcp.PULL, (1, "slow"), (2, 20)) for _ in range(16)]
        sends = [client.begin(tcp.SEND, (1, "quick"), (2, f"{n}")) for n in range(200)]
        for seqno in sends:
            self.assertEqual(client.reply_to(seqno).result, 0)
        self.assertFalse(set(pulls) & set(client.order))
        for n in range(16):
            client.begin(tcp.SEND, (1, "slow"), (2, f"{n}"))
        got = {m["body"] for seqno in pulls for m in client.reply_to(seqno).messages}
        self.assertEqual(got, {str(n).encode() for n in range(16)})

    def test_a_publish_reaches_its_subscriber(self):
        self.queue("inbox")
        self.server.cli("topic", "create", "news")
        self.server.cli("sub", "add", "news", "inbox", "--queue", "inbox", "--tag", "sport")
        client = self.client()
        missed = client.ask(tcp.PUBLISH, (1, "news"), (2, "no"), (3, "culture"))
        self.assertEqual(missed.result, 6030, missed.error)
        sent = client.ask(tcp.BATCH_PUBLISH, (1, "news"), (2, "a"), (2, "b"), (3, "sport"))
        self.assertEqual((sent.result, len(sent.ids)), (0, 2), sent.error)
        got = [client.ask(tcp.PULL, (1, "inbox"), (2, 10)).messages[0]["body"] for _ in range(2)]
        self.assertEqual(got, [b"a", b"b"])

    def test_the_bench_finds_its_way_and_loses_nothing(self):
        for mode in ("send", "send-receive-delete", "publish-push"):
            words = ["--tcp", "--outstanding", 16, "--duration", "300ms", "--warmup", "0s"]
            shown = json.loads(self.server.cli("bench", mode, *words, "-o", "json"))
            self.assertEqual((shown["protocol"], shown["failures"]), ("tcp", 0), shown)
            self.assertGreater(shown["messages_per_s"], 0)

    def test_routes_lead_here_and_strangers_do_not_get_far(self):
        self.queue("orders")
        self.server.cli("topic", "create", "news")
        http = Cmq(self.server)
        for action, name in (("QueryQueueRoute", "queueName"), ("QueryTopicRoute", "topicName")):
            thing = "orders" if name == "queueName" else "news"
            answer = http.answer(action, **{name: thing})
            self.assertEqual(answer["addr"], [f"127.0.0.1:{self.port}"], answer)
        stranger = tcp.Client(self.port, "", "", greet=False)
        self.addCleanup(stranger.close)
        self.assertEqual(stranger.ask(tcp.SEND, (1, "orders"), (2, "hi")).result, 306)
        self.assertEqual(stranger.greet(DEV_KEY_ID, "wrong").result, 4100)
        with self.assertRaises(ConnectionError):
            stranger.ask(tcp.HEARTBEAT)
        garbage = self.client()
        garbage.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with self.assertRaises(ConnectionError):
            garbage.reply_to(0)

    def test_a_port_that_is_taken_is_named_and_none_is_opened_when_off(self):
        second = Server(self, data_folder(self))
        second.environment = dict(os.environ, PENSTOCK_LISTEN_TCP=f"127.0.0.1:{self.port}")
        code, told = second.start_refused()
        self.assertEqual(code, 1)
        self.assertIn(f"listen_tcp 127.0.0.1:{self.port}: Address already in use", told)
        second.environment["PENSTOCK_LISTEN_TCP"] = "off"
        second.start()
        second.native("POST", "/v1/queues", {"name": "orders"})
        answer = Cmq(second).answer("QueryQueueRoute", queueName="orders")
        self.assertEqual(answer["addr"], [], answer)

    def test_a_dead_connection_holds_no_message(self):
        self.queue("held", visibility=600)
        dead = self.client()
        for _ in range(8):
            dead.begin(tcp.PULL, (1, "held"), (2, 30))
        wait_until(lambda: self.waiters() == 8, 10, "8 pulls wait")
        dead.close()
        wait_until(lambda: self.waiters() == 0, 10, "no pull waits")
        client = self.client()
        client.ask(tcp.SEND, (1, "held"), (2, "mine"))
        self.assertEqual(client.ask(tcp.PULL, (1, "held"), (2, 5)).messages[0]["receives"], 1)

    def waiters(self):
        return self.server.native("GET", "/v1/status")[1]["waiters"]

    def test_idle_connections_with_open_pulls_cost_little(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        self.queue("idle")
        self.client().ask(tcp.PULL, (1, "idle"), (2, 0))
        before = self.server.resident_bytes()
        # All of them begin before any is waited for.
        clients = [
            tcp.Client(self.port, "", "", greet=False) for _ in range(IDLE_CONNECTIONS)
        ]
        for client in clients:
            self.addCleanup(client.close)
            client.greet(DEV_KEY_ID, DEV_KEY_SECRET)
            client.begin(tcp.PULL, (1, "idle"), (2, 30))
        wait_until(lambda: self.waiters() == IDLE_CONNECTIONS, 30, "every pull waits")
        each = (self.server.resident_bytes() - before) / IDLE_CONNECTIONS
        print(f"{IDLE_CONNECTIONS} idle connections with a pull each: {each:.0f} bytes each")
        self.assertLess(each, BYTES_OF_A_CONNECTION)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        IDLE_CONNECTIONS = int(sys.argv.pop(1))
    unittest.main()
