"""Processes and folders of one measurement: whatever a Scope began it ends, by process id."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from server import die_with_parent, wait_until

STOP_SECONDS = 15


class Failure(Exception):
    """Something could not be started or set up; says what, and what its log ended with."""


def stop(process):
    """SIGTERM, then SIGKILL; waits until it is gone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


class Scope(contextlib.ExitStack):
    """Ends in the opposite order what it began. Also what tests/end_to_end takes for a test."""

    addCleanup = contextlib.ExitStack.callback

    def folder(self):
        """A folder under the temporary one that goes with the scope."""
        path = pathlib.Path(tempfile.mkdtemp(prefix="penstock-compare-"))
        self.callback(shutil.rmtree, path, True)
        return path

    def run(self, words, log, environment=None):
        """Starts a process that writes to the file `log`."""
        out = self.enter_context(open(log, "ab"))
        process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            preexec_fn=die_with_parent,
        )
        process.log = log
        self.callback(stop, process)
        return process

    def run_told_port(self, words):
        """Starts a process that says "port N" first; (process, port)."""
        process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        self.callback(process.stdout.close)
        self.callback(stop, process)
        line = process.stdout.readline().split()
        if len(line) != 2 or line[0] != "port":
            raise Failure(f"{words[0]} said no port")
        return process, int(line[1])


def end_of(log):
    text = pathlib.Path(log).read_text(errors="replace")
    return "\n".join(text.splitlines()[-15:])


def wait_for_port(port, process, patience=60):
    """Until somebody listens there; the process that is to do so must live."""

    def listens():
        if process.poll() is not None:
            raise Failure(f"exit {process.returncode}: {process.args[0]}\n{end_of(process.log)}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(listens, patience, f"{process.args[0]} listens")
    except AssertionError as late:
        raise Failure(f"{late}\n{end_of(process.log)}") from late


def end_process(pid):
    """SIGTERM for a process that is not our child, then SIGKILL; waits until it is gone."""
    folder = pathlib.Path(f"/proc/{pid}")
    for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + patience
        while folder.exists() and time.monotonic() < end:
            time.sleep(0.05)


def bytes_on_disk(folder):
    """Of all files; one that goes meanwhile counts nothing."""
    total = 0
    for file in pathlib.Path(folder).rglob("*"):
        with contextlib.suppress(OSError):
            total += file.lstat().st_blocks * 512
    return total


def resident_bytes(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total
