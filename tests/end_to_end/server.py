"""Server: the real binary as a child process of a test. One a test, stopped by its process id."""

import ctypes
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import open_metrics
from ports import free_ports

STOPPED = 70  # the exit code of a server that cannot trust its disk any more
END_OF_LOG_SECONDS = 5
BINARY = os.environ["PENSTOCK_BINARY"]
DEV_KEY_ID = "AKIDpenstockdev"
DEV_KEY_SECRET = "penstock-dev-secret"


def die_with_parent():
    """In the child: SIGKILL when the test dies, however it dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def data_folder(test):
    """A folder of the test's own that goes with it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-e2e-"))
    test.addCleanup(shutil.rmtree, folder, True)
    return folder


class Server:
    """`start()` returns once the server has said that it is ready; restarts keep the port."""

    lines_before_ready = 0

    def __init__(self, test, folder, config=None, dev=True):
        self.folder = pathlib.Path(folder)
        self.config = config
        self.dev = dev
        self.environment = None  # the test's own
        self.binary = BINARY
        self.port = free_ports(1)[0]
        self.life = 0  # how many times it was ready
        self.process = None
        self.stderr = []
        self.collector = None  # the thread that reads the log of this process
        self.ready_after = None
        test.addCleanup(self.kill)

    def command(self):
        words = [self.binary, "serve", "--data", str(self.folder / "data")]
        words += ["--listen", f"127.0.0.1:{self.port}"]
        if self.config is not None:
            file = self.folder / "penstock.toml"
            file.write_text(self.config)
            words += ["--config", str(file)]
        return words + (["--dev"] if self.dev else [])

    def start(self, patience=60):
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
            env=self.environment,
        )
        self.stderr = []
        self.collector = threading.Thread(target=self._collect, args=(self.process,), daemon=True)
        self.collector.start()
        watchdog = threading.Timer(patience, self.process.kill)
        watchdog.start()
        for _ in range(self.lines_before_ready):
            self.process.stdout.readline()
        line = self.process.stdout.readline()
        watchdog.cancel()
        self.ready_after = time.monotonic() - began
        match = re.fullmatch(r"ready https?://127\.0\.0\.1:(\d+)\n", line)
        if not match:
            self.process.wait()
            self.collector.join(END_OF_LOG_SECONDS)
            raise AssertionError(
                f"not ready but {line!r}, exit {self.process.returncode}: {self.log()}"
            )
        self.port = int(match[1])
        self.life += 1
        return self

    def start_refused(self, patience=60):
        """Starts a server that must not become ready; returns (exit code, stderr)."""
        done = subprocess.run(
            self.command(), capture_output=True, text=True, timeout=patience, env=self.environment
        )
        assert "ready" not in done.stdout, done.stdout
        return done.returncode, done.stderr

    def _collect(self, process):
        for line in process.stderr:
            self.stderr.append(line)

    def log(self):
        return "".join(self.stderr[-40:])

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process is not None:
            self.process.stdout.close()

    def terminate(self, patience=15):
        """SIGTERM; returns (exit code, seconds it took)."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=patience)
        took = time.monotonic() - began
        self.collector.join(END_OF_LOG_SECONDS)
        return code, took

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def native(self, method, path, body=None, key=f"{DEV_KEY_ID}:{DEV_KEY_SECRET}"):
        """One request to /v1; returns (status, document)."""
        status, _, document = self.exchange(method, path, body, {"Authorization": f"Bearer {key}"})
        return status, document

    def exchange(self, method, path, body=None, head=None):
        """One request to /v1, by the development key; returns (status, headers, document)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        head = {"Authorization": f"Bearer {DEV_KEY_ID}:{DEV_KEY_SECRET}", **(head or {})}
        text = None
        if body is not None:
            head["Content-Type"] = "application/json"
            text = json.dumps(body)
        try:
            connection.request(method, path, text, head)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        return response.status, response.headers, json.loads(answer) if answer else None

    def metrics(self):
        """What /metrics tells, read by the letter; {(name, labels): value}."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            answer = response.read().decode()
        finally:
            connection.close()
        kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert (response.status, response.getheader("Content-Type")) == (200, kind), answer
        return open_metrics.read(answer)

    def cli(self, *words, check=True):
        """Runs a client command against this server; returns its stdout."""
        environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{self.port}")
        done = subprocess.run(
            [BINARY, *map(str, words)], capture_output=True, text=True, timeout=60, env=environment
        )
        if check and done.returncode != 0:
            raise AssertionError(f"penstock {' '.join(map(str, words))}: {done.stderr}")
        return done.stdout


def wait_until(condition, patience, what):
    """Polls until the condition holds; its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.05)
