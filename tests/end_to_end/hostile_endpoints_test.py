"""Every wrong thing an HTTP endpoint can do to a push: what it counts as, when it is tried again,
that it ends in the dead-letter queue, leaves nothing open, and that no neighbour feels it.
usage: hostile_endpoints_test.py ROUNDS MILLISECONDS, what hostile endpoints may cost a neighbour."""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

import hostile_peers
import own_network
import tls_peers
from cmq import Cmq
from decoy import Decoy
from neighbour import Neighbour
from server import Server, data_folder, die_with_parent, wait_until

ATTEMPTS = 3  # one and two retries
METADATA = "169.254.169.254"
PATIENCE = 60
MARGIN = 3.0  # seconds that a loaded machine may be late


class Peers:
    """The endpoints, in a process of their own."""

    def __init__(self, test, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "hostile_peers.py", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=die_with_parent,
        )
        test.addCleanup(self.end)
        self.ports = json.loads(self.process.stdout.readline())

    def connections(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.communicate()


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def target_of(descriptor):
    try:
        return os.readlink(descriptor)
    except FileNotFoundError:  # closed meanwhile
        return "/"


def text_of(file):
    try:
        return file.read_text().strip()
    except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
        return ""


class HostileEndpointsTest(unittest.TestCase):
    def setUp(self):
        folder = data_folder(self)
        tls_peers.make(folder)
        self.peers = Peers(self, folder)
        config = f'[cmq]\nname_reuse = "0ms"\n[push]\nca_file = "{folder / "ca.pem"}"\n'
        self.server = Server(self, folder, config).start()
        self.cmq = Cmq(self.server)
        self.metadata = Decoy(self, METADATA, 80)
        self.neighbour = Neighbour(self, self.cmq, lambda *words: self.server.cli("sub", "add", *words))
        self.waiting = []  # messages that are still to be tried

    def url(self, peer):
        port = self.peers.ports[peer.name]
        secure = peer in hostile_peers.TLS
        return f"https://localhost:{port}/hook" if secure else f"http://127.0.0.1:{port}/hook"

    def subscribe(self, topic, table):
        self.cmq.call("CreateTopic", topicName=topic)
        for peer in table:
            step = {"min_ms": 1000, "max_ms": 1000, "times": ATTEMPTS - 1}
            seconds_allowed = int(peer.timeout.rstrip("s"))
            status, problem = self.server.native("POST", f"/v1/topics/{topic}/subscriptions", {
                "name": peer.name, "http": {"url": self.url(peer)},
                "timeout_ms": seconds_allowed * 1000,
                "retry": {"name": "custom", "keeps_order": False, "steps": [step]},
                # Each peer is met for its own sake: nothing is made of how the one before went.
                "push": {"breaker": False, "heed_answers": False},
            })
            self.assertEqual(status, 201, problem)

    def delivery(self, message, topic, peer):
        """What the track of a message says of one subscription."""
        _, track = self.server.native("GET", f"/v1/messages/{message}/track")
        name = f"{topic}/{peer.name}"
        return next(place for place in track["places"] if place["object"] == name)

    def over(self, message, topic, peer):
        found = self.delivery(message, topic, peer)
        if peer.waits_for is not None:
            return len(found["attempts"]) == 1 and found["state"] == "waiting" and found
        return found["state"] == "settled" and found

    def letters(self, topic, peer):
        _, answer = self.server.native("GET", f"/v1/dead-letters/{topic}%2F{peer.name}")
        return answer["items"]

    def check(self, message, topic, peer):
        found = wait_until(lambda: self.over(message, topic, peer), PATIENCE, peer.name)
        attempts = found["attempts"]
        if peer.reason is None:
            self.assertEqual([one["status"] for one in attempts], ["ok"], attempts)
            self.assertEqual(attempts[0]["http_status"], peer.status)
            return self.assertEqual(self.letters(topic, peer), [])
        if peer.waits_for is not None:
            due = seconds(found["due_at"]) - seconds(attempts[0]["at"])
            self.assertGreaterEqual(due, peer.waits_for)
            return self.assertLess(due, peer.waits_for + MARGIN)
        self.assertEqual([one["attempt"] for one in attempts], list(range(1, ATTEMPTS + 1)))
        for one in attempts:
            told = (one["status"], one["reason"], one.get("http_status"))
            self.assertEqual(told, ("failed", peer.reason, peer.status))
            self.assertLessEqual(len(one.get("excerpt", "").encode()), 256)
        for former, latter in zip(attempts, attempts[1:]):
            pause = seconds(latter["at"]) - seconds(former["at"])
            allowed = peer.pause * 1.1 + former["latency_us"] / 1e6 + MARGIN
            self.assertGreaterEqual(pause, peer.pause - 0.002)
            self.assertLess(pause, allowed)
        letter = [one for one in self.letters(topic, peer) if one["id"] == message]
        self.assertEqual(len(letter), 1, "one dead letter")
        self.assertEqual((letter[0]["reason"], letter[0]["attempts"]), (peer.reason, ATTEMPTS))
        self.assertEqual(letter[0].get("last_status"), peer.status)

    def round(self):
        tables = {"http": hostile_peers.HTTP, "tls": hostile_peers.TLS}
        for topic, table in tables.items():
            self.subscribe(topic, table)
        before = self.peers.connections()
        self.neighbour.begin()
        sent = {topic: self.cmq.publish(topic, "hello") for topic in tables}
        for topic, table in tables.items():
            for peer in table:
                with self.subTest(peer=peer.name):
                    self.check(sent[topic], topic, peer)
        late = self.neighbour.end()
        after = self.peers.connections()
        for topic, table in tables.items():
            for peer in table:
                if peer.name not in after or peer.waits_for is not None:
                    continue
                most = 1 if peer.reason is None else ATTEMPTS
                with self.subTest(connections=peer.name):
                    self.assertLessEqual(after[peer.name] - before[peer.name], most)
        for topic, table in tables.items():
            for peer in table:
                self.server.native("DELETE", f"/v1/subscriptions/{topic}/{peer.name}")
            self.server.native("DELETE", f"/v1/topics/{topic}")
        return late

    def held(self):
        """Descriptors and threads of the server, but for those of its storage: a flush adds files."""
        process = pathlib.Path(f"/proc/{self.server.process.pid}")
        files = [target_of(one) for one in (process / "fd").iterdir()]
        threads = [text_of(one / "comm") for one in (process / "task").iterdir()]
        return (sum(not target.startswith("/") for target in files),
                sum(name not in ("", "penstock-rows") for name in threads))

    def test_each_has_its_outcome_and_leaves_nothing_and_no_neighbour_feels_it(self):
        self.neighbour.begin()
        time.sleep(3)
        alone = self.neighbour.end()
        idle = self.held()
        memory = []
        for at in range(ROUNDS):
            late = self.round()
            wait_until(lambda: self.held()[0] <= idle[0], PATIENCE, "connections are closed")
            self.assertLessEqual(self.held()[1], idle[1])
            memory.append(self.server.resident_bytes())
            print(f"round {at + 1}: the neighbour's p99 {late * 1000:.0f} ms, alone"
                  f" {alone * 1000:.0f} ms; {memory[-1] >> 20} MiB, {self.held()}", flush=True)
            self.assertLess(late, alone + NEIGHBOUR_MAY_WAIT)
        # The first round fills caches and pools; then one hundredth, and what an allocator rounds to.
        self.assertLessEqual(memory[-1], memory[0] * 1.01 + (4 << 20), memory)
        self.assertEqual(self.metadata.visitors, [])


if __name__ == "__main__":
    own_network.enter([(METADATA, "255.255.255.255")])
    ROUNDS, NEIGHBOUR_MAY_WAIT = int(sys.argv.pop(1)), int(sys.argv.pop(1)) / 1000
    unittest.main(verbosity=2, warnings="ignore")
