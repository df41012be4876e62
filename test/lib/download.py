# SPDX-License-Identifier: BSD-3-Clause
"""A large download that is held up half-way."""
import hashlib
import re

from lib.arrivals import established
from lib.shell import Failed

PART = 1 << 20


class Download:
    """From a host by way of an address, on an established connection. Reads a first part; finish() the rest."""

    def __init__(self, topology, address, host, name="big"):
        self.sock = established(topology, address, host)
        self.sock.sendall(f"GET /{name} HTTP/1.1\r\nHost: vip\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data or len(data) < PART:
            data += self._more()
        head, body = data.split(b"\r\n\r\n", 1)
        self.left = int(re.search(rb"^content-length: (\d+)", head, re.M | re.I)[1]) - len(body)
        self.digest = hashlib.sha256(body)

    def _more(self):
        got = self.sock.recv(1 << 16)
        if not got:
            raise Failed("connection closed in the middle of a download")
        return got

    def finish(self):
        """SHA-256 of the whole body."""
        while self.left:
            got = self._more()
            self.digest.update(got)
            self.left -= len(got)
        self.sock.close()
        return self.digest.hexdigest()
