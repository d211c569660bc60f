"""What a refusal's time tells of a key: nothing. Over every way in, keys that nobody knows, that are known
and come with another secret, and that have ended are tried in turn by chance, and the medians compared.

    refusal_times_test.py TRIES PERCENT     of each kind over each way, and by how much medians may differ
"""

import base64
import hashlib
import hmac
import random
import socket
import statistics
import sys
import time
import unittest
import urllib.parse

import cmq_tcp as tcp
from server import Server, data_folder, wait_until

TRIES = 2000
PERCENT = 10
BLOCK = 200  # tries of a kind between two looks whether it is settled
BLOCKS_MAX = 5  # a busy machine: so many times the tries
SECRET = "x" * 64  # as long as the secrets that are made here
HOST = "127.0.0.1"
BODY = b'{"body":"' + b"b" * 500 + b'"}'


class Line:
    """One connection; an exchange is timed from the first byte out to the last byte in. `once`: who was
    refused is closed."""

    def __init__(self, port, once):
        self.port, self.once = port, once
        self.connect()

    def connect(self):
        self.socket = socket.create_connection((HOST, self.port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def seconds(self, request, whole):
        if self.once:
            self.close()
            self.connect()
        began = time.perf_counter()
        self.socket.sendall(request)
        answer = self.socket.recv(65536)
        while not whole(answer):
            more = self.socket.recv(65536)
            assert more, answer
            answer += more
        return time.perf_counter() - began, answer

    def close(self):
        self.socket.close()


def http_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return len(body) >= length


def tcp_whole(answer):
    return len(answer) >= 6 and len(answer) >= int.from_bytes(answer[2:6], "little")


def http(method, target, port, body=b"", **head):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return "\r\n".join(lines + ["", ""]).encode() + body


def mac(secret, text, digest=hashlib.sha256):
    return hmac.new(secret if isinstance(secret, bytes) else secret.encode(), text.encode(), digest).digest()


def bearer(port, key_id):
    head = f"Bearer {key_id}:{SECRET}"
    return http("POST", "/v1/queues/jobs/messages", port, BODY, Authorization=head)


def signed(port, key_id):
    now = str(int(time.time()))
    target = "/v1/queues/jobs/messages"
    text = f"POST\n{target}\n{now}\n{BODY.decode()}"
    signature = base64.b64encode(mac(SECRET, text)).decode()
    head = f"CMQ-HMAC-SHA256 KeyId={key_id}, Timestamp={now}, Signature={signature}"
    return http("POST", target, port, BODY, Authorization=head)


def cmq(port, key_id, path="/v2/index.php"):
    fields = {
        "Action": "SendMessage",
        "queueName": "jobs",
        "msgBody": "b" * 500,
        "SecretId": key_id,
        "Timestamp": str(int(time.time())),
        "Nonce": str(random.randrange(10**8, 10**9)),
        "SignatureMethod": "HmacSHA256",
    }
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    text = f"POST{HOST}:{port}{path}?{text}"
    fields["Signature"] = base64.b64encode(mac(SECRET, text)).decode()
    return http("POST", path, port, urllib.parse.urlencode(fields).encode())


def cmq_elsewhere(port, key_id):
    """At `/`, where two spellings of the path are tried."""
    return cmq(port, key_id, "/")


def cloud(port, key_id):
    now = int(time.time())
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    request = "\n".join(
        ["POST", "/", "", "content-type:application/json", f"host:{HOST}:{port}", "",
         "content-type;host", hashlib.sha256(BODY).hexdigest()]
    )  # fmt: skip
    scope = f"{day}/tdmq/tc3_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = mac(mac(mac("TC3" + SECRET, day), "tdmq"), "tc3_request")
    signature = mac(key, f"TC3-HMAC-SHA256\n{now}\n{scope}\n{digest}").hex()
    authorization = (
        f"TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders=content-type;host, "
        f"Signature={signature}"
    )
    return http(
        "POST", "/", port, BODY, Authorization=authorization, Content_Type="application/json",
        X_TC_Action="SendCmqMsg", X_TC_Version="2020-02-17", X_TC_Timestamp=now,
    )  # fmt: skip


def greeting(_port, key_id):
    client_id = "127.0.0.1@test"
    signature = base64.b64encode(mac(SECRET, client_id + key_id, hashlib.sha1))
    fields = tcp.message([(1, key_id), (2, signature), (3, client_id), (4, "HmacSHA1")])
    return tcp.frame(tcp.message([(1, 1), (2, tcp.AUTH), (tcp.FIELD[tcp.AUTH], fields)]))


class RefusalTimes(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        self.server = Server(self, self.folder, dev=False).start()
        self.tcp_port = int(self.server.process.stdout.readline().split(":")[1])
        lines = (self.folder / "data" / "root.key").read_text().splitlines()
        self.root = ":".join(line.split(" = ")[1] for line in lines)

    def make(self, **wanted):
        status, shown = self.server.native("POST", "/v1/keys", wanted, key=self.root)
        self.assertEqual(status, 201, shown)
        self.assertEqual(len(shown["key_secret"]), len(SECRET))
        return shown["key_id"], shown["key_secret"]

    def keys(self):
        """Several of each kind, so that no place in a table decides."""
        known = [self.make(role="publisher")[0] for _ in range(8)]
        ended = [self.make(role="publisher", life=1) for _ in range(8)]
        unknown = ["AKID" + "".join(random.sample(one[4:], len(one) - 4)) for one in known]

        def over():
            key = ":".join(ended[-1])
            return self.server.native("GET", "/v1/queues", key=key)[0] == 401

        wait_until(over, 5, "the life of the last is over")
        return {"unknown": unknown, "wrong secret": known, "ended": [one for one, _ in ended]}

    def compare(self, name, make, port, whole, refused, once=False):
        kinds = self.keys()
        line = Line(port, once)
        self.addCleanup(lambda: line.close())
        times = {kind: [] for kind in kinds}
        for kind, ids in kinds.items():  # warm
            for key_id in ids:
                _, answer = line.seconds(make(port, key_id), whole)
                self.assertIn(refused, answer, (name, kind))
        for _ in range(BLOCKS_MAX):
            for _ in range(TRIES // BLOCK):
                tries = [(kind, random.choice(ids)) for kind, ids in kinds.items() for _ in range(BLOCK)]
                random.shuffle(tries)
                for kind, key_id in tries:
                    took, answer = line.seconds(make(port, key_id), whole)
                    self.assertIn(refused, answer, (name, kind))
                    times[kind].append(took)
            medians = {kind: statistics.median(all_of) * 1e6 for kind, all_of in times.items()}
            apart = max(medians.values()) / min(medians.values()) - 1
            if apart * 100 <= PERCENT:
                break
        told = ", ".join(f"{kind} {median:.1f} us" for kind, median in medians.items())
        print(f"{name}: {told}: {apart:.1%} apart, {len(times['ended'])} tries", flush=True)
        self.assertLessEqual(apart * 100, PERCENT, f"{name}: {told}")

    def over_http(self, make, refused):
        self.compare(make.__name__, make, self.server.port, http_whole, refused)

    def test_bearer(self):
        self.over_http(bearer, b"401 ")

    def test_signature_of_v1(self):
        self.over_http(signed, b"401 ")

    def test_cmq(self):
        self.over_http(cmq, b'"code":4100')

    def test_cmq_at_another_path(self):
        self.over_http(cmq_elsewhere, b'"code":4100')

    def test_api_3(self):
        self.over_http(cloud, b"AuthFailure.S")

    def test_cmq_tcp(self):
        self.compare("cmq_tcp", greeting, self.tcp_port, tcp_whole, b"", once=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        TRIES, PERCENT = int(sys.argv[1]), float(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
