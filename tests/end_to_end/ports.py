"""Ports for servers that must find them free again after a restart."""

import pathlib
import random
import socket

LOWEST_PORT = 10_000
DRAW = random.SystemRandom()  # tests that seed the usual one would all draw the same
given = set()  # by this process: whoever has one may not listen on it yet
OUTGOING_PORTS = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


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
        given.add(port)
        ports.append(port)
    return ports
