# SPDX-License-Identifier: BSD-3-Clause
"""Client on another network: device and hosts reach it through a router."""
from lib import clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene


def scenario(checks):
    with Scene(checks, hosts=2, router=True) as s:
        t = s.topology
        for vip, client in ((VIP4, t.client4), (VIP6, t.client6)):
            digest, host = clients.get_sha256(t, vip, "big")
            checks.equal(f"20 MB from {vip}", digest, s.wanted("big"))
            checks.equal(f"client's address in the log of {host}", s.nginx[host].access_log()[-1].split()[0], client)
            checks.equal(f"echo replies from {vip}", clients.ping(t, vip), 3)
