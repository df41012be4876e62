# SPDX-License-Identifier: BSD-3-Clause
"""VIPs and the device's own addresses answer echo requests, IPv4 and IPv6."""
from lib.baton import TUNNEL4, TUNNEL6, VIP4, VIP6
from lib.clients import ping
from lib.scene import Scene
from lib.topology import DEVICE4, DEVICE6


def scenario(checks):
    with Scene(checks, hosts=1, mode="full-nat") as s:
        for address in (VIP4, VIP6, TUNNEL4, TUNNEL6, DEVICE4, DEVICE6):
            checks.equal(f"echo replies from {address}", ping(s.topology, address), 3)
        checks.equal("echo replies from an address that nobody has", ping(s.topology, "10.0.0.77", count=1), 0)
