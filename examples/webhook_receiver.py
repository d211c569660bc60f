#!/usr/bin/env python3
"""A webhook endpoint for trying things out: `webhook_receiver.py [--port N] [--fail-first WORD]`.

Prints one line for each delivery. A message whose body holds WORD is answered with 503 the first time
it comes, so that a retry can be watched. The first line printed is the endpoint's URL.
"""

import argparse
import http.server
import json
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
parser.add_argument("--fail-first", default=None, metavar="WORD")
options = parser.parse_args()
seen = set()


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        message = self.headers.get("x-cmq-message-id", "?")
        fail = options.fail_first and options.fail_first in body and message not in seen
        seen.add(message)
        self.send_response(503 if fail else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        print(
            time.strftime("%H:%M:%S"),
            "503, please retry" if fail else "200",
            f"message {message}",
            f"tags [{self.headers.get('x-cmq-message-tag', '')}]",
            shortened(body),
            flush=True,
        )

    def log_message(self, *_):
        pass


def shortened(body):
    """The message inside CMQ's JSON envelope, on one line."""
    try:
        body = json.loads(body)["msgBody"]
    except (ValueError, KeyError, TypeError):
        pass
    line = " ".join(body.split())
    return line if len(line) <= 70 else line[:67] + "..."


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True


listener = Listener(("127.0.0.1", options.port), Endpoint)
print(f"http://127.0.0.1:{listener.server_address[1]}/hook", flush=True)
try:
    listener.serve_forever()
except KeyboardInterrupt:
    pass
