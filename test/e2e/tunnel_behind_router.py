# SPDX-License-Identifier: BSD-3-Clause
"""Client on another network: device and hosts reach it through a router."""
from lib import clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene


def scenario(checks):
    with Scene(checks, hosts=2, router=True) as s:
        t = s.topology
        for n, vip, client in ((4, VIP4, t.client4), (6, VIP6, t.client6)):
            digest, host = clients.get_sha256(t, vip, f"big?{n}")
            checks.equal(f"20 MB from {vip}", digest, s.wanted("big"))
            checks.equal(f"client's address in the log of {host}", s.nginx[host].logged(f"GET /big?{n}")[0], client)
            checks.equal(f"echo replies from {vip}", clients.ping(t, vip), 3)
