# SPDX-License-Identifier: BSD-3-Clause
"""Packets between agents and device get lost, then none passes for a while: tables are equal again, and nobody is left out."""
import re

from lib.baton import HEALTH_PORT
from lib.live import app, presence, tables_equal, wait_state
from lib.scene import Scene
from lib.shell import wait_for


def lose(topology, host, percent):
    """Of packets of the health link, in each direction."""
    drop = "counter drop" if percent == 100 else f"numgen random mod 100 < {percent} counter drop"
    rules = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; tcp {what} {HEALTH_PORT} {drop}; }}\n"
                    for hook, what in (("output", "dport"), ("input", "sport")))
    topology.run(host, "nft", "-f", "-", stdin=f"table inet lossy\ndelete table inet lossy\ntable inet lossy {{ {rules} }}\n")


def lost(topology, host):
    return sum(map(int, re.findall(r"counter packets (\d+)", topology.run(host, "nft", "list", "table", "inet", "lossy").stdout)))


def scenario(checks):
    with Scene(checks, live={}) as s:
        d, t = s.device, s.topology
        for host in s.agents:
            lose(t, host, 30)
        for round_ in range(8):
            for n, agent in enumerate(s.agents.values(), 1):
                agent.ctl("host", "set", app(n, round_ % 2 == 1), "--capacity", str(10 + 10 * round_ + n))
        tables_equal(checks, "with 30 % of packets lost tables become equal", d, s.agents.values(), timeout=60)
        checks.step("packets were lost at each host", wait_for, lambda: all(lost(t, h) for h in s.agents), "loss")
        tables_equal(checks, "and tables still are equal", d, s.agents.values(), timeout=60)

        lose(t, "host2", 100)
        checks.step("cut off: the device gives host 2 up", wait_for, lambda: presence(d, "host2") == "aged", "aged out")
        s.agents["host2"].ctl("host", "set", app(2), "--capacity", "99")
        lose(t, "host2", 0)
        checks.step("it is usable again", wait_state, d, "host2", "usable", 30)
        for host in s.agents:
            lose(t, host, 0)
        tables_equal(checks, "tables are equal", d, s.agents.values())
