"""Every wrong thing a name server can say of an endpoint's name, with the address guard as it is in
service: what never reached its target is put off and counts as nothing, what is not public is never
connected to, and no neighbour feels it.
usage: hostile_names_test.py MILLISECONDS, what hostile names may cost a neighbour."""

import datetime
import sys
import time
import unittest

import own_network
from cmq import Cmq
from decoy import Decoy
from dns_stub import Answer, DnsStub, SERVER_FAILED
from neighbour import Neighbour
from receiver import Receiver
from server import Server, data_folder, wait_until

PUBLIC = "93.184.216.34"  # a public network, which is the test's own
PRIVATE = "10.0.0.1"
METADATA = "169.254.169.254"
NETWORKS = [("93.184.0.1", "255.255.0.0"), (PRIVATE, "255.255.255.255"),
            (METADATA, "255.255.255.255")]
DEFERRAL = 5.0  # seconds to the second try of what never reached its target
MARGIN = 3.0
PATIENCE = 40
PORT = 8080

GOOD = Answer(PUBLIC)
# No address: the delivery waits for one.
NAMELESS = {
    "nxdomain.test": None,
    "servfail.test": Answer(code=SERVER_FAILED),
    "silent.test": Answer(silent=True),
    "loop.test": Answer(alias="round.test"),
    "empty.test": Answer(),
}
# An address that is not for customers.
GUARDED = {
    "loopback.test": Answer("127.0.0.1"),
    "private.test": Answer(PRIVATE),
    "metadata.test": Answer(METADATA),
    "mixed.test": Answer(PUBLIC, PRIVATE),
    "mixed-versions.test": Answer(PUBLIC, "::1"),
    "mapped.test": Answer("::ffff:127.0.0.1"),
    "translated.test": Answer("64:ff9b::7f00:1"),
    "unspecified.test": Answer("0.0.0.0"),
}
SPELLED = ["0x7f.1", "2130706433", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost",
           "0", "[::]"]
CLOSED = "127.0.0.1"
THOUSAND = Answer(*(f"93.184.{at // 250}.{at % 250 + 1}" for at in range(1_000)))


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Endpoints(unittest.TestCase):
    """A server that guards addresses, a name server, receivers, and decoys at addresses of its own."""

    def setUp(self):
        self.decoys = [Decoy(self, address, PORT) for address in ("127.0.0.1", PRIVATE, METADATA)]
        self.server = Server(self, data_folder(self), dev=False).start()
        lines = (self.server.folder / "data" / "root.key").read_text().splitlines()
        key_id, secret = (line.split(" = ")[1] for line in lines)
        self.key = f"{key_id}:{secret}"
        self.cmq = Cmq(self.server, key_id, secret)
        self.receiver = Receiver(self, PORT, address=PUBLIC)
        self.anywhere = Receiver(self, address="0.0.0.0")
        self.said = dict(NAMELESS, **GUARDED)
        self.names = DnsStub(self, {name: self.teller(name) for name in self.said if self.said[name]})
        self.names.names["thousand.test"] = lambda number: THOUSAND
        self.names.names["good.test"] = lambda number: GOOD
        # Public to the guard's question, private to whoever should ask again before connecting.
        self.names.names["changing.test"] = (
            lambda number: GOOD if number == 0 else Answer("127.0.0.1"))
        self.hosts = {}
        self.cmq.call("CreateTopic", topicName="events")

    def teller(self, name):
        return lambda number: self.said[name]

    def native(self, method, path, body=None):
        return self.server.native(method, path, body, key=self.key)

    def subscribe(self, host, port=PORT, pause_ms=1_000):
        name = f"s{len(self.hosts)}"
        self.hosts[host] = name
        status, problem = self.native("POST", "/v1/topics/events/subscriptions", {
            "name": name, "http": {"url": f"http://{host}:{port}/hook"}, "timeout_ms": 10_000,
            "retry": {"name": "custom", "steps": [{"min_ms": pause_ms, "max_ms": pause_ms, "times": 1}]},
            "push": {"breaker": False},
        })
        self.assertEqual(status, 201, problem)

    def delivery(self, message, host):
        _, track = self.native("GET", f"/v1/messages/{message}/track")
        object_ = f"events/{self.hosts[host]}"
        return next(place for place in track["places"] if place["object"] == object_)

    def is_accepted(self, message, host):
        found = self.delivery(message, host)
        return [(one["attempt"], one["status"]) for one in found["attempts"]] == [(1, "ok")]

    def native_subscription(self, topic, name, _, url, *format_):
        status, problem = self.native("POST", f"/v1/topics/{topic}/subscriptions",
                                      {"name": name, "http": {"url": url}, "format": format_[1]})
        self.assertEqual(status, 201, problem)

    def check_put_off(self, message, host, sent_at):
        found = wait_until(lambda: self.delivery(message, host)["state"] == "waiting"
                           and self.delivery(message, host), PATIENCE, host)
        self.assertEqual((found["count"], found["attempts"]), (0, []), "it counts as nothing")
        due = seconds(found["due_at"]) - sent_at
        self.assertGreaterEqual(due, DEFERRAL - 0.1)


class HostileNamesTest(Endpoints):
    def test_names_without_a_public_address_are_put_off_and_nothing_is_connected_to(self):
        neighbour = Neighbour(self, self.cmq, self.native_subscription, PUBLIC)
        neighbour.begin()
        time.sleep(3)
        alone = neighbour.end()
        waiting = [*NAMELESS, *GUARDED, *SPELLED, CLOSED]
        for host in [*waiting[:-1], "changing.test", "good.test"]:
            self.subscribe(host)
        self.subscribe("thousand.test", self.anywhere.port)
        self.subscribe(CLOSED, 1)  # nobody listens there; at PORT somebody does
        neighbour.begin()
        sent_at = time.time()
        message = self.cmq.publish("events", "hello")
        for host in ("good.test", "changing.test", "thousand.test"):
            with self.subTest(host=host):
                wait_until(lambda: self.is_accepted(message, host), PATIENCE, host)
        self.assertEqual(self.names.asked["changing.test"], 1, "nobody asked twice")
        for host in waiting:
            with self.subTest(host=host):
                self.check_put_off(message, host, sent_at)
        # The names come back: the delivery is its first attempt.
        for host in NAMELESS:
            self.names.names[host] = lambda number: GOOD
        for host in NAMELESS:
            with self.subTest(cured=host):
                wait_until(lambda: self.is_accepted(message, host), PATIENCE, host)
        late = neighbour.end()
        print(f"the neighbour's p99 {late * 1000:.0f} ms, alone {alone * 1000:.0f} ms", flush=True)
        self.assertLess(late, alone + NEIGHBOUR_MAY_WAIT)
        # Nothing tells a port that is open from one that is not.
        told = {host: self.delivery(message, host) for host in [*GUARDED, *SPELLED, CLOSED]}
        for place in told.values():
            del place["object"], place["due_at"]
        for host, place in told.items():
            self.assertEqual(place, told[CLOSED], host)
            self.assertEqual(place["attempts"], [], host)
        self.assertEqual([one.visitors for one in self.decoys], [[], [], []])
        self.assertEqual(len(self.receiver.bodies), 2 + len(NAMELESS))
        self.assertEqual(len(self.anywhere.bodies), 1)


if __name__ == "__main__":
    own_network.enter(NETWORKS)
    NEIGHBOUR_MAY_WAIT = int(sys.argv.pop(1)) / 1000
    unittest.main(verbosity=2, warnings="ignore")
