# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces: a switch (bridge) with client, device and hosts around it.

One link, 10.0.0.0/24 and 2001:db8::/64. Device port 10.0.0.2, hosts 10.0.0.11
and on, client 10.0.0.50. A client behind the router has 10.1.0.50 instead and
goes through 10.0.0.1, which is also where the device's gateway points then.
"""
import os
import signal
import sys

from lib import cleanup
from lib.process import Process
from lib.shell import run

SWITCH = "sw"
PORT = "net0"  # the interface inside each namespace
ROUTER4, ROUTER6 = "10.0.0.1", "2001:db8::1"
DEVICE4, DEVICE6 = "10.0.0.2", "2001:db8::2"
FAR4, FAR6 = "10.1.0", "2001:db8:1:"
MTU = 1500


def host_addresses(n):
    """(IPv4, IPv6) of host n, from 1."""
    return f"10.0.0.{10 + n}", f"2001:db8::{10 + n}"


class Topology:
    """others: more namespaces at the switch, with 10.0.0.30 and on and no IPv6."""

    def __init__(self, checks=None, hosts=3, router=False, keep=False, others=()):
        self.run_id = f"bt{os.getpid()}"
        self.folder = f"/tmp/{self.run_id}"
        self.keep = keep
        self.checks = checks
        self.processes = []
        self.captures = []
        self.left_running = False
        self.hosts = [f"host{n}" for n in range(1, hosts + 1)]
        self.router = router
        self.others = {name: f"10.0.0.{30 + n}" for n, name in enumerate(others)}
        cleanup.remove_dead_runs()
        os.mkdir(self.folder, 0o755)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind or self.checks and self.checks.n_failed:
            print(self.logs(), file=sys.stderr, flush=True)
        self.close()

    def _build(self):
        self._namespace(SWITCH)
        self.ip(SWITCH, "link add br0 type bridge mcast_snooping 0")
        self.sysctl(SWITCH, "net.ipv6.conf.all.disable_ipv6=1")
        # where the bridge passes frames through the packet filter, that drops bad ones before anybody here sees them
        if os.path.exists("/proc/sys/net/bridge"):
            self.sysctl(SWITCH, *(f"net.bridge.bridge-nf-call-{what}tables=0" for what in ("ip", "ip6", "arp")))
        self.ip(SWITCH, "link set br0 up")
        self._namespace("device")
        self.sysctl("device", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        self._link("device")
        for n, host in enumerate(self.hosts, 1):
            self._namespace(host)
            self._link(host)
            for address, length in zip(host_addresses(n), (24, 64)):
                self.address(host, address, length)
        for name, address in self.others.items():
            self._namespace(name)
            self._link(name)
            self.address(name, address, 24)
        self._namespace("client")
        if self.router:
            self._build_router()
        else:
            self._link("client")
            self.client4, self.client6 = "10.0.0.50", "2001:db8::50"
            self.address("client", self.client4, 24)
            self.address("client", self.client6, 64)

    def _build_router(self):
        self._namespace("router")
        self._link("router")
        self.sysctl("router", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.address("router", ROUTER4, 24)
        self.address("router", ROUTER6, 64)
        self.ip("router", f"link add far0 mtu {MTU} type veth peer name {PORT} netns {self.name('client')}")
        for space, port in (("router", "far0"), ("client", PORT)):
            self._offload(space, port)
            self.ip(space, f"link set {port} up")
        self.client4, self.client6 = f"{FAR4}.50", f"{FAR6}:50"
        self.address("router", f"{FAR4}.1", 24, "far0")
        self.address("router", f"{FAR6}:1", 64, "far0")
        self.address("client", self.client4, 24)
        self.address("client", self.client6, 64)
        self.ip("client", f"route add default via {FAR4}.1")
        self.ip("client", f"-6 route add default via {FAR6}:1")
        for host in self.hosts:
            self.ip(host, f"route add {FAR4}.0/24 via {ROUTER4}")
            self.ip(host, f"-6 route add {FAR6}:/64 via {ROUTER6}")

    def _namespace(self, short):
        run("ip", "netns", "add", self.name(short))
        # no waiting for duplicate address detection, no addresses that nobody asked for
        self.sysctl(short, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                    "net.ipv6.conf.default.autoconf=0", "net.ipv6.conf.default.accept_ra=0")
        self.ip(short, "link set lo up")

    def _link(self, short):
        """Connect a namespace to the switch; the switch's side of the cable has the namespace's name."""
        self.ip(SWITCH, f"link add {short} mtu {MTU} type veth peer name {PORT} mtu {MTU} netns {self.name(short)}")
        self._offload(SWITCH, short)
        self._offload(short, PORT)
        self.ip(SWITCH, f"link set {short} master br0 up")
        self.ip(short, f"link set {PORT} up")

    def _offload(self, short, port):
        # checksums must be complete and packets no longer than the MTU where a packet socket reads them
        run("ethtool", "-K", port, "tx", "off", "gro", "off", namespace=self.name(short))

    def name(self, short):
        return f"{self.run_id}-{short}"

    def path(self, *parts):
        """A place in the run's folder; its folders are made."""
        full = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    def ip(self, short, words):
        return run("ip", "-n", self.name(short), *words.split()).stdout

    def address(self, short, address, length, port=PORT):
        self.ip(short, f"addr add {address}/{length} dev {port}" + (" nodad" if ":" in address else ""))

    def sysctl(self, short, *settings):
        run("sysctl", "-q", "-w", *settings, namespace=self.name(short))

    def run(self, short, *command, **kwargs):
        return run(*command, namespace=self.name(short), **kwargs)

    def start(self, short, name, *command, env=None):
        p = Process(name, command, self.name(short), self.path("log", f"{name}.log"), env, self.keep)
        self.processes.append(p)
        return p

    def cable(self, short, plugged):
        """Plug or unplug a namespace at the switch."""
        self.ip(SWITCH, f"link set {short} {'up' if plugged else 'down'}")

    def logs(self):
        """Every program's log, for a report of a failure."""
        text = []
        for p in self.processes:
            state = "running" if p.running() else f"ended, status {p.popen.returncode}"
            text.append(f"--- {p.name} ({state}): {' '.join(p.command)}\n{p.log().rstrip()}")
        return "\n".join(text)

    def leave_running(self):
        """Nothing is taken down at the end, nor by the next run; cleanup.kept_runs() finds it."""
        with open(self.path("keep"), "w", encoding="utf-8"):
            self.left_running = True

    def close(self):
        if self.left_running:
            return
        for p in self.processes:
            p.send(signal.SIGTERM)  # so that programs with children of their own take them down
        for p in self.processes:
            p.kill(patience=3)
        for c in self.captures:
            c.stop()
        cleanup.remove_run(os.getpid())
