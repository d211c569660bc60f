"""Accounts of a real server: two tenants with the same names over every way in, neither of which sees the
other; what is pushed shows names as their owner knows them; temporary keys; deletion."""

import json
import unittest

import cmq_tcp as tcp
from cmq import Cmq
from receiver import Receiver
from server import Server, data_folder, wait_until

UNAUTHENTICATED = (4000, 4100)
SERVERS_OWN = 1250000000  # topicOwner without an account


class Accounts(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        config = "[push]\nallow_networks = '127.0.0.0/8'\n"
        self.server = Server(self, self.folder, config=config, dev=False).start()
        self.tcp_port = int(self.server.process.stdout.readline().split(":")[1])
        lines = (self.folder / "data" / "root.key").read_text().splitlines()
        self.root = ":".join(line.split(" = ")[1] for line in lines)

    def ask(self, key, method, path, body=None, status=200):
        got, shown = self.server.native(method, path, body, key=key)
        self.assertEqual(got, status, (method, path, shown))
        return shown

    def make(self, by=None, **wanted):
        shown = self.ask(by or self.root, "POST", "/v1/keys", wanted, 201)
        return f"{shown['key_id']}:{shown['key_secret']}"

    def tenant(self, name, **limits):
        self.ask(self.root, "POST", "/v1/accounts", dict(name=name, **limits), 201)
        return self.make(role="admin", account=name)

    def names(self, key, kind="queues"):
        return [one["name"] for one in self.ask(key, "GET", f"/v1/{kind}")["items"]]

    def test_two_accounts_have_the_same_names_and_nothing_else_in_common(self):
        acme, globex = self.tenant("acme", queues_max=7), self.tenant("globex")
        self.assertEqual(
            [(one["name"], one["queues_max"]) for one in self.ask(self.root, "GET", "/v1/accounts")["items"]],
            [("acme", 7), ("globex", 1000)],
        )
        for key, body in ((acme, "of acme"), (globex, "of globex")):
            self.ask(key, "POST", "/v1/queues", {"name": "jobs"}, 201)
            self.ask(key, "POST", "/v1/queues/jobs/messages/batch", {"messages": [{"body": body}]}, 201)
        self.assertEqual(self.names(acme), ["jobs"])
        self.assertEqual(sorted(self.names(self.root)), ["acme:jobs", "globex:jobs"])
        own = self.ask(acme, "POST", "/v1/queues/jobs/receive", {})["messages"]
        self.assertEqual([one["body"] for one in own], ["of acme"])
        # The other's receipt, message and names are as those that nobody has.
        theirs = own[0]
        known = self.ask(acme, "GET", f"/v1/messages/{theirs['id']}/track")
        self.assertEqual(known["sent_to"], "jobs")
        self.ask(globex, "GET", f"/v1/messages/{theirs['id']}/track", status=404)
        for name in ("acme:jobs", "nobody:jobs", "globex:jobs"):
            self.ask(globex, "GET", f"/v1/queues/{name}", status=404)
        deleted = self.ask(globex, "POST", "/v1/queues/jobs/ack", {"receipts": [theirs["receipt"]]})
        self.assertEqual(deleted["acknowledged"], [])
        self.assertEqual(self.ask(self.root, "GET", "/v1/queues/acme%3Ajobs")["messages"]["in_flight"], 1)
        # The server is neither's.
        for method, path in (
            ("GET", "/v1/status"),
            ("GET", "/v1/cluster"),
            ("GET", "/v1/backup/sets"),
            ("GET", "/v1/accounts"),
            ("POST", "/v1/accounts"),
            ("GET", "/v1/functions/logs"),
            ("GET", "/v1/functions/sandbox"),
        ):
            body = {"name": "mine"} if method == "POST" else None
            self.ask(acme, method, path, body, status=403)
        # Keys: of their own account.
        reader = self.make(by=acme, role="viewer")
        self.assertEqual(self.names(reader), ["jobs"])
        self.ask(acme, "POST", "/v1/keys", {"role": "viewer", "account": "globex"}, 403)
        self.ask(acme, "DELETE", f"/v1/keys/{globex.split(':')[0]}", status=404)
        self.assertEqual(len(self.ask(acme, "GET", "/v1/keys")["items"]), 2)
        # A key of the server without the role sees none of it.
        clerk = self.make(role="operator")
        self.assertEqual(self.names(clerk), [])
        self.ask(clerk, "GET", "/v1/queues/acme:jobs", status=403)
        self.ask(clerk, "GET", "/v1/queues/nobody:jobs", status=403)

    def test_cmq_over_http_and_tcp_is_within_the_account(self):
        keys = {name: self.tenant(name) for name in ("acme", "globex")}
        for name, key in keys.items():
            client = Cmq(self.server, *key.split(":"))
            client.call("CreateQueue", queueName="jobs")
            client.call("SendMessage", queueName="jobs", msgBody=f"http {name}")
            listed = client.call("ListQueue")
            self.assertEqual((listed["totalCount"], listed["queueList"][0]["queueName"]), (1, "jobs"))
        owners = {
            Cmq(self.server, *key.split(":")).call("GetQueueAttributes", queueName="jobs")["createUin"]
            for key in keys.values()
        }
        self.assertEqual(len(owners), 2)
        for name, key in keys.items():
            client = tcp.Client(self.tcp_port, *key.split(":"))
            self.addCleanup(client.close)
            sent = client.ask(tcp.SEND, (1, "jobs"), (2, f"tcp {name}"))
            self.assertEqual(sent.result, 0, sent.error)
            foreign = client.ask(tcp.SEND, (1, "acme:jobs"), (2, "x"))
            unknown = client.ask(tcp.SEND, (1, "nobody:jobs"), (2, "x"))
            self.assertNotEqual(foreign.result, 0)
            self.assertEqual(foreign.result, unknown.result)
        for name, key in keys.items():
            client = Cmq(self.server, *key.split(":"))
            bodies = {client.call("ReceiveMessage", queueName="jobs")["msgBody"] for _ in range(2)}
            self.assertEqual(bodies, {f"http {name}", f"tcp {name}"})

    def test_what_is_pushed_shows_names_as_the_owner_knows_them(self):
        acme = self.tenant("acme")
        receiver = Receiver(self)
        self.ask(acme, "POST", "/v1/topics", {"name": "events"}, 201)
        self.ask(acme, "POST", "/v1/queues", {"name": "copy"}, 201)
        hook = {"http": {"url": f"http://127.0.0.1:{receiver.port}/in"}, "format": "cmq-json"}
        made = self.ask(acme, "POST", "/v1/topics/events/subscriptions", dict(hook, name="hook"), 201)
        self.assertEqual((made["topic"], made["dead_letter"]), ("events", "events.hook.dlq"))
        self.ask(
            acme, "POST", "/v1/topics/events/subscriptions", {"name": "copy", "queue": {"name": "copy"}}, 201
        )
        self.ask(acme, "POST", "/v1/topics/events/messages", {"n": 1}, 201)
        wait_until(lambda: receiver.bodies_of(), 20, "it is pushed")
        pushed = json.loads(receiver.bodies_of()[0])
        self.assertEqual((pushed["topicName"], pushed["subscriptionName"]), ("events", "hook"))
        self.assertNotIn("acme", json.dumps(pushed))
        self.assertNotEqual(pushed["TopicOwner"], SERVERS_OWN)
        wait_until(lambda: self.ask(acme, "GET", "/v1/queues/copy")["messages"]["visible"] == 1, 20, "it is copied")
        shown = self.ask(acme, "GET", "/v1/deliveries")["items"]
        self.assertIn("events/hook", [one["subscription"] for one in shown])
        self.assertNotIn("acme:", json.dumps(shown))

    def test_temporary_keys(self):
        acme = self.tenant("acme")
        self.ask(acme, "POST", "/v1/queues", {"name": "jobs"}, 201)
        made = self.ask(acme, "POST", "/v1/keys/token", {"role": "publisher", "life": 900}, 201)
        token = ":".join((made["key_id"], made["key_secret"], made["token"]))
        send = ("POST", "/v1/queues/jobs/messages", {"n": 1})
        self.ask(token, *send, status=201)
        self.ask(token, "GET", "/v1/queues", status=403)
        self.ask(token, "POST", "/v1/keys/token", {}, 403)
        self.ask(token[:-8] + "AAAAAAA=", *send, status=401)
        self.ask(":".join((made["key_id"], made["key_secret"])), *send, status=401)
        client = Cmq(self.server, made["key_id"], made["key_secret"])
        sent = client.answer("SendMessage", queueName="jobs", msgBody="x", Token=made["token"])
        self.assertEqual(sent["code"], 0, sent)
        refused = client.answer("SendMessage", queueName="jobs", msgBody="x")
        self.assertIn(refused["code"], UNAUTHENTICATED, refused)
        # It ends with its maker.
        self.ask(self.root, "DELETE", f"/v1/keys/{acme.split(':')[0]}", status=204)
        self.ask(token, *send, status=401)

    def test_a_deleted_account_is_gone_with_its_keys_for_ever(self):
        acme = self.tenant("acme")
        self.ask(acme, "POST", "/v1/queues", {"name": "jobs"}, 201)
        problem = self.ask(self.root, "DELETE", "/v1/accounts/acme", status=409)
        self.assertEqual(problem["code"], "account_not_empty")
        self.ask(acme, "DELETE", "/v1/queues/jobs", status=204)
        self.ask(self.root, "DELETE", "/v1/accounts/acme", status=204)
        self.ask(acme, "GET", "/v1/queues", status=401)
        self.ask(self.root, "DELETE", "/v1/accounts/acme", status=404)
        self.ask(self.root, "POST", "/v1/accounts", {"name": "acme"}, 201)
        self.ask(acme, "GET", "/v1/queues", status=401)
        self.server.terminate()
        self.server.start()
        self.assertEqual([one["name"] for one in self.ask(self.root, "GET", "/v1/accounts")["items"]], ["acme"])
        self.ask(self.make(role="admin", account="acme"), "GET", "/v1/queues")


if __name__ == "__main__":
    unittest.main()
