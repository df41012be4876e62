# SPDX-License-Identifier: BSD-3-Clause
"""Scene of layer 7: VIPs whose connections are placed by their first bytes, hosts with agents and servers of any make."""
import os
import re
import sys

from lib import l7_servers, servers
from lib.baton import ONE_LCORE, TUNNEL4, TUNNEL6, VIP4, VIP6, Agent, Batond, lcores, vip
from lib.scene import usable
from lib.topology import Topology, host_addresses

FORWARDERS = (TUNNEL4, TUNNEL6)
BOTH = (VIP4, VIP6)


def l7_vip(name, address, port=80, default=(1,), pools=None, application=None, **more):
    """Settings. default: hosts of connections that no rule takes; pools: {name: hosts}."""
    v6 = ":" in address
    lists = [{"name": pool, "endpoints": [{"host": host_addresses(n)[v6], "port": port, "name": f"host{n}"} for n in hosts]}
             for pool, hosts in (pools or {}).items()]
    more = {key: value for key, value in more.items() if value}
    if lists:
        more["pools"] = lists
    return vip(name, address, port, mode="application", hosts=default, application={"protocol": "http", **(application or {})}, **more)


def both(name, port=80, **settings):
    """The same VIP in both families."""
    return [l7_vip(f"{name}{family}", address, port, **settings) for family, address in zip("46", BOTH)]


def nginx_everywhere(t):
    return {host: l7_servers.Nginx(t, host) for host in t.hosts}


class L7:
    """serve(topology): starts the hosts' servers once their agents have put the VIPs on them."""

    def __init__(self, checks, vips, serve=nginx_everywhere, hosts=3, roles=(ONE_LCORE,), device=None, router=False):
        self.topology = t = Topology(checks, hosts=hosts, router=router)
        try:
            self.agents = {h: Agent(t, n, tunnels=lcores(roles)[1]).start() for n, h in enumerate(t.hosts, 1)}
            self.servers = serve(t)
            self.device = Batond(t, vips, roles, **device or {}).start()
            usable(self.device, hosts)
        except BaseException as e:
            t.__exit__(type(e))
            raise

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.topology.__exit__(*what)

    def wanted(self, name):
        """SHA-256 of a served file."""
        return servers.sha256(servers.make_files(self.topology)[name])

    def content(self, name):
        with open(servers.make_files(self.topology)[name], "rb") as f:
            return f.read()

    def sockets(self, host, port=80):
        """States of the host's TCP sockets of a port, without listeners."""
        out = self.topology.run(host, "ss", "-Htan", f"sport = :{port}").stdout
        return [line.split()[0] for line in out.splitlines() if not line.startswith("LISTEN")]

    def counted(self, name):
        """Of the device's counters, reasons for drops, or what its classifiers hold; over all lcores."""
        rows = [r["count"] for r in self.device.show("counters", "--all") + self.device.show("drops", "--all") if r["name"] == name]
        return sum(rows) if rows else sum(r[name] for r in self.device.show("classifiers"))

    def counters(self, group=None):
        """{name: count} of what has been counted, of a group or of all."""
        return {r["name"]: r["count"] for r in self.device.show("counters") if group in (None, r["group"]) and r["count"]}

    def rss_kb(self):
        """Memory of batond."""
        with open(f"/proc/{self.device.process.pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def option(name, usual):
    """An argument behind the script's name, for long runs by hand: --connections 100000."""
    words = sys.argv[2:]
    return float(words[words.index(name) + 1]) if name in words else usual


def random_file(topology, name, size):
    """Path of a file of so many bytes; its SHA-256."""
    path = topology.path("content", name)
    with open(path, "wb") as f:
        while size:
            size -= f.write(os.urandom(min(size, 16 << 20)))
    return path, servers.sha256(path)
