"""Libraries that a test loads before libc into a process; see the folder shims."""

import os
import pathlib
import subprocess

SOURCES = pathlib.Path(__file__).parent / "shims"


def build_shim(name, folder):
    """The library of shims/NAME.c, made in the folder."""
    library = pathlib.Path(folder) / f"{name}.so"
    words = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCES / f"{name}.c"), "-ldl"]
    subprocess.run(words, check=True, timeout=60)
    return library


def with_shim(name, folder, **more):
    """The environment of a process that is to have it."""
    return dict(os.environ, LD_PRELOAD=str(build_shim(name, folder)), **more)
