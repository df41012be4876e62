# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM ends both programs with status 0; after --remove the host is as it was before."""
import os

from lib import clients
from lib.baton import VIP4, VIP6
from lib.scene import Scene
from lib.topology import PORT


def state_of_host(t, host):
    return {
        "addresses": t.ip(host, "-brief addr show dev lo").split(),
        "filters": t.run(host, "tc", "filter", "show", "dev", PORT, "ingress").stdout,
        "qdiscs": t.run(host, "tc", "qdisc", "show", "dev", PORT).stdout,
        "sysctls": t.run(host, "sysctl", "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce").stdout,
    }


def mounts_below(folder):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return [line for line in f if line.split()[1].startswith(folder)]


def scenario(checks):
    from lib.topology import Topology
    with Topology(checks, hosts=1) as fresh:
        untouched = state_of_host(fresh, "host1")
    with Scene(checks, hosts=1) as s:
        t = s.topology
        for vip in (VIP4, VIP6):
            checks.equal(f"answer at {vip}", clients.whoami(t, vip), "host1")
        checks.equal("batond's status", s.device.process.stop(), 0)
        # a lock file that is removed is no lock
        checks.equal("left in batond's run directory", os.listdir(s.device.run_dir), ["batond.lock"])
        checks.equal("interfaces of the device", len(t.ip("device", "-brief link").splitlines()), 2)
        agent = s.agents["host1"]
        checks.equal("agent's status", agent.process.stop(), 0)
        checks.true("BPF programs stay until they are removed", state_of_host(t, "host1") != untouched)
        checks.equal("--remove", agent.remove().returncode, 0)
        checks.equal("host as before", state_of_host(t, "host1"), untouched)
        checks.equal("mounts below the agent's run directory", mounts_below(agent.run_dir), [])
        checks.equal("--remove once more", agent.remove().returncode, 0)
