"""ShiftedClock: a wall clock that is off, for processes of a test; by a library loaded before libc."""

import os
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).parent / "shims" / "shifted_clock.c"


class ShiftedClock:
    """`environment` is for the process; `set()` changes its clock while it runs."""

    def __init__(self, folder, seconds=0):
        self.file = pathlib.Path(folder) / "clock"
        self.file.write_bytes(struct.pack("=q", seconds))
        library = pathlib.Path(folder) / "shifted_clock.so"
        words = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(words, check=True, timeout=60)
        self.environment = dict(
            os.environ, LD_PRELOAD=str(library), PENSTOCK_TEST_CLOCK=str(self.file)
        )

    def set(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", seconds))
