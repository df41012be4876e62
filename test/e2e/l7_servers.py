# SPDX-License-Identifier: BSD-3-Clause
"""Servers of every make accept connections that another machine began, bound to everything or to the VIP, with several workers."""
from lib import l7_clients, l7_servers
from lib.l7_scene import BOTH, L7, both
from lib.shell import Failed

RULES = [{"path_prefix": ["/any/wild/"], "pool": "wild"}, {"path_prefix": ["/any/bound/"], "pool": "bound"}]
POOLS = {"wild": (1,), "bound": (2,)}
WORKERS_PORT = 8100
PORTS = {make: 8000 + n for n, make in enumerate(l7_servers.ALL)}
TAKERS = (l7_servers.Python, l7_servers.Node)  # they tell the SHA-256 of what they are sent


def serve(t):
    for make, port in PORTS.items():
        make(t, "host1", port, name=f"{make.make}.wild")
        make(t, "host2", port, bind=BOTH, name=f"{make.make}.bound")
    for host, bind in (("host1", ()), ("host2", BOTH)):
        l7_servers.Nginx(t, host, WORKERS_PORT, bind=bind, workers=4, reuseport=True)


def every_make(checks, s, address):
    for make, port in PORTS.items():
        for kind in POOLS:
            got = [l7_clients.get(s.topology, address, f"any/{kind}/small", port=port) for _ in range(3)]
            checks.equal(f"{make.make}, {kind}, {address}", {(g.ended, g.host, g.sha256) for g in got},
                         {(0, f"{make.make}.{kind}", s.wanted("small"))})
    for make in TAKERS:
        sent = s.topology.path("content", "big")
        got = l7_clients.get(s.topology, address, "any/wild/", "--data-binary", f"@{sent}", "-H", "Expect:", port=PORTS[make])
        checks.equal(f"{make.make} takes 20 MB at {address}", got.body.decode(), s.wanted("big"))


def workers(checks, s, address):
    for kind, host in (("wild", "host1"), ("bound", "host2")):
        got = [l7_clients.get(s.topology, address, f"any/{kind}/small", port=WORKERS_PORT) for _ in range(24)]
        checks.equal(f"four workers, {kind}, {address}: answers", {(g.host, g.sha256) for g in got}, {(host, s.wanted("small"))})
        n = len({g.header("X-Worker") for g in got})
        checks.true(f"four workers, {kind}, {address}: several of them had connections", n > 1, f"{n}")


def scenario(checks):
    vips = [v for make, port in PORTS.items() for v in both(make.make, port, pools=POOLS, rules=RULES)]
    vips += both("workers", WORKERS_PORT, pools=POOLS, rules=RULES)
    with L7(checks, vips, serve, hosts=2) as s:
        for address in BOTH:
            every_make(checks, s, address)
            workers(checks, s, address)
            try:
                checks.equal(f"wget at {address}", l7_clients.wget(s.topology, address, "any/bound/small", WORKERS_PORT), s.wanted("small"))
            except Failed as e:
                checks.result(f"wget at {address}", False, e)
