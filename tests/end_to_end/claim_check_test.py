"""`--attach`: a file is stored first, in a folder or at an S3-compatible URL, and the message says where.

The store here checks each signature by its own reckoning of AWS Signature Version 4."""

import hashlib
import hmac
import http.server
import json
import os
import subprocess
import threading
import unittest
import urllib.parse
import urllib.request

from server import BINARY, Server, data_folder, wait_until

KEY, SECRET = "AKIAEXAMPLE", "s3-secret"
OK, FAILURE, USAGE = 0, 1, 2


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def expected_signature(request, body):
    """Of a PUT, by the documents of the store."""
    claim = dict(
        part.strip().split("=", 1)
        for part in request.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(",")
    )
    _, date, region, service, end = claim["Credential"].split("/")
    names = claim["SignedHeaders"].split(";")
    head = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    canonical = "\n".join(
        ["PUT", request.path, "", head, ";".join(names), hashlib.sha256(body).hexdigest()]
    )
    scope = f"{date}/{region}/{service}/{end}"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            request.headers["x-amz-date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = ("AWS4" + SECRET).encode()
    for part in (date, region, service, end):
        key = mac(key, part)
    return claim, mac(key, text).hex()


class Store(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 200
        if self.server.signed:
            claim, signature = expected_signature(self, body)
            region = claim["Credential"].split("/")[2]
            good = claim["Signature"] == signature and region == "eu-central-1"
            good &= self.headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
            status = 200 if good else 403
        if status == 200:
            self.server.objects[self.path] = body
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class ClaimCheckTest(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.server = Server(self, self.folder / "data")
        self.server.folder.mkdir()
        self.server.start()
        self.environment = dict(
            os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.server.port}", HOME=str(self.folder)
        )
        for name in [name for name in self.environment if name.startswith("AWS_")]:
            del self.environment[name]
        self.cli("queue", "create", "jobs")
        self.file = self.folder / "a report (1).bin"
        self.file.write_bytes(os.urandom(3_000_000))
        self.digest = hashlib.sha256(self.file.read_bytes()).hexdigest()

    def cli(self, *words, code=OK):
        done = subprocess.run(
            [BINARY, *map(str, words)], capture_output=True, timeout=60, env=self.environment
        )
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def received(self):
        out, _ = self.cli("queue", "receive", "jobs", "--ack", "-o", "json")
        message = json.loads(out)
        message = message[0] if isinstance(message, list) else message
        message = message.get("messages", [message])[0] if isinstance(message, dict) else message
        return json.loads(message["body"])["claim_check"]

    def waiting(self):
        out, _ = self.cli("queue", "info", "jobs", "-o", "json")
        return json.loads(out)["messages"]["visible"]

    def store(self, signed):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
        server.signed, server.objects = signed, {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f"http://127.0.0.1:{server.server_port}/bucket/in"

    def test_a_folder(self):
        place = self.folder / "shared"
        place.mkdir()
        for _ in range(2):
            self.cli("queue", "send", "jobs", "--attach", self.file, "--store", place)
            claim = self.received()
            self.assertEqual(claim["sha256"], self.digest)
            self.assertEqual(claim["bytes"], 3_000_000)
            self.assertEqual(claim["name"], self.file.name)
            with urllib.request.urlopen(claim["url"]) as stored:
                self.assertEqual(stored.read(), self.file.read_bytes())
        self.assertEqual(len(list(place.iterdir())), 1, "the same file is stored once")

    def test_an_s3_bucket(self):
        store, url = self.store(signed=True)
        self.environment.update(
            AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION="eu-central-1"
        )
        self.cli("queue", "send", "jobs", "--attach", self.file, "--store", url)
        claim = self.received()
        self.assertEqual(claim["sha256"], self.digest)
        path = urllib.parse.urlsplit(claim["url"]).path
        self.assertEqual(store.objects[path], self.file.read_bytes())

        self.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
        _, told = self.cli(
            "queue", "send", "jobs", "--attach", self.file, "--store", url, code=FAILURE
        )
        self.assertIn("403", told)
        self.assertIn("No message was sent", told)
        del self.environment["AWS_SECRET_ACCESS_KEY"]
        self.cli("queue", "send", "jobs", "--attach", self.file, "--store", url, code=USAGE)

    def test_a_topic_and_a_store_without_keys(self):
        store, url = self.store(signed=False)
        self.cli("topic", "create", "files")
        self.cli("sub", "add", "files", "jobs", "--queue", "jobs")
        self.cli("topic", "publish", "files", "--attach", self.file, "--store", url)
        wait_until(self.waiting, 10, "the message in the subscriber's queue")
        self.assertEqual(len(store.objects), 1)
        self.assertEqual(self.received()["sha256"], self.digest)

    def test_bad_input_sends_nothing(self):
        place = self.folder / "shared"
        cases = [
            ["--attach", self.file],
            ["--attach", self.file, "--store", place],
            ["--attach", self.folder / "nothing", "--store", self.folder],
            ["--attach", self.folder, "--store", self.folder],
            ["body", "--attach", self.file, "--store", self.folder],
            ["--attach", self.folder / "nothing", "--store", "http://127.0.0.1:1/bucket"],
            ["--store", self.folder],
            [],
        ]
        for words in cases:
            _, told = self.cli("queue", "send", "jobs", *words, code=USAGE)
            self.assertTrue(told.startswith("penstock"), told)
        url = "http://127.0.0.1:1/bucket"
        self.cli("queue", "send", "jobs", "--attach", self.file, "--store", url, code=FAILURE)
        self.assertEqual(self.waiting(), 0)
        self.assertEqual([one.name for one in self.folder.glob(".attach*")], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
