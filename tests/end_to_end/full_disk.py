"""FullDisk: a tmpfs of its own for a node's data, which a test can fill to the last byte and empty."""

import os
import pathlib
import subprocess

CHUNK = 1 << 20


def as_root(*words):
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*prefix, *words], capture_output=True, text=True)


class FullDisk:
    def __init__(self, test, folder, mib):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        size = f"size={mib}m,mode=0777,uid={os.getuid()}"
        mounted = as_root("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder))
        if mounted.returncode != 0:
            test.fail(f"this test mounts a tmpfs and may not: {mounted.stderr}")
        test.addCleanup(as_root, "umount", "-l", str(self.folder))
        # There from the beginning: a full disk has no room for its name either.
        self.ballast = os.open(self.folder / "ballast", os.O_RDWR | os.O_CREAT)
        test.addCleanup(os.close, self.ballast)

    def free_bytes(self):
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def fill(self, but=0):
        """Takes all that is free, but for so many bytes."""
        chunk = CHUNK
        while chunk > 0:
            try:
                os.write(self.ballast, bytes(chunk))
            except OSError:
                chunk //= 2
        taken = os.lseek(self.ballast, 0, os.SEEK_CUR)
        os.ftruncate(self.ballast, max(0, taken - but))

    def empty(self):
        os.lseek(self.ballast, 0, os.SEEK_SET)
        os.ftruncate(self.ballast, 0)
