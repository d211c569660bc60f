"""ForgetfulDisk: an ext4 file system whose power a test can cut; see disks/forgetful_disk.cpp.

Needs root, /dev/fuse and loop devices. Where there are none it says so, once and loudly, and a power cut
leaves what a kill -9 leaves: the test means less then, but what it checks still has to hold.
"""

import atexit
import ctypes
import os
import pathlib
import re
import subprocess
import sys

from server import die_with_parent, wait_until

BINARY = os.environ["PENSTOCK_FORGETFUL_DISK"]
CLONE_NEWNS = 0x00020000


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def own_mounts():
    """What this test mounts is gone when it is gone, however it dies; why not, if that cannot be."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return f"a mount namespace of its own: {os.strerror(ctypes.get_errno())}"
    try:
        run("mount", "--make-rprivate", "/")
    except OSError as problem:
        return str(problem)
    return None


class ForgetfulDisk:
    """`mount_point` is there once `format()` has returned."""

    missing = own_mounts()  # what this machine lacks for it; nothing: it works

    def __init__(self, folder, mib=96):
        self.bytes = mib << 20
        self.under = pathlib.Path(folder) / "disk"
        self.mount_point = pathlib.Path(folder) / "node"
        self.under.mkdir(parents=True)
        self.mount_point.mkdir(parents=True)
        self.process = None

    def format(self):
        try:
            if ForgetfulDisk.missing is None:
                self._format()
        except OSError as problem:
            ForgetfulDisk.missing = str(problem)
        if ForgetfulDisk.missing is not None:
            print(
                f"\n!!! NO FORGETFUL DISK ON THIS MACHINE: {ForgetfulDisk.missing}\n"
                "!!! kill -9 stands in for power cuts: nothing here is said about lost writes\n",
                file=sys.stderr,
                flush=True,
            )
        return self

    def _format(self):
        self.process = subprocess.Popen(
            [BINARY, str(self.bytes), str(self.under)],
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        atexit.register(self.end)
        try:
            wait_until((self.under / "image").exists, 30, "the forgetful disk is mounted")
        except AssertionError as problem:
            raise OSError(f"FUSE: {problem}") from problem
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", self.under / "image")
        self._mount()

    def _mount(self):
        # The loop device goes with the mount. ext4's own commits are as seldom as can be: what the
        # server does not sync is to be lost.
        options = "loop,noatime,commit=300,errors=continue"
        run("mount", "-t", "ext4", "-o", options, self.under / "image", self.mount_point)

    def cut(self, seed, syncs=0):
        """At once, or instead of so many syncs later: every unsynced block is at the mercy of the
        seed, and nothing works any more."""
        if ForgetfulDisk.missing is None:
            (self.under / "power").write_text(f"off {seed} {syncs}")

    def is_off(self):
        return ForgetfulDisk.missing is None and self._counts().startswith("off")

    def _counts(self):
        return (self.under / "power").read_text()

    def restore(self):
        """After the death of whoever used it: the disk as the cut has left it, mounted again."""
        if ForgetfulDisk.missing is None:
            run("umount", self.mount_point)
            (self.under / "power").write_text("on")
            self._mount()

    def lost(self):
        """How many blocks the cuts so far have dropped or torn."""
        if ForgetfulDisk.missing is not None:
            return 0
        return sum(int(n) for n in re.findall(r"(?:dropped|torn) (\d+)", self._counts()))

    def stall(self):
        """Nothing on the disk gets done until go_on(); does nothing where there is no such disk."""
        if self.process is not None:
            os.kill(self.process.pid, 19)

    def go_on(self):
        if self.process is not None:
            os.kill(self.process.pid, 18)

    def end(self):
        atexit.unregister(self.end)
        self.go_on()
        for folder in (self.mount_point, self.under):
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, timeout=60)
        self.process.kill()
        self.process.wait()
