"""Decoy: a listener that nothing may ever connect to."""

import socket
import threading


class Decoy:
    def __init__(self, test, address, port):
        self.visitors = []
        self.listener = socket.create_server((address, port))
        test.addCleanup(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.visitors.append(self.listener.accept())
            except OSError:
                return
