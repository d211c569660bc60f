"""Limits of one address at a real server: floods from 127.0.0.2 while 127.0.0.1 is served: connections, TLS
handshakes, heads that never end."""

import http.client
import socket
import ssl
import time
import unittest

import open_metrics
import tls_peers
from overload_test import bench
from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder, wait_until

STRANGER = "127.0.0.2"
CONNECTIONS_MAX = 20
HEAD_TIMEOUT_S = 10
LIMITS = f"""[limits]
address_exempt = "127.0.0.1"
address_connections_max = {CONNECTIONS_MAX}
address_handshakes_rate = 5
address_slow_per_minute = 3
"""

FILES = 300
SMALL_SEGMENTS = '[log]\nsegment_size = "4MiB"\n'


class FewFiles(Server):
    """May open so many files only, connections included."""

    def command(self):
        return ["sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", *super().command()]


def connect(port):
    """As the stranger."""
    return socket.create_connection(("127.0.0.1", port), 10, source_address=(STRANGER, 0))


def is_refused(port):
    """Whether a connection of the stranger's is closed before it says anything."""
    with connect(port) as one:
        one.settimeout(0.3)
        try:
            data = one.recv(1000)
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return data == b"" or data.startswith(b"HTTP/1.1 503 ")


class Callers(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)

    def figure(self, server, limit):
        name = "penstock_listener_callers_refused_total"
        return open_metrics.total(server.metrics(), name, listener="http", limit=limit)

    def told(self, server):
        return [line for line in server.stderr if "event=caller_refused" in line]

    def test_a_flood_of_connections_has_its_share_and_others_theirs(self):
        server = Server(self, self.folder, LIMITS).start()
        held = []
        refused = 0
        for _ in range(10 * CONNECTIONS_MAX):
            one = connect(server.port)
            self.addCleanup(one.close)
            held.append(one)
        healthy = bench(server, 8, 2, "--rate", 100)
        self.assertEqual(healthy["failures"], 0)
        for one in held:
            one.settimeout(0.05)
            try:
                one.recv(1000)
                refused += 1
            except TimeoutError:
                pass  # one of the share
            except ConnectionResetError:
                refused += 1
        self.assertEqual(refused, len(held) - CONNECTIONS_MAX)
        self.assertEqual(self.figure(server, "connections"), refused)
        lines = self.told(server)
        self.assertEqual(len(lines), 1, "one line, not one a connection")
        self.assertIn(f"address={STRANGER} limit=connections", lines[0])
        for one in held:
            one.close()
        wait_until(lambda: not is_refused(server.port), 10, "it may come again")

    def test_connections_leave_the_server_files_to_work_with(self):
        server = FewFiles(self, self.folder, SMALL_SEGMENTS).start()
        server.native("POST", "/v1/queues", {"name": "orders"})
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.addCleanup(kept.close)
        kept.connect()
        held = []
        for _ in range(FILES):
            one = socket.create_connection(("127.0.0.1", server.port), 10)
            self.addCleanup(one.close)
            held.append(one)
        head = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}"}
        for _ in range(100):  # more than a segment
            kept.request("POST", "/v1/queues/orders/messages", "x" * 60_000, head)
            answer = kept.getresponse()
            answer.read()
            self.assertEqual(answer.status, 201)
        self.assertIsNone(server.process.poll(), server.log())

    def test_who_never_ends_a_head_is_left_outside(self):
        server = Server(self, self.folder, LIMITS).start()
        slow = [connect(server.port) for _ in range(8)]
        for one in slow:
            self.addCleanup(one.close)
            one.sendall(b"GET / HTTP/1.1\r\nHos")
        healthy = bench(server, 8, 2, "--rate", 100)
        self.assertEqual(healthy["failures"], 0)
        for one in slow:
            one.settimeout(HEAD_TIMEOUT_S + 5)
            self.assertTrue(one.recv(1000).startswith(b"HTTP/1.1 408 "))
        self.assertTrue(is_refused(server.port))
        self.assertGreaterEqual(self.figure(server, "slow"), 1)
        wait_until(lambda: not is_refused(server.port), 30, "a third of a minute later it is heard")

    def test_handshakes_of_one_address_begin_at_its_rate(self):
        tls_peers.authority(self.folder, "ca")
        tls_peers.server(self.folder, "own", "ca", known_as="IP:127.0.0.1")
        files = f'[tls]\ncert = "{self.folder / "own.pem"}"\nkey = "{self.folder / "own.key"}"\n'
        server = Server(self, self.folder, files + LIMITS).start()
        trusting = ssl.create_default_context(cafile=self.folder / "ca.pem")

        def shakes_hands(address):
            try:
                raw = socket.create_connection(("127.0.0.1", server.port), 10, source_address=(address, 0))
                with raw, trusting.wrap_socket(raw, server_hostname="127.0.0.1"):
                    return True
            except OSError:
                return False

        began = time.monotonic()
        done = sum(shakes_hands(STRANGER) for _ in range(60))
        took = time.monotonic() - began
        self.assertGreaterEqual(done, 5)
        self.assertLess(done, 5 * (took + 1) + 2)
        self.assertTrue(all(shakes_hands("127.0.0.1") for _ in range(20)))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
