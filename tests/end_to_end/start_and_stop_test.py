"""Starting and stopping: what is printed, what it costs, and that stopping loses nothing."""

import json
import re
import signal
import stat
import threading
import time
import unittest
import urllib.error
import urllib.request

from cmq import Cmq, Refused, Unreachable
from server import Server, data_folder, wait_until


def http_status(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as problem:
        return problem.code


class StartTest(unittest.TestCase):
    def test_an_empty_folder_is_ready_within_a_second_and_idle_under_80_mib(self):
        server = Server(self, data_folder(self)).start()
        print(f"ready in {server.ready_after:.2f} s", flush=True)
        self.assertLess(server.ready_after, 1.0)
        time.sleep(1)
        idle = server.resident_bytes()
        print(f"idle: {idle >> 20} MiB", flush=True)
        self.assertLess(idle, 80 << 20)
        self.assertEqual(http_status(server, "/healthz"), 200)
        self.assertEqual(http_status(server, "/readyz"), 200)

    def test_the_first_start_without_dev_makes_one_root_key_for_its_owner_only(self):
        server = Server(self, data_folder(self), dev=False).start()
        file = server.folder / "data" / "root.key"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        text = file.read_text()
        match = re.fullmatch(r"key_id = (AKID\w+)\nkey_secret = (\S+)\n", text)
        self.assertTrue(match, "two lines: key_id and key_secret")
        wait_until(lambda: match[1] in server.log(), 5, "the key's id on stderr")
        self.assertNotIn(match[2], server.log())
        Cmq(server, match[1], match[2]).call("CreateQueue", queueName="orders")
        with self.assertRaises(Refused) as refused:
            Cmq(server).call("ListQueue")
        self.assertEqual(refused.exception.code, 4100)
        server.terminate()
        server.start()
        self.assertEqual(file.read_text(), text)
        Cmq(server, match[1], match[2]).call("GetQueueAttributes", queueName="orders")
        time.sleep(0.2)
        self.assertNotIn(match[1], server.log())

    def test_the_key_for_secrets_is_made_once_and_a_damaged_one_stops_the_start(self):
        server = Server(self, data_folder(self)).start()
        file = server.folder / "data" / "secrets.key"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        text = file.read_text()
        server.terminate()
        server.start()
        self.assertEqual(file.read_text(), text)
        server.terminate()
        file.write_text(text[1:])
        code, errors = server.start_refused()
        self.assertEqual(code, 1)
        self.assertIn("secrets.key is no key for secrets: 32 bytes in base64", errors)

    def test_dev_mode_says_so(self):
        server = Server(self, data_folder(self)).start()
        wait_until(lambda: "--dev" in server.log(), 5, "a banner on stderr")
        self.assertFalse((server.folder / "data" / "root.key").exists())

    def test_a_wrong_configuration_stops_the_start_with_its_place(self):
        server = Server(self, data_folder(self), config="[log]\nsegmentsize = 5\n")
        code, errors = server.start_refused()
        self.assertEqual(code, 1)
        self.assertIn("penstock.toml:2: unknown key log.segmentsize", errors)
        self.assertIn("log.segment_size", errors)

    def test_an_address_in_use_stops_the_start(self):
        first = Server(self, data_folder(self)).start()
        second = Server(self, data_folder(self))
        second.port = first.port
        code, errors = second.start_refused()
        self.assertEqual(code, 1)
        self.assertIn(f"127.0.0.1:{first.port}", errors)

    def test_a_data_folder_in_use_stops_the_start(self):
        first = Server(self, data_folder(self)).start()
        code, errors = Server(self, first.folder).start_refused()
        self.assertEqual(code, 1)
        self.assertIn(str(first.folder / "data"), errors)
        self.assertEqual(http_status(first, "/readyz"), 200)


class StopTest(unittest.TestCase):
    def test_sigterm_under_load_ends_with_0_in_time_and_loses_nothing(self):
        server = Server(self, data_folder(self)).start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="load")
        acknowledged = []
        stopping = threading.Event()

        def produce(name):
            number = 0
            while not stopping.is_set():
                bodies = [f"{name} {number + at}" for at in range(4)]
                number += 4
                try:
                    cmq.send("load", bodies)
                except (Unreachable, Refused):
                    return
                acknowledged.extend(bodies)

        threads = [threading.Thread(target=produce, args=(name,)) for name in range(6)]
        threads += [threading.Thread(target=self.poll, args=(cmq,)) for _ in range(20)]
        cmq.call("CreateQueue", queueName="quiet")
        for thread in threads:
            thread.start()
        time.sleep(2)
        code, took = server.terminate()
        stopping.set()
        for thread in threads:
            thread.join(40)
        self.assertEqual(code, 0, server.log())
        self.assertLess(took, 10)
        self.assertGreater(len(acknowledged), 100)
        server.start()
        found = set()
        while messages := cmq.receive("load", 16):
            found.update(message["msgBody"] for message in messages)
            cmq.delete("load", [message["receiptHandle"] for message in messages])
        self.assertEqual(set(acknowledged) - found, set())

    @staticmethod
    def poll(cmq):
        try:
            cmq.receive("quiet", 1, 30)
        except (Unreachable, Refused):
            pass

    def test_sigint_stops_as_well_and_a_second_signal_stops_at_once(self):
        server = Server(self, data_folder(self)).start()
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.process.wait(timeout=10), 0)
        server.start()
        cmq = Cmq(server)
        cmq.call("CreateQueue", queueName="quiet")
        poll = threading.Thread(target=self.poll, args=(cmq,))
        poll.start()
        time.sleep(0.3)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(timeout=5)
        self.assertLess(time.monotonic() - began, 3)
        poll.join(40)


class LogTest(unittest.TestCase):
    def test_a_log_in_json_tells_of_each_administrative_act(self):
        server = Server(self, data_folder(self), config='log_format = "json"\n').start()
        server.cli("queue", "create", "jobs")
        server.cli("queue", "send", "jobs", "one")
        server.cli("queue", "create", "jobs", "--visibility", "5s", check=False)
        server.cli("queue", "delete", "jobs", "--yes")
        wait_until(lambda: "DeleteQueue" in server.log(), 5, "the last act in the log")
        lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
        acts = [
            (one["key"], one["action"], one["object"], one["outcome"])
            for one in lines
            if one.get("event") == "audit"
        ]
        key = "AKIDpenstockdev"
        self.assertEqual(
            acts,
            [
                (key, "CreateQueue", "jobs", "done"),
                (key, "CreateQueue", "jobs", "refused"),
                (key, "DeleteQueue", "jobs", "done"),
            ],
        )
        self.assertTrue(all({"time", "level", "room"} <= one.keys() for one in lines), lines)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
