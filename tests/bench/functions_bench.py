"""Functions under load, through the whole line: published, handled, settled on disk.

`PENSTOCK_BINARY=… functions_bench.py [CASE…]` prints messages a second and processor time a message
of the server and of the function's processes, for: lua, worker, exec, runtime."""

import json
import os
import pathlib
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from server import DEV_KEY_ID, DEV_KEY_SECRET, Server, data_folder  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")

# A JSON event of 1 KiB.
EVENT = {"order": 4711, "amount": 12.5, "paid": True, "items": []}
while len(json.dumps(EVENT)) < 980:
    EVENT["items"].append({"sku": f"s{len(EVENT['items'])}", "count": 2})
BODY = json.dumps(EVENT)

LUA = """
function handle(event, ctx)
  local order = event:json()
  order.handled = true
  return json.encode(order)
end
"""

WORKER = """
import json, sys
read, write = sys.stdin.buffer.readline, sys.stdout.buffer
loads = json.loads
while True:
    line = read()
    if not line: break
    frame = loads(line)
    if frame["type"] == "event":
        write.write(b'{"id":"%s","ok":true}\\n' % frame["id"].encode())
        write.flush()
"""

SCF = """#!{python}
import http.client, os
api = http.client.HTTPConnection(os.environ["SCF_RUNTIME_API"],
                                 int(os.environ["SCF_RUNTIME_API_PORT"]))
def ask(method, path, body=None):
    api.request(method, path, body)
    return api.getresponse().read()
ask("POST", "/runtime/init/ready", b"")
while True:
    ask("GET", "/runtime/invocation/next")
    ask("POST", "/runtime/invocation/response", b"ok")
"""


def processor_us(process):
    """Processor time of one process so far; its own, not its children's."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) * 1_000_000 // TICKS


def processes_below(process):
    found, look = [], [process]
    while look:
        parent = look.pop()
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            if int(text.rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
                look.append(found[-1])
    return found


class Publisher:
    """The same batch of 16 again and again over a few connections, never far ahead."""

    AHEAD = 8_000

    def __init__(self, port, topic):
        body = json.dumps({"messages": [{"body": BODY}] * 16}).encode()
        self.request = (
            f"POST /v1/topics/{topic}/messages/batch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.port = port
        self.published = 0
        self.handled = 0
        self.lock = threading.Lock()

    def run(self, total):
        link = socket.create_connection(("127.0.0.1", self.port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with self.lock:
                if self.published >= total:
                    break
                ahead = self.published - self.handled
                if ahead < self.AHEAD:
                    self.published += 16
            if ahead >= self.AHEAD:
                time.sleep(0.002)
                continue
            link.sendall(self.request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += link.recv(65536)
            head, _, rest = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 2"), answer[:300]
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(rest) < length:
                rest += link.recv(65536)
        link.close()


class FunctionsBench(unittest.TestCase):
    def measure(self, name, total, least, add, connections=3):
        server = Server(self, data_folder(self)).start()
        server.cli("topic", "create", "t")
        server.cli("sub", "add", "t", "s", *add)
        server.cli("topic", "publish", "t", BODY)
        publisher = Publisher(server.port, "t")

        def backlog():
            _, sub = server.native("GET", "/v1/subscriptions/t/s")
            self.assertEqual(sub["state"], "active", sub)
            return sub["backlog"] + sub["waiting"]

        while backlog():  # the function has started
            time.sleep(0.05)
        processes = processes_below(server.process.pid)
        before = {one: processor_us(one) for one in [server.process.pid, *processes]}
        began = time.monotonic()
        threads = [
            threading.Thread(target=publisher.run, args=(total,)) for _ in range(connections)
        ]
        for thread in threads:
            thread.start()
        while publisher.published < total or backlog():
            publisher.handled = max(0, publisher.published - backlog())
            time.sleep(0.01)
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        spent = {one: processor_us(one) - before[one] for one in before}
        own = spent.pop(server.process.pid) / publisher.published
        functions = sum(spent.values()) / publisher.published
        rate = publisher.published / took
        print(
            f"{name}: {rate:,.0f} msg/s over {publisher.published:,} messages of {len(BODY)} bytes;"
            f" processor time a message: server {own:.0f} us, function's processes"
            f" {functions:.0f} us",
            flush=True,
        )
        server.terminate()
        self.assertGreater(rate, least)

    def file(self, name, text, executable=False):
        path = data_folder(self) / name
        path.write_text(text)
        if executable:
            path.chmod(0o755)
        return path

    def test_lua(self):
        script = self.file("handler.lua", LUA)
        self.measure("Lua, JSON decode and encode", 300_000, 15_000, ["--lua", script])

    def test_worker(self):
        worker = self.file("worker.py", WORKER)
        self.measure(
            "2 Python workers, JSON lines, window 64",
            300_000,
            12_000,
            ["--processes", 2, "--window", 64, "--worker", sys.executable, "-u", worker],
        )

    def test_exec(self):
        self.measure(
            "exec of /bin/true", 4_000, 500, ["--processes", 4, "--exec", "/bin/true"], 1
        )

    def test_runtime(self):
        bootstrap = self.file("bootstrap", SCF.format(python=sys.executable), executable=True)
        self.measure(
            "SCF runtime in Python", 10_000, 1_000, ["--runtime", bootstrap.parent], 1
        )


if __name__ == "__main__":
    names = [f"FunctionsBench.test_{case}" for case in sys.argv[1:]]
    unittest.main(argv=[sys.argv[0], *names], verbosity=1, warnings="ignore")
