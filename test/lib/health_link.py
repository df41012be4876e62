# SPDX-License-Identifier: BSD-3-Clause
"""The health link from outside: frames of nanomsg's bus protocol over TCP, sent by a stranger or heard by a false balancer."""
import socket
import struct
import threading

from lib.netns import inside

GREETING = b"\0SP\0" + struct.pack("!HH", 7 * 16, 0)  # bus
# where the fields of a sealed frame stand (src/wire/seal.h)
KEY_ID, KIND, TEXT = 11, 12, 40
KIND_DATA = 0


def _exactly(sock, n):
    got = b""
    while len(got) < n:
        more = sock.recv(n - len(got))
        if not more:
            raise ConnectionError("closed")
        got += more
    return got


def stranger(topology, namespace, address, port, greet=True):
    """A connection to a balancer's health port; greeted: frames may follow."""
    with inside(topology.name(namespace)):
        s = socket.create_connection((address, port), timeout=10)
    if greet:
        s.sendall(GREETING)
        _exactly(s, len(GREETING))
    return s


def send_frame(sock, frame):
    sock.sendall(struct.pack("!Q", len(frame)) + frame)


class FalseBalancer:
    """Listens where agents were told that a balancer is; keeps the frames."""

    def __init__(self, topology, namespace, address, port):
        self.frames = []
        with inside(topology.name(namespace)):
            self.socket = socket.create_server((address, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)  # ends accept()
        self.socket.close()

    def _serve(self):
        try:
            while True:
                sock = self.socket.accept()[0]
                threading.Thread(target=self._hear, args=(sock,), daemon=True).start()
        except OSError:
            pass  # the end

    def _hear(self, sock):
        try:
            with sock:
                sock.sendall(GREETING)
                _exactly(sock, len(GREETING))
                while True:
                    self.frames.append(_exactly(sock, struct.unpack("!Q", _exactly(sock, 8))[0]))
        except OSError:
            pass  # the agent has left

    def data(self):
        return [f for f in list(self.frames) if len(f) > TEXT and f[KIND] == KIND_DATA]
