# SPDX-License-Identifier: BSD-3-Clause
"""What half NAT and full NAT have in common."""
from lib import clients, servers
from lib.baton import SNAT4, SNAT6, VIP4, VIP6, vip
from lib.scene import Scene


def check_nat(checks, mode, sees_client):
    dns = [vip("dns4", VIP4, 53, "udp", mode), vip("dns6", VIP6, 53, "udp", mode)]
    with Scene(checks, mode=mode, more_vips=dns) as s:
        t = s.topology
        upload = servers.make_files(t)["big"]
        for host in t.hosts:
            servers.dns(t, host)
        for n, address, client, snat in ((4, VIP4, t.client4, SNAT4), (6, VIP6, t.client6, SNAT6)):
            digest, host = clients.get_sha256(t, address, f"big?{mode}{n}")
            checks.equal(f"20 MB from {address}", digest, s.wanted("big"))
            checks.equal(f"source address that {host} saw", s.nginx[host].logged(f"GET /big?{mode}{n}")[0],
                         client if sees_client else snat)
            checks.equal(f"POST of 20 MB to {address}", clients.post_sha256(t, address, upload), s.wanted("big"))
            checks.equal(f"hosts that answer at {address}", sorted({clients.whoami(t, address) for _ in range(30)}), t.hosts)
            r = clients.wrk(t, address, "small", connections=200, seconds=3)
            checks.equal(f"wrk at {address}: errors, bad status", (r.errors, r.bad_status), (0, 0))
            checks.equal(f"DNS by {address}", clients.dns_query(t, address, "a.test", 1), bytes([192, 0, 2, 7]))
