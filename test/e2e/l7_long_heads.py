# SPDX-License-Identifier: BSD-3-Clause
"""Heads of up to 64 KiB: the rule's cookie stands at the very end; beyond head_max the VIP's own endpoints get the connection."""
import hashlib
import threading

from lib import clients, l7_servers
from lib.l7_scene import BOTH, L7, both

RULES = [{"cookie": [{"name": "last", "value": ["b"]}], "pool": "b"}]
HEAD_MAX = 65535
AT_ONCE = 12
SMALL_PORT = 8080
SMALL_MAX = 2048


def serve(t):
    for host in t.hosts:
        l7_servers.Nginx(t, host, SMALL_PORT)
        l7_servers.Nginx(t, host)


def request(size, path="any/x/small"):
    """A head of exactly so many bytes; header lines of 7 KiB, as servers take them."""
    start = f"GET /{path} HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n"
    end = "Cookie: first=1; last=b\r\n\r\n"
    left = size - len(start) - len(end)
    lines, n = "", 0
    while left:
        length = min(left, 7000) if left - min(left, 7000) not in range(1, 40) else left - 40
        name = f"Cookie: c{n}="
        lines += name + "v" * (length - len(name) - 2) + "\r\n"
        left -= length
        n += 1
    return (start + lines + end).encode()


def ask(s, address, port, data, results):
    with clients.connect(s.topology, address, port) as sock:
        sock.sendall(data)
        got = b""
        try:
            while piece := sock.recv(1 << 16):
                got += piece
        except OSError as e:
            got += str(e).encode()
    head, _, body = got.partition(b"\r\n\r\n")
    host = next((line[8:] for line in head.decode("latin-1").splitlines() if line.startswith("X-Host: ")), head[:60])
    results.append((host, hashlib.sha256(body).hexdigest()))


def one(s, address, port, size):
    results = []
    ask(s, address, port, request(size), results)
    return results[0]


def scenario(checks):
    vips = both("web", pools={"b": (2,)}, rules=RULES, application={"head_max": HEAD_MAX})
    vips += both("small", SMALL_PORT, pools={"b": (2,)}, rules=RULES, application={"head_max": SMALL_MAX})
    with L7(checks, vips, serve, hosts=2) as s:
        small = s.wanted("small")
        for address in BOTH:
            for size in (1460, 1461, 4096, 4097, 16384, HEAD_MAX):
                checks.equal(f"{address}: a head of {size} bytes", one(s, address, 80, size), ("host2", small))
            checks.equal(f"{address}: head_max of {SMALL_MAX}", one(s, address, SMALL_PORT, SMALL_MAX), ("host2", small))
            checks.equal(f"{address}: a byte more", one(s, address, SMALL_PORT, SMALL_MAX + 1), ("host1", small))
            checks.equal(f"{address}: far beyond", one(s, address, SMALL_PORT, HEAD_MAX), ("host1", small))
        results = []
        threads = [threading.Thread(target=ask, args=(s, BOTH[n % 2], 80, request(60000 + n), results)) for n in range(AT_ONCE)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        checks.equal(f"{AT_ONCE} of 60 KB at once", results, [("host2", small)] * AT_ONCE)
