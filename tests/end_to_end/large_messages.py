"""What the tests of the largest messages share: their bodies, and sending them."""

import hashlib
import http.client
import json
import time

from server import DEV_KEY_ID, DEV_KEY_SECRET

HEAD = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}", "Content-Type": "text/plain"}


def limits(mib):
    """The configuration of a server that takes messages of so many MiB."""
    return f'[limits]\nmessage_size_max = "{mib}MiB"\n'


def body_of(size, name):
    """Text of so many bytes that no two names share."""
    piece = hashlib.sha256(str(name).encode()).hexdigest()
    return (piece * (size // len(piece) + 1))[:size]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def post(port, path, body, name="", patience=60):
    """A message as it is; refused for the moment, it is sent again. How often that was."""
    end = time.monotonic() + patience
    head = {**HEAD, **({"Idempotency-Key": name} if name else {})}
    refused = 0
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
        try:
            connection.request("POST", path, body, head)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status in (200, 201):
                return refused
            known = (response.status, answer["code"]) in ((503, "overloaded"), (503, "unavailable"))
            assert known or response.status == 504, answer
            assert response.getheader("Retry-After") or response.status == 504, answer
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read, and the answer was lost behind it
        finally:
            connection.close()
        refused += 1
        assert time.monotonic() < end, f"refused {refused} times"
        time.sleep(0.1)
