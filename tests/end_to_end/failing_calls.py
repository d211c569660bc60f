"""Calls to the disk that fail: libfiu, loaded between a server and libc."""

import os
import pathlib
import subprocess

FIU = pathlib.Path("/usr/lib/fiu")
EIO, ENOSPC = 5, 28
# What fails, how, how often, and whether the node has to stop: a sync that failed says that it is not
# known what the disk holds.
FAULTS = [
    ("posix/io/sync/fdatasync", EIO, 0.01, True),
    ("posix/io/sync/*", EIO, 0.05, True),
    ("posix/io/rw/pwritev", EIO, 0.02, True),
    ("posix/io/rw/pwritev", ENOSPC, 0.05, False),
    ("posix/io/rw/pwrite*", EIO, 0.02, False),
    ("posix/io/rw/pread", EIO, 0.05, False),
    ("posix/io/dir/rename", EIO, 0.5, False),
]
ANSWERS_S = 5  # or the process has just ended


def preloaded(environment=None):
    """The environment of a process that has libfiu, beside what it has anyway."""
    environment = dict(environment or os.environ)
    libraries = [f"{FIU}/fiu_run_preload.so", f"{FIU}/fiu_posix_preload.so"]
    libraries += [environment["LD_PRELOAD"]] if "LD_PRELOAD" in environment else []
    return dict(environment, LD_PRELOAD=":".join(libraries))


def failing(name, error, often):
    """The words of libfiu for it."""
    return f"enable_random name={name},probability={often},failnum=1,failinfo={error}"


class FailingCalls:
    """Begins and ends faults of processes that run: `environment()` is for these."""

    def __init__(self, folder):
        self.prefix = pathlib.Path(folder) / "fiu"

    def environment(self, environment=None):
        return dict(preloaded(environment), FIU_CTRL_FIFO=str(self.prefix))

    def begin(self, process, name, error, often):
        self._tell(process, failing(name, error, often))

    def end(self, process, name):
        self._tell(process, f"disable name={name}")

    def _tell(self, process, command):
        words = ["fiu-ctrl", "-f", str(self.prefix), "-c", command, str(process.pid)]
        teller = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            teller.wait(ANSWERS_S)
        except subprocess.TimeoutExpired:
            os.killpg(teller.pid, 9)
            teller.wait()
