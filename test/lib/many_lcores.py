# SPDX-License-Identifier: BSD-3-Clause
"""What several lcores must do together, whichever of them a packet comes to."""
from lib import clients, servers
from lib.baton import VIP4, VIP6, vip
from lib.scene import Scene


def check_mode(checks, roles, mode):
    dns = [vip("dns4", VIP4, 53, "udp", mode), vip("dns6", VIP6, 53, "udp", mode)]
    with Scene(checks, mode=mode, roles=roles, more_vips=dns) as s:
        t, d = s.topology, s.device
        upload = servers.make_files(t)["big"]
        for host in t.hosts:
            servers.dns(t, host)
        for address in (VIP4, VIP6):
            checks.equal(f"{mode}: 20 MB from {address}", {clients.get_sha256(t, address, "big")[0] for _ in range(4)}, {s.wanted("big")})
            checks.equal(f"{mode}: POST of 20 MB to {address}", clients.post_sha256(t, address, upload), s.wanted("big"))
            r = clients.wrk(t, address, "small", connections=200, seconds=1)
            checks.equal(f"{mode}: wrk at {address}: errors, bad status", (r.errors, r.bad_status), (0, 0))
            checks.equal(f"{mode}: hosts that answer at {address}", sorted({clients.whoami(t, address) for _ in range(30)}), t.hosts)
            got = {clients.dns_query(t, address, "a.test", 1) for _ in range(20)}
            checks.equal(f"{mode}: DNS by {address}", got, {bytes([192, 0, 2, 7])})
        forwarders = [x for x in d.show("lcores") if x["forwarder"] >= 0]
        checks.true(f"{mode}: every forwarder had its part", all(x["rx_packets"] > 1000 for x in forwarders), forwarders)
        classifiers = d.show("classifiers")
        checks.true(f"{mode}: every classifier had its part", all(x["new_connections"] > 30 for x in classifiers), classifiers)
        if mode != "tunnel":
            # replies come to another lcore than requests, as the packet socket hashes them: it asks for the route
            checks.true(f"{mode}: routes were plumbed where replies came in", sum(x["replumbed"] for x in classifiers) > 30, classifiers)
        checks.equal(f"{mode}: device ends well", d.process.stop(), 0)
