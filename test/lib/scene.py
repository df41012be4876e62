# SPDX-License-Identifier: BSD-3-Clause
"""The usual scene: client, device with batond, hosts with nginx and, where the mode wants it, agents."""
from lib import servers
from lib.baton import ONE_LCORE, VIP4, VIP6, Agent, Batond, Proxy, lcores, vip
from lib.shell import wait_for
from lib.topology import DEVICE4, DEVICE6, FAR4, FAR6, Topology, host_addresses


class Scene:
    """
    VIPs web4 and web6 over all hosts; `more_vips` beside them; `options` go into every one of the two; `roles` of lcores;
    `live`: settings of the hosts' web servers as applications whose health the agents tell the device, {} for the usual.
    `group`: settings of a group of all hosts, one of which speaks to the device for all.
    `banks`: tunnel addresses of each family on each lcore.
    `proxies`: pairs of hosts, the first of which watches the second and speaks for it.
    """

    def __init__(self, checks=None, hosts=3, mode="tunnel", router=False, keep=False, more_vips=(), device=None, roles=(ONE_LCORE,),
                 banks=1, live=None, proxies=(), group=None, **options):
        self.topology = Topology(checks, hosts=hosts, router=router, keep=keep)
        try:
            self._build(hosts, mode, list(more_vips), roles, banks, device or {}, live, proxies, group, options)
        except BaseException as e:
            self.topology.__exit__(type(e))
            raise

    def _build(self, hosts, mode, more_vips, roles, banks, device, live, proxies, group, options):
        t = self.topology
        if live is not None:
            live = {"health": "assumed", **live}
            options = {"health": "agent", "warm_up_s": 0, **options}
        numbers = range(1, hosts + 1)
        lcores_there, tunnels = lcores(roles, banks)
        self.nginx = {f"host{n}": servers.Nginx(t, f"host{n}") for n in numbers}
        self.agents = {f"host{n}": Agent(t, n, tunnels=tunnels, live=live) for n in numbers} if mode in ("tunnel", "application") else {}
        for agent in self.agents.values():
            if group is not None:
                agent.settings["group"] = {"name": "all", "members": [
                    {"name": f"host{n}", "address": host_addresses(n)[0]} for n in numbers], **group}
            agent.start()
        self.proxies = {(n, watched): Proxy(t, n, watched, live).start() for n, watched in proxies}
        if mode == "half-nat":
            for host in t.hosts:
                self._replies_through_device(host)
        web = [vip(name, address, mode=mode, hosts=numbers, **options) for name, address in (("web4", VIP4), ("web6", VIP6))]
        self.device = Batond(t, web + more_vips, roles, live is not None, **{"lcores": lcores_there, **device}).start()
        self.resolved()

    def resolved(self):
        """Wait until the device has found its hosts and gives them connections."""
        usable(self.device, len(self.nginx))

    def _replies_through_device(self, host):
        """Half NAT: the host answers to the client's address, and only the device can put the VIP back in."""
        t = self.topology
        to4, to6 = (f"{FAR4}.0/24", f"{FAR6}:/64") if t.router else (f"{t.client4}/32", f"{t.client6}/128")
        t.ip(host, f"route replace {to4} via {DEVICE4}")
        t.ip(host, f"-6 route replace {to6} via {DEVICE6}")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.topology.__exit__(*what)

    def access_log(self):
        """Lines of all hosts together."""
        return [line for n in self.nginx.values() for line in n.access_log()]

    def wanted(self, name):
        """SHA-256 of a served file."""
        return servers.sha256(servers.make_files(self.topology)[name])


def usable(device, hosts):
    """Wait until the device has found that many hosts and gives them connections."""
    wanted = {a for n in range(1, hosts + 1) for a in host_addresses(n)}

    def known():
        near = {n["address"] for n in device.show("neighbours") if n["state"] in ("reachable", "probe")}
        return near >= wanted and all(e["state"] == "usable" for e in device.show("endpoints"))
    wait_for(known, "hosts known to the device and usable", 30)
