"""Where a message's cost goes on a running server, as tables for RESULTS.md; started by profile.sh.

`PENSTOCK_BINARY=... profile.py [WORKLOAD...]`: send, send-batch, send-receive-delete, publish-push, tcp.
Each measurement has a server and a folder of its own, since each tool slows the server down: threads'
processor time with no tool, rooms by `perf record` on the processor clock, system calls and bytes by
`strace`, allocations by heaptrack's preloaded library."""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from server import BINARY, Server  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
SECONDS = 4  # of each measurement
SLOW_RATE = ["--rate", "2000"]  # what a traced server keeps up with
WORKLOADS = {
    "send": ["send"],
    "send-batch": ["send", "--batch", "16"],
    "send-receive-delete": ["send-receive-delete"],
    "publish-push": ["publish-push"],
    "tcp": ["send", "--tcp"],
}
HEAPTRACK = "libheaptrack_preload.so"
SHARE_MIN = 0.01  # of a room or a system call that is shown
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendmsg", "sendto", "send"}


class Cleanups(contextlib.ExitStack):
    """What Server wants of a test."""

    def addCleanup(self, call, *arguments):
        self.callback(call, *arguments)


@contextlib.contextmanager
def server(environment=None):
    with Cleanups() as cleanups:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-profile-"))
        cleanups.addCleanup(shutil.rmtree, folder, True)
        running = Server(cleanups, folder)
        running.environment = environment
        yield running.start()


def load(running, words, seconds=SECONDS, warmup="0s"):
    """Runs `penstock bench`; how many messages went through."""
    command = [BINARY, "bench", *words, "--duration", f"{seconds}s", "--warmup", warmup, "-o", "json"]
    environment = dict(os.environ, PENSTOCK_SERVER=f"http://127.0.0.1:{running.port}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode != 0:
        sys.exit(f"penstock bench {' '.join(words)}: {done.stderr}")
    figures = json.loads(done.stdout)
    if "pushed" in figures:
        return figures["pushed"]
    return figures["messages_per_s"] * figures["measured_ms"] / 1000


def table(title, head, rows):
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")
    sys.stdout.flush()


def thread_times(process):
    """{thread: (us in user mode, us in the kernel)}, threads of one name together."""
    times = collections.defaultdict(lambda: [0, 0])
    for stat in pathlib.Path(f"/proc/{process}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            head, _, rest = stat.read_text().rpartition(")")
            fields = rest.split()
            name = head.partition("(")[2]
            for at in (0, 1):
                times[name][at] += int(fields[11 + at]) * 1_000_000 // TICKS
    return times


def written_bytes(process):
    text = pathlib.Path(f"/proc/{process}/io").read_text()
    return int(re.search(r"^write_bytes: (\d+)", text, re.M)[1])


def by_thread(name, words):
    with server() as running:
        load(running, words, 1)
        process = running.process.pid
        before, wrote, began = thread_times(process), written_bytes(process), time.monotonic()
        messages = load(running, words)
        took, after = time.monotonic() - began, thread_times(process)
        wrote = written_bytes(process) - wrote
    rows = []
    for thread in after:
        user, kernel = ((after[thread][at] - before[thread][at]) / messages for at in (0, 1))
        if user + kernel >= 0.05:
            rows.append((thread, user, kernel, user + kernel))
    rows.sort(key=lambda row: -row[3])
    rows.append(("all", *(sum(row[at] for row in rows) for at in (1, 2, 3))))
    table(f"`{name}`: {messages:.0f} messages in {took:.1f} s, {wrote / messages:.0f} bytes a message to the disk;"
          " processor time, us a message", ("thread", "user", "kernel", "both"),
          [(row[0], *(f"{cell:.2f}" for cell in row[1:])) for row in rows])
    return rows[-1][3]


def room_of(frames):
    """Of a stack, innermost first: whose function is the innermost of a room, and what it called."""
    for frame in frames:
        if match := re.search(r"\bpenstock::(?:plugins::)?(\w+)::", frame):
            return match[1]
        if "rocksdb::" in frame:
            return "rocksdb"
    return "none of ours"


def leaf_of(frame, module):
    if "kernel" in module or module == "[unknown]":
        return "kernel"
    for library in ("libcrypto", "libc.", "libstdc++", "librocksdb", "libboost_json"):
        if library in module:
            return library.rstrip(".")
    return "penstock"


def read_stacks(text):
    """Samples of `perf script`: a list of (symbol, module), innermost first, each."""
    for sample in text.split("\n\n"):
        frames = re.findall(r"^\s+[0-9a-f]+ (.*) \((\S+)\)$", sample, re.M)
        if frames:
            yield frames


def by_room(name, words, us):
    with server() as running, tempfile.TemporaryDirectory() as folder:
        load(running, words, 1)
        data = f"{folder}/perf.data"
        recording = subprocess.Popen(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", "499", "--call-graph", "dwarf,8192",
             "-p", str(running.process.pid), "-o", data, "--", "sleep", str(SECONDS)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        load(running, words, SECONDS + 1)
        if recording.wait(timeout=60) != 0:
            print(f"\n`{name}`: perf cannot record here")
            return
        script = subprocess.run(["perf", "script", "-i", data, "--no-inline", "-F", "ip,sym,dso"],
                                capture_output=True, text=True, timeout=300)
    rooms, leaves, samples = collections.Counter(), collections.Counter(), 0
    for frames in read_stacks(script.stdout):
        rooms[room_of([symbol for symbol, _ in frames])] += 1
        leaves[leaf_of(*frames[0])] += 1
        samples += 1
    for title, counts in (("by the innermost room of ours", rooms), ("by the library that runs", leaves)):
        shown = [(what, f"{100 * count / samples:.1f} %", f"{us * count / samples:.2f}")
                 for what, count in counts.most_common() if count >= SHARE_MIN * samples]
        table(f"`{name}`: processor time {title}, {samples} samples, the sum of above shared out",
              (title.split()[-1] if counts is leaves else "room", "share", "us a message"), shown)


def kind_of(path):
    if "/log/" in path:
        return "log"
    if "/rows" in path:
        return "rows"
    return "sockets" if path.startswith(("socket:", "TCP")) else "other"


def count_calls(lines):
    """System calls by name, and bytes by kind of file, of a log of `strace -f -y`."""
    calls, wrote, begun = collections.Counter(), collections.Counter(), {}
    for line in lines:
        thread, _, rest = line.partition(" ")
        rest = rest.lstrip()
        if match := re.match(r"(\w+)\((?:\d+<([^>]*)>)?", rest):
            calls[match[1]] += 1
            begun[thread] = (match[1], match[2] or "")
        name, path = begun.get(thread, ("", ""))
        if name in WRITES and (result := re.search(r" = (\d+)$", rest)):
            wrote[kind_of(path)] += int(result[1])
    return calls, wrote


def by_call(name, words):
    with server() as running, tempfile.TemporaryDirectory() as folder:
        load(running, words, 1)
        log = pathlib.Path(folder, "calls")
        tracing = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "0", "-o", str(log), "-p", str(running.process.pid)],
            stderr=subprocess.PIPE, text=True)
        if "attached" not in tracing.stderr.readline():
            print(f"\n`{name}`: strace cannot attach here")
            return
        messages = load(running, [*words, *SLOW_RATE], 2)
        tracing.terminate()
        tracing.communicate(timeout=60)
        with log.open() as lines:
            calls, wrote = count_calls(line.rstrip("\n") for line in lines)
    total = sum(calls.values())
    rows = [(call, f"{count / messages:.3f}") for call, count in calls.most_common()
            if count >= SHARE_MIN * total]
    table(f"`{name}` at {SLOW_RATE[1]} a second under strace: system calls a message, {total / messages:.2f} in all",
          ("call", "a message"), rows)
    table(f"`{name}`, likewise: bytes written a message", ("to", "bytes"),
          [(kind, f"{count / messages:.0f}") for kind, count in wrote.most_common()])


def heaptrack_library():
    found = [path for root in ("/usr/lib", "/usr/local/lib") for path in pathlib.Path(root).rglob(HEAPTRACK)]
    return found[0] if found else None


def by_allocation(name, words):
    library = heaptrack_library()
    if library is None:
        print(f"\n`{name}`: heaptrack is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        raw = pathlib.Path(folder, "raw")
        environment = dict(os.environ, LD_PRELOAD=str(library), DUMP_HEAPTRACK_OUTPUT=str(raw))
        with server(environment) as running:
            load(running, words, 1)
            time.sleep(1)  # its own output is buffered
            before = raw.stat().st_size
            messages = load(running, words, 2)
            time.sleep(1)
        count = size = 0
        with raw.open("rb") as lines:
            lines.seek(before)
            lines.readline()
            for line in lines:
                if line.startswith(b"+ "):
                    count += 1
                    size += int(line.split()[1], 16)
    table(f"`{name}`: allocations a message, C's and C++'s, all threads", ("allocations", "bytes"),
          [(f"{count / messages:.1f}", f"{size / messages:.0f}")])


def main(names):
    for name in names or WORKLOADS:
        words = WORKLOADS[name]
        us = by_thread(name, words)
        by_room(name, words, us)
        by_call(name, words)
        by_allocation(name, words)


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(WORKLOADS)
    if unknown:
        sys.exit(__doc__)
    main(sys.argv[1:])
