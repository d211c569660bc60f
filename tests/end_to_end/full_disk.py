"""Disks that are full: Ballast takes what is free of any, FullDisk is a tmpfs of its own for a node's data."""

import os
import pathlib
import subprocess

from server import STOPPED

CHUNK = 1 << 20


def as_root(*words):
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*prefix, *words], capture_output=True, text=True)


def may_have_ended(server):
    """Whether a server that met a full disk may have ended as it did. RocksDB ends a process by an
    assertion when there is no room for its manifest; a start looks for room before, a disk that
    fills in between is not waited for."""
    code = server.process.returncode
    return code in (0, 1, STOPPED) or (code == -6 and "rocksdb::" in server.log())


class Ballast:
    """A file on a disk, which a test can let grow until nothing is free, and empty. It is open, and the
    disk busy, from fill() to empty()."""

    def __init__(self, folder):
        assert os.path.ismount(folder), f"{folder} is no disk of its own: the machine's would be filled"
        self.folder = pathlib.Path(folder)
        self.file = None
        # There from the beginning: a full disk has no room for its name either.
        (self.folder / "ballast").touch()

    def free_bytes(self):
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def fill(self, but=0):
        """Takes all that is free, but for so many bytes."""
        if self.file is None:
            self.file = open(self.folder / "ballast", "ab", buffering=0)
        chunk = CHUNK
        while chunk > 0:
            try:
                self.file.write(bytes(chunk))
            except OSError:
                chunk //= 2
        self.file.truncate(max(0, self.file.tell() - but))

    def empty(self):
        if self.file is not None:
            self.file.truncate(0)
            self.file.close()
            self.file = None


class FullDisk(Ballast):
    def __init__(self, test, folder, mib):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        size = f"size={mib}m,mode=0777,uid={os.getuid()}"
        mounted = as_root("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder))
        if mounted.returncode != 0:
            test.fail(f"this test mounts a tmpfs and may not: {mounted.stderr}")
        test.addCleanup(as_root, "umount", "-l", str(folder))
        super().__init__(folder)
        test.addCleanup(self.empty)
