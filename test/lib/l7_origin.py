# SPDX-License-Identifier: BSD-3-Clause
"""l7_origin.py FOLDER NAME PORT ADDRESS,...: files of a folder over HTTP; the SHA-256 of what is sent to it.

A request with Connection: close and no length has a body that ends with the client's side of the connection.
"""
import hashlib
import http.server
import os
import re
import socket
import sys
import threading

PIECE = 1 << 16


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = folder = None

    def do_GET(self):
        path = re.sub(r"^/any/[^/]*/", "/", self.path.split("?")[0]).lstrip("/")
        place = os.path.join(self.folder, "files", path)
        if ".." in path or not os.path.isfile(place):
            self._answer(404, b"")
            return
        with open(place, "rb") as f:
            self._head(200, os.fstat(f.fileno()).st_size)
            while piece := f.read(PIECE):
                self.wfile.write(piece)

    def do_POST(self):
        digest, left = hashlib.sha256(), int(self.headers.get("Content-Length", -1))
        while left and (piece := self.rfile.read1(PIECE if left < 0 else min(PIECE, left))):
            digest.update(piece)
            left -= len(piece) if left > 0 else 0
        if left > 0:
            self.close_connection = True  # the client gave up
            return
        self._answer(200, digest.hexdigest().encode())

    do_PUT = do_POST

    def _head(self, status, length):
        self.send_response(status)
        self.send_header("X-Host", self.name)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _answer(self, status, body):
        self._head(status, len(body))
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

    def __init__(self, address, port):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Handler)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind(self.server_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # clients that go away are part of the tests
            super().handle_error(request, client_address)


def main():
    Handler.folder, Handler.name = sys.argv[1:3]
    listeners = [Listener(a, int(sys.argv[3])) for a in sys.argv[4].split(",")]
    threads = [threading.Thread(target=s.serve_forever) for s in listeners]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


main()
