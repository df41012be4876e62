# SPDX-License-Identifier: BSD-3-Clause
"""TCP options that client or device do without: what is agreed holds on the host's side too, with large bodies both ways."""
import hashlib
import socket

from lib import clients, l7_servers, servers
from lib.l7_scene import BOTH, L7, both

OPTIONS = {"timestamps": 1, "sack": 2, "window_scaling": 4}  # TCPI_OPT_* of linux/tcp.h
TCP_INFO_OPTIONS = 5
PART = 3 << 20
ALL_PORT, PORTS = 80, {"timestamps": 8001, "sack": 8002, "window_scaling": 8003}


def serve(t):
    part = t.path("content", "part")
    with open(servers.make_files(t)["big"], "rb") as big, open(part, "wb") as f:
        f.write(big.read(PART))
    for port in [ALL_PORT, *PORTS.values()]:
        l7_servers.Python(t, "host1", port).add_file("part", part)


def client_has(s, off=()):
    s.topology.sysctl("client", *(f"net.ipv4.tcp_{o}={int(o not in off)}" for o in OPTIONS))


def agreed(sock):
    bits = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[TCP_INFO_OPTIONS]
    return {o for o, bit in OPTIONS.items() if bits & bit}


def both_ways(s, address, port):
    """(options, upload right, download right) of one connection."""
    content = s.content("big")[:PART]
    with clients.connect(s.topology, address, port) as sock:
        sock.sendall(b"POST /x HTTP/1.1\r\nHost: vip\r\nContent-Length: %d\r\n\r\n" % len(content) + content[:1])
        sock.sendall(content[1:])
        answer = b""
        while len(answer.partition(b"\r\n\r\n")[2]) < 64:
            answer += sock.recv(4096)
        up = answer.endswith(hashlib.sha256(content).hexdigest().encode())
        _, _, body = clients.request(sock, "part")
        return agreed(sock), up, body == content


def scenario(checks):
    vips = both("all", ALL_PORT)
    for name, port in PORTS.items():
        vips += both(f"no_{name}_", port, application={name: False})
    with L7(checks, vips, serve, hosts=1) as s:
        for address in BOTH:
            for off in ((), ("timestamps",), ("sack",), ("window_scaling",), tuple(OPTIONS)):
                client_has(s, off)
                checks.equal(f"{address}: client without {', '.join(off) or 'nothing'}", both_ways(s, address, ALL_PORT),
                             (set(OPTIONS) - set(off), True, True))
            client_has(s)
            for name, port in PORTS.items():
                checks.equal(f"{address}: device without {name}", both_ways(s, address, port), (set(OPTIONS) - {name}, True, True))
