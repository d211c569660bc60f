"""What nodes without TLS say to each other first, said by a test: a stranger who knows the protocol.
The forms are those of broker/replication/transport/{hello,frame}.h."""

import os
import socket
import struct

HELLO, READY, WELCOME, REFUSED = 1, 2, 3, 4
REASONS = (
    "wrong_cluster wrong_cluster_id old_incarnation own_id duplicate_id wrong_node "
    "wrong_certificate no_common_format untrusted expired tls_failed malformed damaged replayed "
    "too_slow too_many_connections"
).split()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def frame(kind, payload=b"", conversation=0, sequence=0):
    head = struct.pack("<IBQQ", len(payload), kind, conversation, sequence)
    return head + struct.pack("<I", crc32c(head + payload)) + payload


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def text(words):
    return varint(len(words)) + words.encode()


def hello(cluster, node, cluster_id=(0, 0), incarnation=0, process=1, wall_ms=0):
    greeting = b"PSTKPEER" + bytes([1, 0]) + os.urandom(16)
    greeting += struct.pack("<HHQQIQQq", 1, 1, *cluster_id, incarnation, node, process, wall_ms)
    for words in (cluster, "127.0.0.1:1", "", "", "test"):
        greeting += text(words)
    return frame(HELLO, greeting)


class Stranger:
    """One connection to a node's peer port."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)

    def say(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # already cut off
        return self

    def hear(self):
        """Frames until the node ends the connection: [(kind, payload)]."""
        data = b""
        try:
            while True:
                piece = self.socket.recv(65536)
                if not piece:
                    break
                data += piece
        except (ConnectionResetError, TimeoutError):
            pass
        self.socket.close()
        frames = []
        while len(data) >= 25:
            length, kind = struct.unpack_from("<IB", data)
            frames.append((kind, data[25 : 25 + length]))
            data = data[25 + length :]
        return frames

    def refusal(self):
        """The reason the node gives at last; nothing when it gives none."""
        frames = self.hear()
        if not frames or frames[-1][0] != REFUSED:
            return None
        return REASONS[frames[-1][1][0]]
