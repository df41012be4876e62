# SPDX-License-Identifier: BSD-3-Clause
"""2,000 connections at once through the tunnel; all hosts take part, nothing fails."""
from lib import clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene


def scenario(checks):
    with Scene(checks) as s:
        for vip in (VIP4, VIP6):
            r = clients.wrk(s.topology, vip, "whoami", connections=2000, seconds=4)
            checks.true(f"wrk at {vip}: more requests than connections", r.requests >= 2000, r.text)
            checks.equal(f"wrk at {vip}: errors, bad status", (r.errors, r.bad_status), (0, 0))
        for host, nginx in s.nginx.items():
            ports = {(f[0], f[1]) for f in map(str.split, nginx.access_log())}
            checks.true(f"{host} had its share of the 4,000 connections", 800 < len(ports) < 1900, len(ports))
