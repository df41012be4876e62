# SPDX-License-Identifier: BSD-3-Clause
"""DNS over UDP through the tunnel, IPv4 and IPv6: right answers, from the VIP, every host takes part."""
from lib import clients, servers
from lib.baton import VIP4, VIP6, vip
from lib.scene import Scene

TXT = 16


def scenario(checks):
    dns = [vip("dns4", VIP4, 53, "udp"), vip("dns6", VIP6, 53, "udp")]
    with Scene(checks, more_vips=dns) as s:
        t = s.topology
        for host in t.hosts:
            servers.dns(t, host)
        for address in (VIP4, VIP6):
            checks.equal(f"address of a.test by {address}", clients.dns_query(t, address, "a.test", 1), bytes([192, 0, 2, 7]))
            # connected sockets: an answer from another address would not arrive
            who = [clients.dns_query(t, address, "who.test", TXT)[1:].decode() for _ in range(60)]
            checks.equal(f"hosts that answer at {address}", sorted(set(who)), t.hosts)
            one = {clients.dns_query(t, address, "who.test", TXT, source_port=40000) for _ in range(10)}
            checks.equal(f"one client socket stays with one host, {address}", len(one), 1)
