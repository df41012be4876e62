# SPDX-License-Identifier: BSD-3-Clause
"""A browser loads a page with many resources from pools chosen by path, and one by TLS name; it compares every resource itself."""
from lib import l7_clients, l7_servers
from lib.l7_scene import BOTH, L7, both

POOLS = {"a": (1,), "b": (2,)}
RULES = [{"path_prefix": ["/any/a/"], "pool": "a"}, {"path_prefix": ["/any/b/"], "pool": "b"}]
TLS_RULES = [{"sni": ["b.test"], "pool": "b"}]
HOSTS = {"a": "host1", "b": "host2", "c": "host3"}
RESOURCES = 50


def serve(t):
    """By HTTP every request on a connection of its own, because a connection stays with its host."""
    return {host: (l7_servers.Nginx(t, host, 80, keepalive="0"), l7_servers.Nginx(t, host, 443, tls=("b.test",))) for host in t.hosts}


def place(s, name, wanted):
    path = s.topology.path(name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(l7_clients.page(wanted))
    for pair in s.servers.values():
        for server in pair:
            server.add_file(name, path)


def scenario(checks):
    vips = both("web", default=(3,), pools=POOLS, rules=RULES)
    vips += both("tls", 443, default=(3,), pools=POOLS, rules=TLS_RULES, application={"protocol": "tls"})
    with L7(checks, vips, serve) as s:
        small = s.wanted("small")
        place(s, "paths.html", [(f"/any/{'abc'[n % 3]}/small?{n}", small, HOSTS["abc"[n % 3]]) for n in range(RESOURCES)])
        place(s, "tls.html", [(f"/any/{n}/small", small, "host2") for n in range(RESOURCES)])
        for address in BOTH:
            for origin, page in (("http://a.test", "paths.html"), ("https://b.test", "tls.html")):
                checks.equal(f"{page} at {address}", l7_clients.chromium(s.topology, address, origin, page), f"{RESOURCES} right; ")
