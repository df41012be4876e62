# SPDX-License-Identifier: BSD-3-Clause
"""Thousands of short connections through a small route table: places and client ports come back, no answer is wrong."""
from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.scene import Scene
from lib.shell import wait_for

SHORT = {"syn": 2, "established": 30, "fin": 1, "closed": 1, "udp": 2}
PLACES = 1024


def scenario(checks):
    routes = {"ipv4": PLACES, "ipv6": PLACES, "connections": 2048}
    with Scene(checks, timeouts=SHORT, device={"routes": routes}) as s:
        t = s.topology
        t.sysctl("client", "net.ipv4.ip_local_port_range=40000 40499", "net.ipv4.tcp_tw_reuse=1")
        with open(servers.make_files(t)["small"], "rb") as f:
            content = f.read()
        for vip in (VIP4, VIP6):
            good = wrong = refused = 0
            for _ in range(3 * PLACES):
                try:
                    with clients.connect(t, vip, 80, timeout=5) as sock:
                        body = clients.request(sock, "small")[2]
                    good += body == content
                    wrong += body != content
                except OSError:
                    refused += 1  # a full table may refuse, never mix up
            checks.equal(f"wrong bodies at {vip}", wrong, 0)
            checks.true(f"most of {3 * PLACES} connections at {vip} succeed", refused < PLACES / 4, refused)
            checks.true(f"places were used again at {vip}", good > 2 * PLACES, good)
        checks.step("the table drains", wait_for, lambda: not s.device.show("routes"), "no route left", timeout=30)
