# SPDX-License-Identifier: BSD-3-Clause
"""Many requests on one connection through the tunnel: all answered by one host, every body right."""
from lib import clients, servers
from lib.baton import VIP4, VIP6
from lib.scene import Scene

REQUESTS = 300


def scenario(checks):
    with Scene(checks) as s:
        t = s.topology
        with open(servers.make_files(t)["small"], "rb") as f:
            content = f.read()
        for vip in (VIP4, VIP6):
            with clients.connect(t, vip, 80) as sock:
                answers = [clients.request(sock, "small") for _ in range(REQUESTS)]
            checks.equal(f"bodies from {vip}", sum(body == content for _, _, body in answers), REQUESTS)
            hosts = {line for _, head, _ in answers for line in head.splitlines() if line.startswith("X-Host")}
            checks.equal(f"hosts that answered at {vip}", len(hosts), 1)
