"""Endpoints that do everything wrong, each on a port of its own, and what must be made of it.
As a program: serves them all from one process, says where on its first line, and on every further
line of its stdin answers how often each has been connected to."""

import asyncio
import dataclasses
import gzip
import json
import socket
import struct
import sys
import typing

HEAD = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
TEN = HEAD + b"Content-Length: 10\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSAL = b"HTTP/1.1 500 No\r\n"


@dataclasses.dataclass
class Peer:
    name: str
    does: typing.Callable  # of a reader and a writer; None: not a server of ours
    reason: str | None  # of each failed attempt; None: the first attempt is accepted
    status: int | None = None
    timeout: str = "5s"
    pause: float = 1.0  # seconds between two attempts; the schedule asks for one
    waits_for: float | None = None  # seconds the second attempt is put off by; there is none here


async def request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))


async def until_gone(reader):
    while await reader.read(65_536):
        pass


def reset(writer):
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(*parts, then=until_gone):
    """Reads the request, says the parts, and waits for the client to go."""

    async def act(reader, writer):
        await request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        await then(reader)

    return act


def serves(answer):
    """An answer to each request."""

    async def act(reader, writer):
        while True:
            await request(reader)
            writer.write(answer)

    return act


def leaves(*parts, abruptly=False):
    async def act(reader, writer):
        await request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if abruptly:
            await asyncio.sleep(0.05)
            reset(writer)

    return act


def floods(begin, again):
    async def act(reader, writer):
        await request(reader)
        writer.write(begin)
        while True:
            writer.write(again)
            await writer.drain()

    return act


def drips(begin, again, pause=0.1):
    async def act(reader, writer):
        await request(reader)
        writer.write(begin)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)

    return act


async def closes_at_once(reader, writer):
    pass


async def resets_at_once(reader, writer):
    reset(writer)


async def never_reads(reader, writer):
    await asyncio.sleep(3_600)


async def answers_first(reader, writer):
    writer.write(HEAD + EMPTY)
    await until_gone(reader)


async def answers_a_greeting(reader, writer):
    await reader.read(1)
    writer.write(HEAD + EMPTY)
    await until_gone(reader)


async def takes_one_byte(reader, writer):
    await reader.readexactly(1)
    reset(writer)


def taken(name, does, status=200, timeout="5s"):
    return Peer(name, does, None, status, timeout)


def broken(name, does):
    return Peer(name, does, "reset")


def late(name, does):
    return Peer(name, does, "timeout", timeout="1s")


def refuses(name, status, *more, **rest):
    head = f"HTTP/1.1 {status} Whatever\r\n".encode()
    return Peer(name, serves(head + b"".join(more) + EMPTY), "status", status, **rest)


def redirects(name, status, where):
    return refuses(name, status, f"Location: {where}\r\n".encode())


def waits(name, status, text, pause, waits_for=None):
    line = b"Retry-After: " + text + b"\r\n"
    return refuses(name, status, line, pause=pause, waits_for=waits_for)


def headers(count):
    return HEAD + b"".join(b"h%d: v\r\n" % at for at in range(count)) + EMPTY


BOMB = gzip.compress(bytes(64 << 20))
METADATA = "http://169.254.169.254/latest/meta-data/"

LOST = [
    Peer("nobody-listens", None, "refused"),
    Peer("handshake-ignored", None, "timeout", timeout="1s"),
    broken("closes-at-once", closes_at_once),
    broken("resets-at-once", resets_at_once),
    broken("resets-in-the-request", takes_one_byte),
    broken("resets-after-the-request", leaves(abruptly=True)),
    broken("closes-after-the-request", leaves()),
    broken("resets-in-the-headers", leaves(HEAD + b"Conte", abruptly=True)),
    broken("closes-in-the-headers", leaves(HEAD + b"Conte")),
    broken("closes-in-the-status-line", leaves(b"HTTP/1.1 2")),
    late("never-answers", says()),
    late("never-reads", never_reads),
    late("a-header-byte-now-and-then", drips(HEAD + b"x: ", b"y")),
    late("stops-in-the-headers", says(HEAD + b"Conte")),
    taken("resets-after-the-headers", leaves(TEN, abruptly=True)),
    taken("resets-in-the-body", leaves(TEN + b"half", abruptly=True)),
    taken("closes-in-the-body", leaves(TEN + b"half")),
    taken("stops-in-the-body", says(TEN + b"half"), timeout="2s"),
    taken("a-body-byte-now-and-then", drips(TEN, b"x", 0.5), timeout="2s"),
    taken("answers-before-it-reads", answers_first),
]
LENGTHS = [
    taken("length-too-short", says(HEAD + b"Content-Length: 2\r\n\r\nlonger than two")),
    taken("length-too-long", leaves(HEAD + b"Content-Length: 99\r\n\r\nshort")),
    broken("length-negative", says(HEAD + b"Content-Length: -1\r\n\r\n")),
    broken("length-no-number", says(HEAD + b"Content-Length: ten\r\n\r\n")),
    broken("length-twice", says(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok")),
    broken("length-overflows", says(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n")),
    taken("body-of-a-gibibyte", floods(HEAD + b"Content-Length: 1073741824\r\n\r\n", bytes(65536))),
    taken("body-endless", floods(HEAD + b"\r\n", bytes(65536))),
    taken("chunk-size-overflows", says(CHUNKED + b"fffffffffffffffff\r\nx")),
    taken("chunks-endless", floods(CHUNKED, b"400\r\n" + bytes(1024) + b"\r\n")),
    taken("trailers-endless", floods(CHUNKED + b"0\r\n", b"t: " + b"x" * 1024 + b"\r\n")),
    taken("no-content-with-a-body", says(b"HTTP/1.1 204 No\r\n\r\nsurprise"), 204),
    taken("gzip-bomb", says(HEAD + b"Content-Encoding: gzip\r\n\r\n" + BOMB[:60_000])),
    Peer("gzip-bomb-of-a-refusal",
         leaves(REFUSAL + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB),
         "status", 500),
]
HEADS = [
    broken("no-http", says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")),
    broken("garbage-endless", floods(b"", b"x" * 4096)),
    broken("headers-endless", floods(HEAD, b"h: " + b"x" * 1024 + b"\r\n")),
    broken("headers-10000", says(headers(10_000))),
    broken("nul-in-a-header", says(HEAD + b"x: a\0b\r\n" + EMPTY)),
    broken("bare-line-feeds", says(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n")),
    broken("status-000", says(b"HTTP/1.1 000 Zero\r\n" + EMPTY)),
    refuses("status-999", 999),
    refuses("status-410", 410),
    broken("continue-endless", floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    late("continue-and-nothing", says(b"HTTP/1.1 100 Continue\r\n\r\n")),
    Peer("switching-protocols", says(b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n"), "status", 101),
    redirects("redirect-to-metadata", 301, METADATA),
    redirects("redirect-to-a-file", 302, "file:///etc/passwd"),
    redirects("redirect-to-nowhere", 303, "//"),
    redirects("redirect-to-itself", 307, "/hook"),
    redirects("redirect-to-metadata-for-good", 308, METADATA),
    waits("retry-after-zero", 429, b"0", 1),
    waits("retry-after-the-past", 503, b"Sun, 06 Nov 1994 08:49:37 GMT", 1),
    waits("retry-after-garbage", 503, b"soon", 1),
    waits("retry-after-three-seconds", 503, b"3", 3),
    waits("retry-after-ten-years", 429, b"315360000", 3_600, waits_for=3_600),
]
HTTP = LOST + LENGTHS + HEADS


def no_tls(name, does=None, reason="tls", timeout="5s"):
    return Peer(name, does, reason, timeout=timeout)


# By certificate; those without one speak no TLS.
TLS = [
    no_tls("expired"),
    no_tls("wrong-name"),
    no_tls("self-signed"),
    no_tls("unknown-authority"),
    no_tls("tls-1-only"),
    no_tls("huge-chain"),
    no_tls("handshake-hangs", until_gone, "timeout", "1s"),
    no_tls("plain-http", answers_a_greeting),
    no_tls("resets-in-the-handshake", takes_one_byte),
    Peer("trusted", says(HEAD + EMPTY), None, 200),
]


class Served:
    def __init__(self, peer):
        self.peer = peer
        self.connections = 0
        self.port = 0
        self.server = None

    async def start(self, certificates):
        self.server = await asyncio.start_server(self.on_connection, "127.0.0.1", 0, ssl=certificates)
        self.port = self.server.sockets[0].getsockname()[1]

    async def on_connection(self, reader, writer):
        self.connections += 1
        try:
            does = self.peer.does
            await (does(reader) if does is until_gone else does(reader, writer))
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def nobody():
    """A port where nobody listens, kept so."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def deaf():
    """A listener whose queue is full: the kernel drops whatever comes."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    knocking = [socket.socket() for _ in range(2)]
    for one in knocking:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    return listener, knocking


async def serve(certificates_of):
    """`certificates_of`: a TLS context for those peers that have one, by name."""
    gone, full = nobody(), deaf()
    ports = {"nobody-listens": gone.getsockname()[1], "handshake-ignored": full[0].getsockname()[1]}
    served = {}
    for peer in HTTP + TLS:
        if peer.name in ports:
            continue
        one = served[peer.name] = Served(peer)
        if peer.does is None:
            peer.does = until_gone
        await one.start(certificates_of.get(peer.name))
        ports[peer.name] = one.port
    print(json.dumps(ports), flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(json.dumps({name: one.connections for name, one in served.items()}), flush=True)


if __name__ == "__main__":
    from tls_peers import contexts

    asyncio.run(serve(contexts(sys.argv[1])))
