# SPDX-License-Identifier: BSD-3-Clause
"""A host that is not on the device's link is reached through the gateway."""
from lib import baton, servers
from lib.shell import wait_for
from lib.topology import ROUTER4, ROUTER6, Topology


def fetched(topology, address):
    """SHA-256 of what the near namespace fetches from the VIP."""
    body = topology.path("near", "body")
    host = f"[{address}]" if ":" in address else address
    topology.run("host1", "curl", "--silent", "--show-error", "--fail", "--globoff", "--noproxy", "*", "--max-time", 60,
                 "--output", body, f"http://{host}/big")
    return servers.sha256(body)


def scenario(checks):
    # here the namespace behind the router serves, and one on the link asks
    with Topology(checks, hosts=1, router=True) as t:
        servers.Nginx(t, "client")
        far4 = [{"host": t.client4, "port": 80, "capacity": 50, "name": "far"}]
        far6 = [{"host": t.client6, "port": 80, "capacity": 50, "name": "far"}]
        device = baton.Batond(t, [baton.vip("web", baton.VIP4, mode="full-nat", endpoints=far4),
                                  baton.vip("web6", baton.VIP6, mode="full-nat", endpoints=far6)]).start()
        baton.resolved(device, 2)
        rows = {r["address"]: r["state"] for r in device.show("neighbours")}
        checks.equal("next hops watched", sorted(rows), sorted([ROUTER4, ROUTER6]))
        wanted = servers.sha256(servers.make_files(t)["big"])
        for address in (baton.VIP4, baton.VIP6):
            checks.equal(f"20 MB through the gateway from {address}", fetched(t, address), wanted)
        t.cable("router", False)
        checks.step("gateway without cable is failed", wait_for,
                    lambda: all(r["state"] == "failed" for r in device.show("neighbours")), "both failed")
        t.cable("router", True)
        baton.resolved(device, 2)
        checks.equal("20 MB after the gateway came back", fetched(t, baton.VIP4), wanted)
