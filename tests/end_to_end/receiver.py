"""Endpoints inside the test: Endpoint says what it likes, Receiver decides the status of each answer."""

import http.server
import threading


class Endpoint:
    """`answer(method, headers, body)` gives (status, headers, text). `tls`: the context of an HTTPS server."""

    def __init__(self, test, answer, port=0, address="127.0.0.1", version="HTTP/1.1", tls=None):
        self.answer = answer
        self.requests = []  # (method, headers, body)
        self.clients = []  # the common name in the certificate shown with each request; None: there was none
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = version

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                outer.clients.append(common_name(self.connection.getpeercert()) if tls else None)
                outer.requests.append((self.command, dict(self.headers), body))
                status, headers, text = outer.answer(self.command, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_OPTIONS = do_POST

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
        if tls:
            # The handshake is made by the thread of the connection.
            self.listener.socket = tls.wrap_socket(
                self.listener.socket, server_side=True, do_handshake_on_connect=False)
            self.url = f"https://localhost:{self.port}/hook"
        self.thread = threading.Thread(target=self.listener.serve_forever, daemon=True)
        self.thread.start()
        test.addCleanup(self.stop)

    def bodies_of(self, method="POST"):
        return [body for made_by, _, body in list(self.requests) if made_by == method]

    def stop(self):
        if self.listener is not None:
            self.listener.shutdown()
            self.listener.server_close()
            self.listener = None


class Receiver(Endpoint):
    """A webhook endpoint: `status(body)` is that of the answer."""

    def __init__(self, test, port=0, status=lambda body: 200, **how):
        self.status = status
        self.bodies = []
        self.heads = []
        super().__init__(test, self.take, port, **how)

    def take(self, _, headers, body):
        self.bodies.append(body)
        self.heads.append(dict(headers))
        status = self.status(body)
        return status, {}, "" if status < 400 else "the turbine is down"


def common_name(certificate):
    for part in (certificate or {}).get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return value
    return None
