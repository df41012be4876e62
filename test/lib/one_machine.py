# SPDX-License-Identifier: BSD-3-Clause
"""
Device and host on one machine, in one network namespace, as docs/one-machine.md sets it up; the other host stands apart.

batond has the machine's interface to the switch, and one end of a veth pair whose other end is the kernel's: there the
agent works. The machine's own address is on the exception port.
"""
from lib import l7_servers
from lib.baton import TUNNEL4, TUNNEL6, VIP4, VIP6, Agent, Batond
from lib.shell import wait_for
from lib.topology import DEVICE4, DEVICE6, FAR4, FAR6, MTU, PORT, ROUTER4, ROUTER6, Topology, host_addresses

MACHINE = "device"
APP, APP_LB = "app0", "app1"  # the kernel's end and batond's
TAP = "baton0"
OWN4, OWN6 = DEVICE4, DEVICE6  # of the machine, for all who want it and not the VIP
HOST4, HOST6 = "10.9.0.2", "2001:db8:9::2"  # of its servers, for batond
LB4, LB6 = "10.9.0.1", "2001:db8:9::1"
HEARTBEAT_MS = 1000  # while 20 MB go through the exception port, the hosts' words wait behind them
TABLE = 100  # routes for what leaves with a VIP as source

# packet sockets see frames before this does; a network card that batond has to itself needs none of it
UNSEEN = f"""table netdev baton {{
	chain ingress {{
		type filter hook ingress devices = {{ {PORT}, {APP_LB} }} priority 0; policy drop;
	}}
}}
"""


class LocalAgent(Agent):
    def __init__(self, topology, live):
        super().__init__(topology, 1, live=live)
        self.host = MACHINE
        self.run_dir = topology.path(MACHINE, "agent", "x")[:-2]
        self.config = topology.path(MACHINE, "agent.conf")
        self.settings.update(run_dir=self.run_dir, device=APP, addresses=[HOST4, HOST6], name="local")
        for application, address in zip(self.settings["applications"], (HOST4, HOST6)):
            application["host"] = address


class OneMachine:
    """
    VIPs web4 and web6: what is below /any/far/ comes from host1, all else from the machine itself.
    through_device: clients are behind a router, and the machine's answers to them leave through batond's forwarder.
    """

    def __init__(self, checks=None, through_device=False):
        self.through_device = through_device
        self.topology = Topology(checks, hosts=1, router=through_device)
        try:
            self._build()
        except BaseException as e:
            self.topology.__exit__(type(e))
            raise

    def _build(self):
        t = self.topology
        self._links()
        live = {"health": "assumed"}
        for name in (MACHINE, "host1"):
            l7_servers.Nginx(t, name)
        self.agents = {MACHINE: LocalAgent(t, live), "host1": Agent(t, 1, live=live)}
        for agent in self.agents.values():
            agent.settings["health"]["heartbeat_ms"] = HEARTBEAT_MS
            agent.start()
        self.device = Batond(t, [self._vip("web4", VIP4, HOST4), self._vip("web6", VIP6, HOST6)], live=True)
        self.device.settings["health"]["listen"] = OWN4
        self.device.settings["ports"].append({
            "name": "app", "device": f"net_af_packet1,iface={APP_LB},framecnt=8192", "mtu": MTU, "replies": self.through_device,
            "addresses": [f"{LB4}/30", f"{LB6}/64"]})
        self.start_device()

    def _links(self):
        t = self.topology
        t.ip(MACHINE, f"link add {APP} mtu {MTU} type veth peer name {APP_LB} mtu {MTU}")
        t.run(MACHINE, "nft", "-f", "-", stdin=UNSEEN)
        t.sysctl(MACHINE, *(f"net.ipv6.conf.{port}.disable_ipv6=0" for port in ("lo", APP)))
        for port in (APP, APP_LB):
            t.run(MACHINE, "ethtool", "-K", port, "tx", "off", "gro", "off")
            t.ip(MACHINE, f"link set {port} up")
        t.address(MACHINE, HOST4, 30, APP)
        t.address(MACHINE, HOST6, 64, APP)
        # the agent speaks to batond here, not on the link behind the exception port
        t.ip(MACHINE, f"route add {TUNNEL4} via {LB4}")
        t.ip(MACHINE, f"-6 route add {TUNNEL6} via {LB6}")
        if self.through_device:
            for family, vip, gateway in (("-4", VIP4, LB4), ("-6", VIP6, LB6)):
                t.ip(MACHINE, f"{family} rule add from {vip} lookup {TABLE}")
                t.ip(MACHINE, f"{family} route add default via {gateway} dev {APP} table {TABLE}")

    def _vip(self, name, address, local):
        return {
            "name": name, "address": address, "port": 80, "mode": "application", "health": "agent", "warm_up_s": 0,
            "endpoints": [{"name": "local", "host": local}],
            "pools": [{"name": "far", "endpoints": [{"name": "host1", "host": host_addresses(1)[":" in address]}]}],
            "rules": [{"name": "far", "path_prefix": ["/any/far/"], "pool": "far"}]}

    def start_device(self):
        self.device.start()
        if self.through_device:  # the machine's own address has its way to the clients on the exception port
            self.topology.ip(MACHINE, f"route add {FAR4}.0/24 via {ROUTER4} dev {TAP}")
            self.topology.ip(MACHINE, f"-6 route add {FAR6}:/64 via {ROUTER6} dev {TAP}")
        wait_for(lambda: {e["state"] for e in self.device.show("endpoints")} == {"usable"}, "hosts usable", 30)

    def counted(self, name):
        """A counter of the device, 0 where it is not shown."""
        return sum(c["count"] for c in self.device.show("counters") if c["name"] == name)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.topology.__exit__(*what)
