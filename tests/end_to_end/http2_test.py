"""Pushes to Node's own HTTP/2 server, with the real binary: `http2_test.py MESSAGES`, published in one go."""

import json
import pathlib
import select
import socket
import socketserver
import subprocess
import sys
import threading
import unittest

import tls_peers
from server import Server, data_folder, die_with_parent, wait_until

MESSAGES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 300
RECEIVER = pathlib.Path(__file__).with_name("http2_receiver.js")


class Endpoint:
    """A process of Node; `requests` as it told of them."""

    def __init__(self, test, folder, *words):
        self.requests = []
        self.process = subprocess.Popen(
            ["node", RECEIVER, folder / "trusted.pem", folder / "trusted.key", *map(str, words)],
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        test.addCleanup(self.stop)
        self.port = json.loads(self.process.stdout.readline())["port"]
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            self.requests.append(json.loads(line))

    def url(self, path="/hook"):
        return f"https://localhost:{self.port}{path}"

    def versions(self):
        return {request["version"] for request in self.requests}

    def bodies(self):
        return sorted(request["body"] for request in self.requests)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Proxy:
    """Opens tunnels by CONNECT; `asked` holds the first line of each request."""

    def __init__(self, test):
        self.asked = []
        outer = self

        class Tunnel(socketserver.StreamRequestHandler):
            def handle(self):
                outer.asked.append(self.rfile.readline().decode().strip())
                while self.rfile.readline().strip():
                    pass
                host, port = outer.asked[-1].split()[1].rsplit(":", 1)
                with socket.create_connection((host, int(port)), 10) as server:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    self.pump(server)

            def pump(self, server):
                other = {self.connection: server, server: self.connection}
                while True:
                    for source in select.select([*other], [], [])[0]:
                        chunk = source.recv(65536)
                        if not chunk:
                            return
                        other[source].sendall(chunk)

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                """Either side may be gone in the middle of a tunnel."""

        self.listener = Listener(("127.0.0.1", 0), Tunnel)
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        test.addCleanup(self.stop)

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()


class Http2Test(unittest.TestCase):
    def setUp(self):
        self.folder = data_folder(self)
        tls_peers.authority(self.folder, "ca")
        tls_peers.server(self.folder, "trusted", "ca")

    def start(self, http2, more=""):
        config = f'[push]\nca_file = "{self.folder / "ca.pem"}"\nhttp2 = "{http2}"\n{more}'
        self.server = Server(self, self.folder, config).start()
        self.server.cli("topic", "create", "events")

    def push(self, url, count=MESSAGES, *flags):
        """Publishes so many messages and waits until all have come, each once."""
        endpoint = self.endpoint
        self.server.cli("sub", "add", "events", "hook", "--http", url, "--format", "simplified", *flags)
        bodies = [f"m{number:05}" for number in range(count)]
        for begin in range(0, count, 16):
            batch = [{"body": body} for body in bodies[begin:begin + 16]]
            status, answer = self.server.native(
                "POST", "/v1/topics/events/messages/batch", {"messages": batch})
            self.assertLess(status, 300, answer)
        wait_until(lambda: len(endpoint.requests) >= count, 60, "every push")
        wait_until(lambda: self.sub()["backlog"] == 0, 20, "every answer")
        self.assertEqual(endpoint.bodies(), bodies)

    def sub(self):
        return json.loads(self.server.cli("sub", "info", "events/hook", "-o", "json"))

    def test_one_connection_carries_a_burst(self):
        self.endpoint = Endpoint(self, self.folder)
        self.start("on")
        self.push(self.endpoint.url("/slow"))
        self.assertEqual(self.endpoint.versions(), {"2.0"})
        self.assertEqual({request["session"] for request in self.endpoint.requests}, {1})
        fields = self.endpoint.requests[0]["fields"]
        self.assertEqual(fields[":authority"], f"localhost:{self.endpoint.port}")
        self.assertEqual(fields["user-agent"], "Qcloud Notification Service Agent")
        self.assertEqual(fields["content-length"], "6")
        self.assertNotIn("host", fields)

    def test_sessions_that_are_sent_away_cost_no_attempt(self):
        self.endpoint = Endpoint(self, self.folder, 10)
        self.start("on")
        # A first failed attempt would be a dead letter.
        self.push(self.endpoint.url("/slow"), MESSAGES, "--retry", "1h")
        sessions = {request["session"] for request in self.endpoint.requests}
        self.assertGreaterEqual(len(sessions), 5)
        self.assertEqual(self.endpoint.versions(), {"2.0"})

    def test_through_a_proxy_one_tunnel_carries_a_burst(self):
        self.endpoint = Endpoint(self, self.folder)
        proxy = Proxy(self)
        self.start("on", f'proxy = "{proxy.url}"\n')
        self.push(self.endpoint.url("/slow"))
        self.assertEqual(self.endpoint.versions(), {"2.0"})
        self.assertEqual({request["session"] for request in self.endpoint.requests}, {1})
        self.assertEqual(proxy.asked, [f"CONNECT 127.0.0.1:{self.endpoint.port} HTTP/1.1"])

    def test_off_it_is_never_offered(self):
        self.endpoint = Endpoint(self, self.folder)
        self.start("off")
        self.push(self.endpoint.url(), 20)
        self.assertEqual(self.endpoint.versions(), {"1.1"})

    def test_an_endpoint_that_goes_and_comes_back_gets_everything(self):
        self.endpoint = Endpoint(self, self.folder)
        self.start("on")
        self.push(self.endpoint.url(), 20)
        self.endpoint.stop()
        again = Endpoint(self, self.folder)
        self.server.cli("sub", "set", "events/hook", "--http", again.url(), "--retry", "100ms,1s,1s")
        self.server.cli("topic", "publish", "events", "after")
        wait_until(lambda: again.bodies() == ["after"], 20, "the one behind the change")
        self.assertEqual(again.versions(), {"2.0"})


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
