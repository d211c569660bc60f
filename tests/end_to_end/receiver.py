"""Receiver: a webhook endpoint inside the test. `status` decides the answer to each request."""

import http.server
import threading


class Receiver:
    def __init__(self, test, port=0, status=lambda body: 200, address="127.0.0.1",
                 version="HTTP/1.1"):
        self.status = status
        self.bodies = []
        self.heads = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = version

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.bodies.append(body)
                outer.heads.append(dict(self.headers))
                answer = b"" if outer.status(body) < 400 else b"the turbine is down"
                self.send_response(outer.status(body))
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                """A server killed in the middle of a request is part of the tests."""

        self.listener = Listener((address, port), Handler)
        self.port = self.listener.server_address[1]
        self.url = f"http://{address}:{self.port}/hook"
        self.thread = threading.Thread(target=self.listener.serve_forever, daemon=True)
        self.thread.start()
        test.addCleanup(self.stop)

    def stop(self):
        if self.listener is not None:
            self.listener.shutdown()
            self.listener.server_close()
            self.listener = None
