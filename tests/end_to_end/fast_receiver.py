"""FastReceiver: webhook endpoints inside the test, many and quick: one loop in a thread of its own."""

import asyncio
import re
import threading

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
DRIP = 0.3  # seconds between the bytes of an answer that never ends
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FAILED = b"HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n"


class Endpoint(asyncio.Protocol):
    """One connection; `answer(name, body)` gives the bytes of each answer, or nothing: it drips."""

    def __init__(self, name, answer):
        self.name = name
        self.answer = answer
        self.received = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while True:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return
            end = head + 4 + int(LENGTH.search(self.received, 0, head)[1])
            if len(self.received) < end:
                return
            body, self.received = self.received[head + 4 : end], self.received[end:]
            answer = self.answer(self.name, body)
            if answer is None:
                self.transport.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
                self.drip()
            else:
                self.transport.write(answer)

    def drip(self):
        if not self.transport.is_closing():
            self.transport.write(b"x")
            asyncio.get_running_loop().call_later(DRIP, self.drip)


class FastReceiver:
    """Endpoints by name, each with a port of its own."""

    def __init__(self, test, names, answer):
        self.ports = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        for name in names:
            self.ports[name] = self.run(self.listen(name, answer))
        test.addCleanup(self.stop)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def listen(self, name, answer):
        listener = await self.loop.create_server(
            lambda: Endpoint(name, answer), "127.0.0.1", 0, backlog=512)
        return listener.sockets[0].getsockname()[1]

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}/hook"

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
