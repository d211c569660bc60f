"""CMQ over TCP, written from the tables and from nothing else: frames, the few protobuf forms they
need, and a client that matches replies by their seqno."""

import base64
import hashlib
import hmac
import itertools
import socket
import struct
import time

AUTH, SEND, BATCH_SEND, PULL, BATCH_PULL = 1020, 1021, 1022, 1023, 1024
DELETE, BATCH_DELETE, PUBLISH, BATCH_PUBLISH, HEARTBEAT = 1025, 1026, 1027, 1028, 1040
CONFIRM, QUERY = 1041, 1042
COMMIT, ROLLBACK, UNKNOWN = 1, 2, 3
FIELD = {AUTH: 199, SEND: 200, BATCH_SEND: 201, PULL: 202, BATCH_PULL: 204, DELETE: 206,
         BATCH_DELETE: 207, PUBLISH: 208, BATCH_PUBLISH: 209, CONFIRM: 221}  # fmt: skip
NO_MESSAGE = 10200


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(fields):
    """(number, value) pairs: integers, texts, bytes."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def frame(payload):
    return b"\0\0" + struct.pack("<I", len(payload) + 6) + payload


def parse(data):
    """{number: [values]}: integers and bytes."""
    fields, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            value = number()
        else:
            assert tag & 7 == 2, data
            size = number()
            value, at = data[at : at + size], at + size
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def pulled(data):
    one = parse(data)
    key = one.get(100, [b""])[0]
    return {"id": one[1][0], "receipt": one[3][0], "body": one[4][0], "receives": one[8][0], "key": key}


class Reply:
    def __init__(self, payload):
        fields = parse(payload)
        self.seqno, self.command = fields[1][0], fields[2][0]
        self.result = fields.get(3, [0])[0]
        self.error = fields.get(4, [b""])[0].decode()
        self.ids = fields.get(29, [])
        self.failures = [parse(one) for one in fields.get(28, [])]
        self.messages = [pulled(one) for one in fields.get(26, [])]
        for batch in fields.get(27, []):
            self.messages += [pulled(one) for one in parse(batch).get(1, [])]
        self.confirmed = []  # (id, state, code) of each item
        for confirmation in fields.get(222, []):
            for one in map(parse, parse(confirmation).get(2, [])):
                self.confirmed.append((one[1][0], one[2][0], one.get(3, [0])[0]))
        for query in map(parse, fields.get(223, [])):
            self.query = (query[1][0].decode(), query[2][0])


class Client:
    """`begin()` leaves requests under way; `reply_to()` gives the reply to one, whatever came first."""

    def __init__(self, port, key_id, secret, greet=True, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.seqnos = itertools.count(1)
        self.received = b""
        self.replies = {}
        self.order = []  # seqnos as their replies came
        self.queries = []  # (queue, id) the server asked about
        if greet:
            reply = self.greet(key_id, secret)
            assert reply.result == 0, (reply.result, reply.error)

    def greet(self, key_id, secret, client_id="127.0.0.1@test"):
        signed = hmac.new(secret.encode(), (client_id + key_id).encode(), hashlib.sha1)
        signature = base64.b64encode(signed.digest())
        return self.ask(AUTH, (1, key_id), (2, signature), (3, client_id), (4, "HmacSHA1"))

    def request(self, command, *fields):
        seqno = next(self.seqnos)
        outer = [(1, seqno), (2, command)]
        if command in FIELD:
            outer.append((FIELD[command], message(fields)))
        return seqno, frame(message(outer))

    def begin(self, command, *fields):
        seqno, data = self.request(command, *fields)
        self.socket.sendall(data)
        return seqno

    def ask(self, command, *fields):
        return self.reply_to(self.begin(command, *fields))

    def confirm(self, queue, *items, one_way=False):
        """Items: (id, COMMIT or ROLLBACK). The reply, or nothing: none is awaited."""
        fields = [(1, queue), *((2, message([(1, one), (2, state)])) for one, state in items)]
        if not one_way:
            return self.ask(CONFIRM, *fields)
        outer = [(1, next(self.seqnos)), (2, CONFIRM), (9, 1), (FIELD[CONFIRM], message(fields))]
        return self.socket.sendall(frame(message(outer)))

    def reply_to(self, seqno, patience=40):
        self._read_until(lambda: seqno in self.replies, patience)
        return self.replies.pop(seqno)

    def asked_about(self, message_id, patience=40):
        """Waits until the server has asked about a message once more; (queue, id)."""
        self._read_until(lambda: any(one == message_id for _, one in self.queries), patience)
        found = next(query for query in self.queries if query[1] == message_id)
        self.queries.remove(found)
        return found

    def _read_until(self, done, patience):
        end = time.monotonic() + patience
        while not done():
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError("closed by the server")
            self.received += data
            self._take()

    def _take(self):
        while len(self.received) >= 6:
            assert self.received[:2] == b"\0\0"
            size = struct.unpack_from("<I", self.received, 2)[0]
            if len(self.received) < size:
                return
            reply = Reply(self.received[6:size])
            self.received = self.received[size:]
            if reply.command == QUERY:
                self.queries.append(reply.query)
                continue
            self.replies[reply.seqno] = reply
            self.order.append(reply.seqno)

    def close(self):
        self.socket.close()
