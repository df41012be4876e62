# SPDX-License-Identifier: BSD-3-Clause
"""A host is drained by its operator: no new connection, established ones work to their end; and taken in again."""
import time

from lib.arrivals import Arrivals, Held
from lib.baton import VIP4, VIP6
from lib.download import Download
from lib.live import reasons, tables_equal, totals, wait_state
from lib.scene import Scene
from lib.shell import wait_for

REASON = "disk is being replaced"


def scenario(checks):
    with Scene(checks, live={}) as s, Arrivals(s.topology, (VIP4, VIP6)) as new, Held(s.topology, (VIP4, VIP6), s.agents) as held:
        d, agent = s.device, s.agents["host2"]
        checks.equal("all hosts get connections", set(new.wait_more(60)), set(s.agents))
        downloads = [Download(s.topology, vip, "host2") for vip in (VIP4, VIP6)]
        event = time.monotonic()
        agent.ctl("drain", "host2", "--reason", REASON)
        checks.step("the device knows", wait_state, d, "host2", "draining")
        checks.equal("and why", reasons(d, "host2"), {REASON})
        checks.step("new connections avoid it", new.wait_avoided, "host2")
        checks.note(f"drained on the host: last new connection there began {new.last_wrong_ms('host2', event)} ms after")
        before = totals(d, "host2")
        checks.equal("they go to the others", set(new.wait_more(100)), {"host1", "host3"})
        checks.equal("the host was given none", totals(d, "host2"), before)
        held.wait_more(s.agents)
        checks.equal("downloads from it arrive whole", [x.finish() for x in downloads], [s.wanted("big")] * 2)
        tables_equal(checks, "tables are equal", d, s.agents.values())
        agent.ctl("undrain", "host2")
        checks.step("the device takes it in again", wait_state, d, "host2", "usable")
        checks.step("all hosts get connections again", wait_for, lambda: set(new.wait_more(30)) == set(s.agents), "three hosts")
        held.wait_more(s.agents)
        checks.equal("no established connection failed", held.failed(s.agents), {})
        checks.equal("no new connection failed", new.faults(), [])
