"""mqload, run as a child: what it is asked and what it says."""

import json
import os
import subprocess
from dataclasses import dataclass

from processes import Failure
from server import die_with_parent

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Way:
    """One way into a broker."""

    who: str
    driver: str
    pipelined: bool = True  # many requests under way on one connection
    batch: int = 1  # messages in a request

    def shape(self, outstanding):
        """Connections, and requests under way on each."""
        if not self.pipelined or outstanding <= 16:
            return ["--connections", outstanding, "--window", 1, "--batch", self.batch]
        return ["--connections", 16, "--window", outstanding // 16, "--batch", self.batch]


def command(words):
    return [os.environ["PENSTOCK_PEERS"] + "/mqload", *map(str, words)]


def _run(words, patience):
    try:
        done = subprocess.run(
            command(words),
            capture_output=True,
            text=True,
            timeout=patience,
            preexec_fn=die_with_parent,
        )
    except subprocess.TimeoutExpired:
        return 1, "", f"mqload did not end within {patience} s"
    return done.returncode, done.stdout, done.stderr.strip()


def measure(words, patience=PATIENCE_SECONDS):
    """One run; its figures. A run that failed gives {"failed": why}: it is shown, never dropped."""
    code, out, problem = _run(words, patience)
    if code != 0:
        return {"failed": problem or f"exit {code}"}
    figures = json.loads(out)
    if problem:
        figures["said"] = problem
    return figures


def run_load(words, patience=PATIENCE_SECONDS):
    """A run whose figures do not matter, but that must succeed."""
    code, out, problem = _run(words, patience)
    if code != 0:
        raise Failure(f"{problem}: {' '.join(map(str, words))}")
    return out


def tell_leader(words):
    """Who leads the object, by name."""
    return run_load([*words, "--mode", "leader"]).strip().removeprefix("leader=")
