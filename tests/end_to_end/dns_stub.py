"""DnsStub: a name server on loopback, UDP and TCP, that answers as each name says."""

import ipaddress
import socket
import struct
import threading
import time

A, CNAME, AAAA = 1, 5, 28
NO_ERROR, SERVER_FAILED, NO_NAME = 0, 2, 3
DATAGRAM_MAX = 512
TRUNCATED = 0x0200


class Answer:
    """What a name server says: addresses, an alias, an error, or nothing at all."""

    def __init__(self, *addresses, code=NO_ERROR, alias=None, silent=False):
        self.addresses = [ipaddress.ip_address(one) for one in addresses]
        self.code = code
        self.alias = alias
        self.silent = silent

    def records(self, asked):
        if self.alias is not None:
            return [(CNAME, encoded(self.alias))]
        version = {A: 4, AAAA: 6}.get(asked)
        return [(asked, one.packed) for one in self.addresses if one.version == version]


def encoded(name):
    labels = name.rstrip(".").split(".")
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def question_of(query):
    """Name, type and the bytes of a query's question."""
    at, labels = 12, []
    while query[at] != 0:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], query[12 : at + 5]


class DnsStub:
    """`names`: a function each that gives the Answer to the n-th question for an A, from 0."""

    def __init__(self, test, names, address="127.0.0.1"):
        self.names = names
        self.asked = {}  # A questions by name
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind((address, 53))
        self.stream = socket.create_server((address, 53))
        for one in (self.datagrams, self.stream):
            test.addCleanup(one.close)
        threading.Thread(target=self.serve_datagrams, daemon=True).start()
        threading.Thread(target=self.serve_stream, daemon=True).start()

    def answer(self, query):
        """The bytes; nothing where it keeps silent."""
        name, asked, question = question_of(query)
        number = self.asked.get(name, 0)
        if asked == A:
            self.asked[name] = number + 1
        known = self.names.get(name)
        answer = known(number) if known else Answer(code=NO_NAME)
        if answer.silent:
            return None
        records = answer.records(asked)
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | answer.code, 1, len(records), 0, 0)
        body = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(value)) + value
            for kind, value in records
        )
        return head + question + body

    def serve_datagrams(self):
        while True:
            try:
                query, client = self.datagrams.recvfrom(4096)
                answer = self.answer(query)
                if answer is None:
                    continue
                if len(answer) > DATAGRAM_MAX:
                    _, _, question = question_of(query)
                    flags = struct.pack("!HHHHH", 0x8180 | TRUNCATED, 1, 0, 0, 0)
                    answer = query[:2] + flags + question
                self.datagrams.sendto(answer, client)
            except OSError:
                return

    def serve_stream(self):
        while True:
            try:
                connection = self.stream.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection, connection.makefile("rb") as queries:
            while len(size := queries.read(2)) == 2:
                answer = self.answer(queries.read(struct.unpack("!H", size)[0]))
                if answer is None:
                    time.sleep(60)
                    return
                connection.sendall(struct.pack("!H", len(answer)) + answer)
