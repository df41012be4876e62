# SPDX-License-Identifier: BSD-3-Clause
"""Unmodified clients, run in the client's namespace."""
import hashlib
import os
import re
import socket
import struct
import time

from lib.netns import inside
from lib.shell import Failed

TIMEOUT = 60


def url(address, path, port=80):
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/{path}"


def curl(topology, *words, check=True, timeout=TIMEOUT):
    """CompletedProcess of a curl that says nothing but what it was asked for."""
    return topology.run("client", "curl", "--silent", "--show-error", "--globoff", "--noproxy", "*",
                        "--max-time", timeout, *words, check=check, timeout=timeout + 10)


def get_sha256(topology, address, path, port=80, timeout=TIMEOUT):
    """Fetch; (SHA-256 of the body, name of the host that answered)."""
    body, head = topology.path("client", f"body{time.monotonic_ns()}"), topology.path("client", "head")
    curl(topology, "--fail", "--output", body, "--dump-header", head, url(address, path, port), timeout=timeout)
    try:
        with open(body, "rb") as f, open(head, encoding="latin-1") as h:
            who = re.search(r"^X-Host: (\S+)", h.read(), re.M)
            return hashlib.file_digest(f, "sha256").hexdigest(), who and who[1]
    finally:
        os.unlink(body)


def post_sha256(topology, address, path, port=80):
    """POST a file; SHA-256 of the body as the server has stored it."""
    r = curl(topology, "--fail", "--dump-header", "-", "--header", "Expect:", "--data-binary", f"@{path}", url(address, "post", port))
    stored = re.search(r"^X-Body-File: (\S+)", r.stdout, re.M)
    if not stored:
        raise Failed(f"server did not say where it put the body:\n{r.stdout}")
    with open(stored[1], "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def whoami(topology, address, port=80, timeout=TIMEOUT, path=""):
    """Name of the host that a new connection reaches, asked for below that path; Failed if none answers."""
    return curl(topology, "--fail", "--max-time", timeout, url(address, path.lstrip("/") + "whoami", port)).stdout.strip()


class WrkResult:
    def __init__(self, text):
        self.text = text
        done = re.search(r"(\d+) requests in", text)
        if not done:
            raise Failed(f"wrk said nothing of use:\n{text}")
        self.requests = int(done[1])
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        status = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        self.errors = sum(map(int, errors.groups())) if errors else 0
        self.bad_status = int(status[1]) if status else 0
        per_second = re.search(r"Requests/sec:\s*([\d.]+)", text)
        self.per_second = float(per_second[1])


def wrk(topology, address, path, connections, seconds, port=80, timeout=10):
    r = topology.run("client", "wrk", "--threads", 2, "--connections", connections, "--duration", f"{seconds}s",
                     "--timeout", f"{timeout}s", url(address, path, port), timeout=seconds + 60)
    return WrkResult(r.stdout)


def ping(topology, address, count=3):
    """Number of echo replies."""
    r = topology.run("client", "ping", "-n", "-c", count, "-i", "0.2", "-W", 2, address, check=False)
    m = re.search(r"(\d+) received", r.stdout)
    return int(m[1]) if m else 0


def dns_query(topology, server, name, kind, source_port=0, port=53, timeout=5):
    """One query from a socket of its own: the bytes of the answer's last record's data."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with inside(topology.name("client")):
        s = socket.socket(family, socket.SOCK_DGRAM)
    with s:
        s.settimeout(timeout)
        if source_port:
            s.bind(("", source_port))
        s.connect((server, port))
        question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack("!HH", kind, 1)
        ident = os.urandom(2)
        s.send(ident + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + question)
        answer = s.recv(4096)
    if answer[:2] != ident or struct.unpack_from("!H", answer, 6)[0] != 1:
        raise Failed(f"{name}: not one answer: {answer!r}")
    data_at = 12 + len(question) + 12  # compressed name, type, class, TTL, length
    return answer[data_at:]


def connect(topology, address, port, timeout=TIMEOUT):
    """TCP socket of the client's; stays in its namespace."""
    with inside(topology.name("client")):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.connect((address, port))
    return s


def request(sock, path, last=False):
    """One GET on an open socket: (status, headers text, body). After the last one the server closes the connection."""
    sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: vip\r\nConnection: {'close' if last else 'keep-alive'}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, body = data.split(b"\r\n\r\n", 1)
    head = head.decode("latin-1")
    length = int(re.search(r"^content-length: (\d+)", head, re.M | re.I)[1])
    while len(body) < length:
        body += _more(sock)
    if last and sock.recv(1):
        raise Failed("more bytes than the response has")
    return int(head.split()[1]), head, body


def _more(sock):
    got = sock.recv(1 << 16)
    if not got:
        raise Failed("connection closed in the middle of a response")
    return got
