# SPDX-License-Identifier: BSD-3-Clause
"""Large bodies both ways, a thousand requests on a connection, half-closed, reset, slow and stopped clients.

By hand: --download-mb 1000 --upload-mb 1000
"""
import hashlib
import socket
import struct
import time

from lib import clients, l7_clients, l7_servers
from lib.l7_scene import BOTH, L7, both, option, random_file
from lib.netns import inside
from lib.shell import wait_for

TAKER = 8080
DOWNLOAD_MB, UPLOAD_MB = int(option("--download-mb", 200)), int(option("--upload-mb", 100))
REQUESTS = 1000
TIMEOUT = clients.TIMEOUT + max(DOWNLOAD_MB, UPLOAD_MB)  # a second for a megabyte is slow even for a busy machine


def serve(t):
    for host in t.hosts:
        l7_servers.Python(t, host, TAKER)
    return {host: l7_servers.Nginx(t, host) for host in t.hosts}


def large(checks, s, files):
    t = s.topology
    for address, up, down in ((BOTH[0], "up", "big"), (BOTH[1], "big", "down")):
        got = l7_clients.get(t, address, "any/a/upload", "--data-binary", f"@{files[up][0]}", "-H", "Expect:", port=TAKER,
                             timeout=TIMEOUT)
        checks.equal(f"{up}, to {address}", (got.host, got.body.decode()), ("host1", files[up][1]))
        checks.equal(f"{down}, from {address}", clients.get_sha256(t, address, f"any/b/{down}", timeout=TIMEOUT), (files[down][1], "host2"))


def many_requests(checks, s, address):
    content = s.content("small")
    with clients.connect(s.topology, address, 80) as sock:
        wrong = [n for n in range(REQUESTS) if clients.request(sock, "any/b/small", n == REQUESTS - 1)[::2] != (200, content)]
    checks.equal(f"{address}: wrong among {REQUESTS} requests on one connection", wrong, [])


def half_close(checks, s, address, path, wanted):
    """The request's body ends with the client's side of the connection; the answer comes after."""
    with clients.connect(s.topology, address, TAKER) as sock, open(path, "rb") as f:
        sock.sendall(b"POST /any/a/x HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n")
        sock.sendfile(f)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while piece := sock.recv(1 << 16):
            got += piece
    checks.equal(f"{address}: answer to a half-closed connection", got.partition(b"\r\n\r\n")[2].decode(), wanted)


def reset(checks, s, address):
    """In the middle of a response; the host's connection goes, and the device's route with it."""
    sock = clients.connect(s.topology, address, 80)
    port = sock.getsockname()[1]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.sendall(b"GET /any/b/down HTTP/1.1\r\nHost: vip\r\n\r\n")
    sock.recv(1 << 16)
    sock.close()
    checks.step(f"{address}: the host forgets a connection that its client reset", wait_for, lambda: not s.topology.run(
        "host2", "ss", "-Htn", f"dport = :{port}").stdout.strip(), "no socket")


def slow(checks, s, address, wanted):
    """A small receive buffer, first not read at all until the window is closed, then piece by piece with pauses."""
    with inside(s.topology.name("client")):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.connect((address, 80))
        sock.sendall(b"GET /any/b/big HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n")
        probes = wait_for(lambda: stopped(s), "the server's window probes", 10)
        checks.true(f"{address}: the window was closed", probes)
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1)
        digest, n = hashlib.sha256(), 0
        while piece := sock.recv(1 << 16):
            digest.update(piece)
            n += 1
            if n % 100 == 0 and n < 2000:
                time.sleep(0.01)
    checks.equal(f"{address}: content for a slow reader", digest.hexdigest(), wanted)


def stopped(s):
    """The server waits for a window to open."""
    out = s.topology.run("host2", "ss", "-Htoin", "sport = :80").stdout
    return "persist" in out


def scenario(checks):
    pools = {"a": (1,), "b": (2,)}
    rules = [{"path_prefix": ["/any/a/"], "pool": "a"}, {"path_prefix": ["/any/b/"], "pool": "b"}]
    with L7(checks, both("web", pools=pools, rules=rules) + both("taker", TAKER, pools=pools, rules=rules), serve, hosts=2) as s:
        t = s.topology
        files = {"up": random_file(t, "up", UPLOAD_MB << 20), "down": random_file(t, "down", DOWNLOAD_MB << 20),
                 "big": (t.path("content", "big"), s.wanted("big"))}
        s.servers["host2"].add_file("down", files["down"][0])
        large(checks, s, files)
        for address in BOTH:
            many_requests(checks, s, address)
            half_close(checks, s, address, *files["big"])
            reset(checks, s, address)
            slow(checks, s, address, files["big"][1])
