# SPDX-License-Identifier: BSD-3-Clause
"""baton-agent --remove leaves a host as it was found, also after a crash, and touches nothing of others."""
import json
import os
import signal

from lib.baton import VIP4, VIP6, Agent
from lib.topology import PORT, Topology

SYSCTLS = ("net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce")


def snapshot(t, run_dir):
    """All that an agent changes on a host."""
    with open("/proc/self/mounts", encoding="utf-8") as f:
        mounts = [line for line in f if run_dir in line]
    addresses = json.loads(t.ip("host1", "-j addr"))
    for a in addresses:
        for i in a["addr_info"]:
            i.pop("valid_life_time"), i.pop("preferred_life_time")
    return {
        "addresses": addresses,
        "qdiscs": t.run("host1", "tc", "qdisc", "show", "dev", PORT).stdout,
        "filters": t.run("host1", "tc", "filter", "show", "dev", PORT, "ingress", check=False).stdout,
        "sysctls": t.run("host1", "sysctl", *SYSCTLS).stdout,
        "mounts": mounts,
        "run_dir": os.path.exists(run_dir) and sorted(os.listdir(run_dir)),
    }


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        agent = Agent(t, 1)
        agent.run_dir = agent.settings["run_dir"] = t.path("host1", "agent-run")
        before = snapshot(t, agent.run_dir)
        checks.equal("nothing there at first", (before["filters"], before["mounts"], before["run_dir"]), ("", [], False))
        agent.start()
        checks.true("an agent changes the host", snapshot(t, agent.run_dir) != before)
        r = agent.remove(check=False)
        checks.true("no removal while it runs", r.returncode == 1 and "is running" in r.stderr, r.stderr)
        checks.equal("status after SIGTERM", agent.process.stop(), 0)
        checks.true("SIGTERM leaves the datapath", "tunnel_ingress" in snapshot(t, agent.run_dir)["filters"])
        agent.remove()
        checks.equal("as before", snapshot(t, agent.run_dir), before)
        checks.equal("removing again is no error", agent.remove(check=False).returncode, 0)

        agent.start()
        agent.process.stop(signal.SIGKILL)
        agent.remove()
        checks.equal("as before after a crash", snapshot(t, agent.run_dir), before)

        t.address("host1", VIP4, 32, "lo")
        t.run("host1", "tc", "qdisc", "add", "dev", PORT, "clsact")
        t.run("host1", "tc", "filter", "add", "dev", PORT, "egress", "prio", "7", "bpf", "bytecode", "1,6 0 0 0,", "flowid", "1:7")
        t.sysctl("host1", "net.ipv4.conf.all.arp_ignore=2", "net.ipv4.conf.all.arp_announce=2")
        before = snapshot(t, agent.run_dir)
        agent.start()
        checks.true("the other virtual address was added", VIP6 in t.ip("host1", "addr show lo"))
        agent.process.stop()
        agent.remove()
        checks.equal("what others have set up stays", snapshot(t, agent.run_dir), before)
        checks.true("so does their filter", "flowid 1:7" in t.run("host1", "tc", "filter", "show", "dev", PORT, "egress").stdout)
