"""A copy of a running server, and a server out of the copy: `backup_test.py MESSAGES`.

Referee: what was acknowledged before the backup began is in it, with body and id; nothing is in it
that nobody sent; what is damaged is refused with its name.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

from cluster import DATA_SETS, Cluster
from cmq import Cmq, Refused, Unreachable
from server import BINARY, Server, data_folder, die_with_parent, wait_until

MESSAGES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 6_000
QUEUES = [f"load{at}" for at in range(4)]
BATCH = 16
NOT_EMPTY = 4


def penstock(server, *words, stdin=None, check=True):
    """Runs a command; its result, text unless a stream goes in or out."""
    environment = dict(os.environ)
    if server is not None:
        environment["PENSTOCK_SERVER"] = f"http://127.0.0.1:{server.port}"
    done = subprocess.run(
        [BINARY, *map(str, words)], capture_output=True, timeout=120, env=environment, input=stdin
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: exit {done.returncode}: {done.stderr.decode()}")
    return done


def told(done):
    return json.loads(done.stdout)


class Load:
    """Sends until it is stopped; what was acknowledged so far, by id."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.lock = threading.Lock()
        self.acknowledged = {}
        self.sent = set()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.produce, args=(at,)) for at in range(2)]
        for thread in self.threads:
            thread.start()

    def produce(self, at):
        client = Cmq(self.nodes[at % len(self.nodes)])
        turn = 0
        while not self.stopping.is_set():
            bodies = [f"{at}.{turn}.{place} " + "x" * 500 for place in range(BATCH)]
            turn += 1
            with self.lock:
                self.sent.update(bodies)
            try:
                ids = client.send(QUEUES[turn % len(QUEUES)], bodies)
            except (Unreachable, Refused):
                continue
            with self.lock:
                self.acknowledged.update(zip(ids, bodies))

    def known(self):
        with self.lock:
            return dict(self.acknowledged)

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def drained(node):
    """The bodies of all messages of all queues, by id."""
    found = {}
    client = Cmq(node)
    for queue in QUEUES:
        while True:
            got = client.receive(queue, 16, 0)
            if not got:
                break
            found.update((message["msgId"], message["msgBody"]) for message in got)
            client.delete(queue, [message["receiptHandle"] for message in got])
    return found


def files_of(backup, prefix):
    return sorted(pathlib.Path(backup).glob(f"set-*/{prefix}*"))


def flip(file):
    bytes_of = bytearray(file.read_bytes())
    bytes_of[len(bytes_of) // 2] ^= 1
    file.write_bytes(bytes_of)


class BackupTest(unittest.TestCase):
    def loaded(self, folder):
        server = Server(self, folder).start()
        for queue in QUEUES:
            server.cli("queue", "create", queue)
        load = Load([server])
        self.addCleanup(load.end)
        wait_until(lambda: len(load.known()) >= MESSAGES // 2, 60, "half of the load")
        return server, load

    def holds(self, server, before, load):
        """What was acknowledged before, and nothing that nobody sent."""
        found = drained(server)
        missing = [id for id, body in before.items() if found.get(id) != body]
        self.assertEqual(missing, [])
        self.assertEqual(set(found.values()) - load.sent, set())

    def restored(self, backup, name, folder):
        data = folder / name / "data"
        done = penstock(None, "restore", backup, "--data", data, "-o", "json")
        return Server(self, folder / name), told(done)

    def test_a_backup_under_load_holds_what_was_acknowledged(self):
        folder = data_folder(self)
        server, load = self.loaded(folder / "first")
        before = load.known()
        first = told(penstock(server, "backup", folder / "copy", "-o", "json"))
        self.assertEqual((first["kept"], first["unreadable_messages"]), (0, 0))
        wait_until(lambda: len(load.known()) >= MESSAGES, 60, "the rest of the load")
        between = load.known()
        second = told(penstock(server, "backup", folder / "copy", "-o", "json"))
        print(f"first {first}, second {second}", flush=True)
        self.assertGreater(second["kept"], 0)
        # Behind it nothing comes into the copy.
        load.end()
        server.kill()

        restored, answer = self.restored(folder / "copy", "second", folder)
        self.assertEqual([one["set"] for one in answer["sets"]], [0, 1])
        restored.start()
        self.holds(restored, between, load)
        self.assertGreater(len(between), len(before))
        restored.cli("queue", "send", "load0", "goes on")
        self.assertIn("goes on", restored.cli("queue", "receive", "load0"))

    def test_a_backup_that_is_killed_leaves_the_one_before(self):
        folder = data_folder(self)
        server, load = self.loaded(folder / "first")
        before = load.known()
        penstock(server, "backup", folder / "copy")
        environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{server.port}")
        for after in (0.01, 0.05, 0.1, 0.2):
            making = subprocess.Popen(
                [BINARY, "backup", str(folder / "copy")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                preexec_fn=die_with_parent,
            )
            time.sleep(after)
            making.send_signal(signal.SIGKILL)
            making.wait()
            penstock(None, "restore", folder / "copy", "--check")
        # What the killed ones had begun on the server does not stand in the way for long.
        wait_until(
            lambda: penstock(server, "backup", folder / "copy", check=False).returncode == 0,
            30,
            "a further backup",
        )
        load.end()
        restored, _ = self.restored(folder / "copy", "second", folder)
        restored.start()
        self.holds(restored, before, load)

    def test_what_is_damaged_or_in_the_way_is_refused(self):
        folder = data_folder(self)
        server, load = self.loaded(folder / "first")
        load.end()
        wait_until(lambda: load.known(), 10, "something sent")
        stream = penstock(server, "backup", "-").stdout
        penstock(server, "backup", folder / "copy")
        restored, _ = self.restored(folder / "copy", "second", folder)
        again = penstock(
            None, "restore", folder / "copy", "--data", folder / "second/data", check=False
        )
        self.assertEqual(again.returncode, NOT_EMPTY)
        self.assertIn("is not empty", again.stderr.decode())
        restored.start()
        running = penstock(
            None, "restore", folder / "copy", "--data", folder / "second/data", check=False
        )
        self.assertEqual(running.returncode, NOT_EMPTY)
        restored.kill()

        for prefix in ("rows", "bodies"):
            file = files_of(folder / "copy", prefix)[-1]
            whole = file.read_bytes()
            flip(file)
            data = folder / prefix / "data"
            for words in (["--check"], ["--data", data]):
                refused = penstock(None, "restore", folder / "copy", *words, check=False)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(str(file), refused.stderr.decode())
            code, why = Server(self, folder / prefix).start_refused()
            self.assertEqual(code, 1)
            self.assertIn("run `penstock restore` again", why)
            file.write_bytes(whole)
            penstock(None, "restore", folder / "copy", "--data", data)
            Server(self, folder / prefix).start().kill()
        other = folder / "first" / "data"
        taken = penstock(server, "backup", other, check=False)
        self.assertEqual(taken.returncode, NOT_EMPTY)

        piped = penstock(None, "restore", "-", "--data", folder / "third/data", stdin=stream)
        self.assertIn("is as the server was at", piped.stdout.decode())
        third = Server(self, folder / "third").start()
        self.holds(third, load.known(), load)
        half = stream[: len(stream) // 2]
        cut = penstock(None, "restore", "-", "--data", folder / "x", stdin=half, check=False)
        self.assertEqual(cut.returncode, 1)
        self.assertIn("ends in the middle", cut.stderr.decode())
        penstock(None, "restore", "-", "--check", stdin=stream)
        self.assertEqual(penstock(None, "restore", folder / "copy", check=False).returncode, 2)
        none = penstock(None, "restore", folder / "none", "--check", check=False)
        self.assertEqual(none.returncode, 1)


class ClusterBackupTest(unittest.TestCase):
    def test_a_cluster_is_restored_as_another_cluster(self):
        folder = data_folder(self)
        first = Cluster(self, folder / "first", name="first").start().found()
        for queue in QUEUES:
            first.nodes[0].cli("queue", "create", queue)
        load = Load(first.nodes)
        self.addCleanup(load.end)
        wait_until(lambda: len(load.known()) >= MESSAGES // 2, 60, "a load")
        before = load.known()
        # A leader that goes meanwhile only makes it begin again.
        shift = threading.Thread(target=first.nodes[2].terminate)
        shift.start()
        made = told(penstock(first.nodes[1], "backup", folder / "copy", "-o", "json"))
        shift.join()
        self.assertEqual(made["sets"], DATA_SETS + 1)
        load.end()
        for node in first.nodes:
            node.kill()

        second = Cluster(self, folder / "second", name="second", founders=1)
        data = second.nodes[0].folder / "data"
        penstock(None, "restore", folder / "copy", "--data", data)
        second.start()
        first_node = second.nodes[0]

        def founded():
            return first_node.native("POST", "/v1/cluster/init")[0] == 200

        wait_until(founded, 20, "the restored node founds a cluster")
        led = DATA_SETS + 1
        wait_until(
            lambda: sum(one["leader"] == 1 for one in first_node.sets()) == led, 60, "it leads all"
        )
        for node in second.nodes[1:]:
            second.add(node)

        def everywhere():
            sets = second.nodes[2].sets()
            return len(sets) == DATA_SETS + 1 and all(len(one["replicas"]) == 3 for one in sets)

        wait_until(everywhere, 120, "three replicas of every set")
        second.settled()
        self.assertNotEqual(first.name, second.view()["name"])
        found = drained(second.nodes[2])
        self.assertEqual([id for id, body in before.items() if found.get(id) != body], [])
        self.assertEqual(set(found.values()) - load.sent, set())


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
