# SPDX-License-Identifier: BSD-3-Clause
"""batond and baton-agent: their configuration files, start and stop, and what they say of themselves."""
import json
import os
import secrets
import socket

from lib.shell import Failed, wait_for
from lib.topology import DEVICE4, DEVICE6, PORT, ROUTER4, ROUTER6, host_addresses

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BATON_BUILD", os.path.join(ROOT, "build")))
BATOND = os.path.join(BUILD, "src/batond/batond")
AGENT = os.path.join(BUILD, "src/agent/baton-agent")
BATONCTL = os.path.join(BUILD, "src/batonctl/batonctl")

TUNNEL4, TUNNEL6 = "10.0.0.10", "2001:db8::10"
SNAT4, SNAT6 = "10.0.0.20", "2001:db8::20"
VIP4, VIP6 = "10.0.0.100", "2001:db8::100"
SPARE_VIP4, SPARE_VIP6 = "10.0.0.101", "2001:db8::101"  # the hosts accept them, no device serves them from the start
SHIM_PORT = 7471
HEALTH_PORT = 7472
HEARTBEAT_MS = 200  # a host is given up after three of them
ONE_LCORE = ["forwarder", "classifier"]


def text(value):
    """A value in libconfig's notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {text(v)};" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        left, right = "()" if value and isinstance(value[0], dict) else "[]"
        return left + ", ".join(text(v) for v in value) + right
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def write(path, settings):
    with open(path, "w", encoding="utf-8") as f:
        for key, value in settings.items():
            f.write(f"{key} = {text(value)};\n")


def secret(topology):
    """Path of the run's cluster secret; made when first asked for."""
    path = topology.path("cluster.key")
    if not os.path.exists(path):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as f:
            f.write(secrets.token_hex(32) + "\n")
    return path


def vip(name, address, port=80, protocol="tcp", mode="tunnel", hosts=(1, 2, 3), capacity=50, host_port=None, **more):
    """Settings of one VIP over the given hosts."""
    v6 = ":" in address
    endpoints = [{"host": host_addresses(n)[v6], "port": host_port or port, "capacity": capacity, "name": f"host{n}"}
                 for n in hosts]
    return {"name": name, "address": address, "port": port, "protocol": protocol, "mode": mode, "endpoints": endpoints, **more}


def lcores(roles, banks=1):
    """
    Settings of lcores with these lists of roles, over the CPUs there are; and the tunnel addresses they have, `banks` of
    each family.
    """
    cpus = sorted(os.sched_getaffinity(0), reverse=True)
    settings, tunnels = [], []
    for i, r in enumerate(roles):
        one = {"cpu": cpus[i % len(cpus)], "roles": r, "poll": "adaptive"}
        if "forwarder" in r:
            n = len(tunnels)
            tunnels.append([f"10.0.0.{200 + n}", f"2001:db8::{200 + n}"] if n else [TUNNEL4, TUNNEL6])
            tunnels[-1] += [a for k in range(1, banks) for a in (f"10.0.0.{200 + n + 4 * k}", f"2001:db8::{200 + n + 4 * k}")]
            one.update(tunnel=tunnels[-1], snat=[f"10.0.0.{220 + n}", f"2001:db8::{220 + n}"] if n else [SNAT4, SNAT6])
        settings.append(one)
    return settings, tunnels


class Notify:
    """Where a program says READY=1, as systemd would listen."""

    def __init__(self, path):
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.said = []

    def ready(self):
        while True:
            try:
                self.said += self.socket.recv(4096, socket.MSG_DONTWAIT).decode().splitlines()
            except BlockingIOError:
                return "READY=1" in self.said


class Batond:
    """
    The device. vips: settings made by vip(); roles: of each lcore. Changes of
    .vips and .settings count after write(). live: it listens to the hosts' agents.
    """

    def __init__(self, topology, vips, roles=(ONE_LCORE,), live=False, **changes):
        self.topology = topology
        self.vips = {v["name"]: v for v in vips}
        self.run_dir = topology.path("device", "run", "x")[:-2]
        self.config = topology.path("device", "baton.conf")
        self.settings = self._settings(roles)
        if live:
            self.settings["ports"][0]["exception"] = "baton0"
            self.settings["health"] = {"listen": DEVICE4, "port": HEALTH_PORT}
        self.settings.update(changes)
        self.starts = 0
        self.process = None

    def _settings(self, roles):
        queues = sum("forwarder" in r for r in roles)
        # a socket buffer that outlasts the time for which a busy machine takes the lcore off its CPU
        port = {"name": PORT, "device": f"net_af_packet0,iface={PORT},framecnt=8192,qpairs={queues}", "mtu": 1500,
                "addresses": [f"{DEVICE4}/24", f"{DEVICE6}/64"]}
        if self.topology.router:
            port.update(gateway4=ROUTER4, gateway6=ROUTER6)
        return {
            "device": {"name": "lb1", "run_dir": self.run_dir, "secret_file": secret(self.topology),
                       "shim_port": SHIM_PORT, "vip_dir": "vips"},
            "memory": {"hugepages": "off", "size_mb": 256, "packet_buffers": 16384},
            "routes": {"ipv4": 16384, "ipv6": 16384, "connections": 32768},
            "ports": [port],
            "lcores": lcores(roles)[0],
        }

    def write(self):
        write(self.config, self.settings)
        folder = self.topology.path("device", "vips", "x")[:-2]
        for old in os.listdir(folder):
            os.unlink(os.path.join(folder, old))
        for name, settings in self.vips.items():
            write(os.path.join(folder, f"{name}.conf"), {"vip": settings})

    def start(self):
        self.write()
        self.starts += 1
        notify = Notify(self.topology.path("device", "notify"))
        self.process = self.topology.start("device", f"batond-{self.starts}", BATOND, "--config", self.config,
                                           env={"NOTIFY_SOCKET": notify.path})
        self.process.wait_ready(notify.ready, timeout=60)
        return self

    def ctl(self, *words, check=True):
        return self.topology.run("device", BATONCTL, "--run-dir", self.run_dir, *words, check=check)

    def show(self, what, *words):
        """What batonctl shows, as data."""
        out = self.ctl("show", what, *words, "--json").stdout
        try:
            return json.loads(out)
        except ValueError:
            raise Failed(f"batonctl show {what} --json: no JSON:\n{out}") from None

    def reload(self, check=True):
        self.write()
        return self.ctl("reload", check=check)


class Agent:
    """The agent of host n. live: settings of its web server as an application whose health it tells the device."""

    def __init__(self, topology, n, vips=(VIP4, VIP6, SPARE_VIP4, SPARE_VIP6), tunnels=((TUNNEL4, TUNNEL6),), live=None):
        self.topology = topology
        self.host = f"host{n}"
        self.run_dir = topology.path(self.host, "run", "x")[:-2]
        self.config = topology.path(self.host, "agent.conf")
        self.settings = {
            "run_dir": self.run_dir, "secret_file": secret(topology), "device": PORT, "shim_port": SHIM_PORT,
            "addresses": list(host_addresses(n)), "forwarders": [a for pair in tunnels for a in pair], "vips": list(vips)}
        if live is not None:
            self.settings.update(name=self.host, balancers=[f"{DEVICE4}:{HEALTH_PORT}"], health={"heartbeat_ms": HEARTBEAT_MS},
                                 applications=[{"host": a, "port": 80, **live} for a in host_addresses(n)])
        self.starts = 0
        self.process = None

    def write(self):
        write(self.config, {"agent": self.settings})

    def start(self):
        self.write()
        self.starts += 1
        notify = Notify(self.topology.path(self.host, "notify"))
        self.process = self.topology.start(self.host, f"agent-{self.host}-{self.starts}", AGENT, "--config", self.config,
                                           env={"NOTIFY_SOCKET": notify.path})
        self.process.wait_ready(notify.ready)
        return self

    @property
    def socket(self):
        return os.path.join(self.run_dir, "agent.sock")

    def ctl(self, *words, check=True):
        return self.topology.run(self.host, BATONCTL, "--run-dir", self.run_dir, *words, check=check)

    def rows(self):
        """What batonctl host list shows, by application."""
        return {r["app"]: r for r in json.loads(self.ctl("host", "list", "--json").stdout)}

    def remove(self, check=True):
        return self.topology.run(self.host, AGENT, "--config", self.config, "--remove", check=check)

    def ctl(self, *words, check=True):
        """batonctl on the host."""
        return self.topology.run(self.host, BATONCTL, "--run-dir", self.run_dir, *words, check=check)

    def status(self):
        return json.loads(self.topology.run(self.host, AGENT, "--config", self.config, "--status", "--json").stdout)


class Proxy(Agent):
    """An agent in the place of host n without a datapath, that watches another host and speaks for it."""

    def __init__(self, topology, n, watched, live):
        super().__init__(topology, watched, live=live)
        self.host = f"host{n}"
        self.run_dir = topology.path(self.host, f"proxy-{watched}", "x")[:-2]
        self.config = topology.path(self.host, f"proxy-{watched}.conf")
        for key in ("device", "forwarders", "vips", "shim_port"):
            del self.settings[key]
        self.settings.update(run_dir=self.run_dir, name=f"host{watched}.by.host{n}")


def resolved(device, n_hosts):
    """Wait until the device knows the link addresses of that many next hops."""
    def known():
        rows = device.show("neighbours")
        return sum(r.get("state") == "reachable" for r in rows) >= n_hosts
    wait_for(known, f"link addresses of {n_hosts} hosts known to the device")
