# SPDX-License-Identifier: BSD-3-Clause
"""Connections are created behind packet filters: with connection tracking as it is, and by mark where a SYN is wanted."""
import random
import signal

from lib.baton import VIP4, VIP6, Agent, write
from lib.create import Hands, listener, take
from lib.shell import wait_for
from lib.topology import Topology

VIPS = {4: VIP4, 6: VIP6}
MARK = 0x6274

RULES = """
flush ruleset
table inet f {{
  chain in {{
    type filter hook input priority 0; policy drop;
    ct state invalid counter drop
    ct state established accept
    meta l4proto {{ icmp, ipv6-icmp, udp }} accept
    {rule}
  }}
}}
"""
ANY_NEW = "tcp dport 80 ct state new accept"
SYN_ONLY = "tcp dport 80 tcp flags & (fin|syn|rst|ack) == syn ct state new accept"
SYN_OR_MARK = f"meta mark {MARK} tcp dport 80 accept\n    " + SYN_ONLY


def load(t, rule):
    t.run("host1", "nft", "-f", "-", stdin=RULES.format(rule=rule))


def served(checks, what, t, h, family):
    with listener(t, "host1", VIPS[family]) as server:
        c, data = h.connection(family), random.randbytes(3000)
        for at in range(0, 3000, 1000):
            c.create(data[at:at + 1000], at=at)
        s, _, got = take(server, 3000)
        checks.equal(f"{what}, IPv{family}: the bytes", got, data)
        c.introduce(family << 8)
        c.tunneled(family << 8, b"more", at=3000)
        checks.equal(f"{what}, IPv{family}: tunneled", s.recv(4), b"more")
        s.sendall(data)
        checks.equal(f"{what}, IPv{family}: the answer", c.received(3000), data)
        s.close()


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        agent = Agent(t, 1).start()
        with Hands(t) as h:
            load(t, ANY_NEW)
            for family in (4, 6):
                served(checks, "new ones accepted", t, h, family)
            load(t, SYN_ONLY)
            with listener(t, "host1", VIP4) as server:
                c = h.connection()
                c.create(b"data")
                checks.equal("new ones by SYN only: nothing comes of it", (c.ask().state, c.segments()), ("none", []))
                wait_for(lambda: "do not become sockets" in agent.process.log(), "the agent says so", timeout=20)
                checks.equal("new ones by SYN only: counted", agent.status()["counters"]["created_lost"], 1)
            load(t, SYN_OR_MARK)
            write(agent.config, {"agent": {**agent.settings, "create_mark": MARK}})
            agent.process.send(signal.SIGHUP)
            wait_for(lambda: "configuration reloaded" in agent.process.log(), "reloaded")
            for family in (4, 6):
                served(checks, "by SYN only, or mark", t, h, family)
