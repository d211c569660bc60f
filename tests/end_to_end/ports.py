"""Ports for servers that must find them free again after a restart."""

import fcntl
import pathlib
import random
import socket
import tempfile

LOWEST_PORT = 10_000
DRAW = random.SystemRandom()  # tests that seed the usual one would all draw the same
given = {}  # by this process: whoever has one may not listen on it yet
# Nor may other tests that run beside this one have it: each port is a locked file.
LOCKS = pathlib.Path(tempfile.gettempdir()) / "penstock-test-ports"
OUTGOING_PORTS = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def locked(port):
    """The port's lock, held as long as this process lives; None: another test has the port."""
    LOCKS.mkdir(exist_ok=True)
    lock = open(LOCKS / str(port), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def free_ports(count):
    """Ports nobody listens on, below those the kernel gives to outgoing connections: one of those
    may be taken between the look and the start of the node that is to listen on it."""
    first_outgoing = int(OUTGOING_PORTS.read_text().split()[0])
    ports = []
    while len(ports) < count:
        port = DRAW.randrange(LOWEST_PORT, first_outgoing)
        if port in given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        lock = locked(port)
        if lock is None:
            continue
        given[port] = lock
        ports.append(port)
    return ports
