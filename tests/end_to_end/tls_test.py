"""TLS of the listener, seen by curl, openssl and our own client: `tls_test.py CONNECTIONS SECONDS`. What is
spoken, what cannot start, a certificate renewed in use, and handshakes that flood beside a client who behaves."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

import cmq_tcp as tcp
import tls_peers
from server import BINARY, DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

CONNECTIONS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 200
SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 2
SLOWEST_MS = 500  # the 99th percentile of the client who behaves, on processors it shares with the flood
KEY = f"{DEV_KEY_ID}:{DEV_KEY_SECRET}"


def config(folder, certificate="own.pem", key="own.key"):
    return (
        f'[tls]\ncert = "{folder / certificate}"\nkey = "{folder / key}"\n[limits]\nhandshakes_max = 100\n'
    )


def run(*words, text=None):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=30, input=text)


class Tls(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        tls_peers.authority(self.folder, "ca")
        self.renew("own")

    def renew(self, name):
        tls_peers.server(self.folder, name, "ca", known_as="IP:127.0.0.1")

    def start(self, **files):
        return Server(self, self.folder, config(self.folder, **files)).start()

    def curl(self, server, *words):
        return run("curl", "-sS", "--max-time", 20, "--cacert", self.folder / "ca.pem", "-H",
                   f"Authorization: Bearer {KEY}", *words, f"https://127.0.0.1:{server.port}/v1/status")

    def shown(self, server, *words):
        """What openssl says of a handshake."""
        return run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile",
                   self.folder / "ca.pem", "-verify_return_error", *words, text="").stdout

    def tcp_client(self, server, tls=None):
        port = int(server.process.stdout.readline().split(":")[1])
        client = tcp.Client(port, DEV_KEY_ID, DEV_KEY_SECRET, tls=tls)
        self.addCleanup(client.close)
        return client

    def test_cmq_over_tcp_speaks_tls_too_unless_told_not_to(self):
        trusting = ssl.create_default_context(cafile=self.folder / "ca.pem")
        server = self.start()
        client = self.tcp_client(server, trusting)
        self.assertEqual(client.ask(tcp.SEND, (1, "none"), (2, "x")).result, 4440)
        server.terminate()
        server.start()
        with self.assertRaises(OSError):
            self.tcp_client(server)
        server.terminate()
        clear = config(self.folder).replace("[tls]", "[tls]\ntcp = false")
        in_the_clear = Server(self, self.folder, clear)
        client = self.tcp_client(in_the_clear.start())
        self.assertEqual(client.ask(tcp.SEND, (1, "none"), (2, "x")).result, 4440)

    def test_the_bench_measures_it(self):
        server = self.start()
        url = f"https://127.0.0.1:{server.port}"
        words = ["--duration", "300ms", "--warmup", "0s", "--connections", 2, "-o", "json", "--server", url]
        for mode, more in (("send", []), ("send-receive-delete", []), ("send", ["--tcp", "--outstanding", 8])):
            done = run(BINARY, "bench", mode, *words, *more, "--ca", self.folder / "ca.pem")
            self.assertEqual(done.returncode, 0, done.stderr)
            shown = json.loads(done.stdout)
            self.assertEqual((shown["tls"], shown["failures"]), (True, 0), done.stderr)
            self.assertGreater(shown["messages_per_s"], 0)
        doubting = run(BINARY, "bench", "send", *words)
        self.assertEqual(doubting.returncode, 1, doubting.stdout)

    def test_systemd_is_told_though_there_is_no_tcp(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(self.folder / "notify"))
            told.settimeout(20)
            server = Server(self, self.folder)
            server.environment = dict(
                os.environ, PENSTOCK_LISTEN_TCP="off", NOTIFY_SOCKET=str(self.folder / "notify")
            )
            server.start()
            self.assertEqual(told.recv(100), b"READY=1")

    def test_curl_openssl_and_the_cli_are_served(self):
        server = self.start()
        shown = self.curl(server)
        self.assertIn('"certificate_ends_at":"20', shown.stdout, shown.stderr)
        self.assertIn("TLSv1.3", self.shown(server))
        self.assertIn("Verify return code: 0 (ok)", self.shown(server, "-tls1_2"))
        for words in (["-tls1_1"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"]):
            self.assertIn("Cipher is (NONE)", self.shown(server, *words), words)
        url = f"https://127.0.0.1:{server.port}"
        trusting = run(BINARY, "queue", "create", "jobs", "--server", url, "--ca", self.folder / "ca.pem")
        self.assertEqual(trusting.returncode, 0, trusting.stderr)
        doctor = run(BINARY, "doctor", "--server", url, "--ca", self.folder / "ca.pem")
        self.assertRegex(doctor.stdout, r"certificate\tlook\tends at 20")
        doubting = run(BINARY, "queue", "list", "--server", url)
        self.assertEqual(doubting.returncode, 1, doubting.stdout)
        plain = run("curl", "-sS", "--max-time", 20, f"http://127.0.0.1:{server.port}/healthz")
        self.assertNotEqual(plain.returncode, 0)

    def test_files_that_cannot_be_used_stop_the_start_with_a_reason(self):
        self.renew("other")
        tls_peers.server(self.folder, "old", "ca", days=tls_peers.EXPIRED)
        for files, reason in (
            ({"certificate": "absent.pem"}, "absent.pem: No such file"),
            ({"key": "other.key"}, "other.key: is not the key of the certificate in"),
            ({"certificate": "old.pem", "key": "old.key"}, "old.pem: the certificate expired at 20"),
        ):
            server = Server(self, self.folder, config(self.folder, **files))
            code, stderr = server.start_refused()
            self.assertEqual(code, 1)
            self.assertIn(reason, stderr)

    def test_a_renewed_certificate_is_shown_to_those_who_come_and_nobody_is_cut(self):
        server = self.start()
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        staying = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20, context=context)
        staying.request("GET", "/healthz")
        self.assertEqual(staying.getresponse().read(), b'{"status":"alive"}\n')

        def shown():
            return ssl.get_server_certificate(("127.0.0.1", server.port))

        first = shown()
        self.renew("next")
        for suffix in (".key", ".pem"):
            os.replace(self.folder / ("next" + suffix), self.folder / ("own" + suffix))
        wait_until(lambda: shown() != first, 10, "the new certificate is shown without being told")
        second = shown()
        self.renew("next")
        for suffix in (".key", ".pem"):
            os.replace(self.folder / ("next" + suffix), self.folder / ("own" + suffix))
        server.process.send_signal(1)
        wait_until(lambda: shown() != second, 1.5, "SIGHUP is heard at once")
        staying.request("GET", "/healthz")
        self.assertEqual(staying.getresponse().status, 200)
        staying.close()

    def test_handshakes_that_flood_leave_a_client_who_behaves_alone(self):
        server = self.start()
        stopping = threading.Event()
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        done = [0, 0]

        def hold():
            """Connections that never begin their handshake."""
            held = []
            while not stopping.is_set():
                one = socket.create_connection(("127.0.0.1", server.port), 20)
                done[0] += 1
                held.append(one)
                if len(held) > CONNECTIONS:
                    held.pop(0).close()
                time.sleep(0.002)
            for one in held:
                one.close()

        def greet():
            """Whole handshakes, one after the other: each costs the server a signature."""
            while not stopping.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", server.port), 20) as raw:
                        context.wrap_socket(raw, server_hostname="127.0.0.1").close()
                    done[1] += 1
                except OSError:
                    pass

        threads = [threading.Thread(target=one, daemon=True) for one in (hold, greet, greet)]
        for thread in threads:
            thread.start()
        took = []
        refused = 0
        end = time.monotonic() + SECONDS
        staying = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20, context=context)
        while time.monotonic() < end:
            began = time.monotonic()
            staying.request("GET", "/healthz")
            self.assertEqual(staying.getresponse().read(), b'{"status":"alive"}\n')
            took.append(time.monotonic() - began)
            if len(took) % 10 == 0:  # and now and then one who comes anew
                try:
                    fresh = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20, context=context)
                    fresh.request("GET", "/healthz")
                    fresh.getresponse().read()
                    fresh.close()
                except OSError:
                    refused += 1
            time.sleep(0.005)
        stopping.set()
        for thread in threads:
            thread.join(30)
        took.sort()
        slowest_ms = took[len(took) * 99 // 100] * 1000
        print(f"{done[0]} silent, {done[1]} handshakes, {len(took)} requests beside them: p99 {slowest_ms:.1f} ms,"
              f" {refused} newcomers refused")
        self.assertGreater(len(took), 20 * SECONDS)
        self.assertLess(slowest_ms, SLOWEST_MS)
        self.assertEqual(refused, 0)


if __name__ == "__main__":
    unittest.main()
