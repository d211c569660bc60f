"""KillPoints: lets a server die at one call that changes a file; see shims/kill_points.c."""

import os
import pathlib

from shims import build_shim


class KillPoints:
    def __init__(self, folder):
        self.library = build_shim("kill_points", folder)
        self.calls = pathlib.Path(folder) / "calls"

    def environment(self, data, **more):
        return dict(
            os.environ, LD_PRELOAD=str(self.library), PENSTOCK_TEST_DATA=f"{data}/", **more
        )

    def listening(self, data):
        """The environment of a server whose calls are counted."""
        return self.environment(data, PENSTOCK_TEST_CALLS=str(self.calls))

    def armed(self, data, point, number):
        """That of one that dies at the point's call of that number, from 1."""
        return self.environment(data, PENSTOCK_TEST_KILL=f"{number}:{point}")

    def found(self):
        """{point: how often it was passed} of the servers that were listened to."""
        counts = {}
        for line in self.calls.read_text().splitlines():
            whens = ["before", "during", "after"] if line.startswith("write ") else ["before", "after"]
            for when in whens:
                counts[f"{line} {when}"] = counts.get(f"{line} {when}", 0) + 1
        return counts
