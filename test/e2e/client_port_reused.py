# SPDX-License-Identifier: BSD-3-Clause
"""A client uses its port again right after closing: every new connection of the same 4-tuple is served, with its own data."""
import errno
import socket
import struct

from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.netns import inside
from lib.scene import Scene
from lib.shell import wait_for

PORT = 40123
ROUNDS = 40


def connect(topology, address, reset):
    with inside(topology.name("client")):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(20)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reset:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends RST
    s.bind(("", PORT))
    wait_for(lambda: connected(s, address), "the client's own last connection is over")
    return s


def connected(s, address):
    try:
        s.connect((address, 80))
    except OSError as e:
        if e.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def routes(device):
    return [r for r in device.show("routes") if r["client_port"] == PORT and r["action"] != "return"]


def scenario(checks):
    # endless states: only the new SYN itself, or the host's word, can end the old connection
    for mode in ("tunnel", "full-nat"):
        with Scene(checks, mode=mode, timeouts={"fin": 30000, "closed": 30000}) as s:
            with open(servers.make_files(s.topology)["small"], "rb") as f:
                small = f.read()
            for address in (VIP4, VIP6):
                for how, reset in (("server closes first", False), ("client resets", True)):
                    hosts, wrong = set(), 0
                    for _ in range(ROUNDS):
                        with connect(s.topology, address, reset) as sock:
                            _, head, body = clients.request(sock, "small", last=not reset)
                            wrong += body != small
                            hosts.add(next(h for h in s.topology.hosts if f"X-Host: {h}" in head))
                    checks.equal(f"{mode}, {address}, {how}: wrong bodies among {ROUNDS}", wrong, 0)
                    checks.equal(f"{mode}, {address}, {how}: hosts chosen anew", sorted(hosts), s.topology.hosts)
            if mode == "tunnel":
                checks.step("tunnel: the hosts say that all is over", wait_for, lambda: not routes(s.device), "no route")
            else:
                checks.equal(f"{mode}: one route for each address", len(routes(s.device)), 2)
