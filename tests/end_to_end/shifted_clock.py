"""ShiftedClock: a wall clock that is off, for processes of a test; by a library loaded before libc."""

import pathlib
import struct

from shims import with_shim


class ShiftedClock:
    """`environment` is for the process; `set()` changes its clock while it runs."""

    def __init__(self, folder, seconds=0):
        self.file = pathlib.Path(folder) / "clock"
        self.file.write_bytes(struct.pack("=q", seconds))
        self.environment = with_shim(
            "shifted_clock", folder, PENSTOCK_TEST_CLOCK=str(self.file)
        )

    def set(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", seconds))
