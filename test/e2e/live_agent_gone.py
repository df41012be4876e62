# SPDX-License-Identifier: BSD-3-Clause
"""An agent is stopped (it says goodbye) or killed (it is aged out): no new connections, established ones go on; it returns."""
import signal
import time

from lib.arrivals import Arrivals, Held
from lib.baton import VIP4, VIP6
from lib.live import AGED_OUT_MS, presence, tables_equal, totals, wait_state
from lib.scene import Scene
from lib.shell import wait_for


def away(checks, s, new, how, number, wanted):
    event = time.monotonic()
    s.agents["host2"].process.stop(number)
    checks.step(f"{how}: the device knows", wait_for, lambda: presence(s.device, "host2") == wanted, wanted)
    checks.step(f"{how}: new connections avoid the host", new.wait_avoided, "host2")
    checks.note(f"agent {how}: last new connection to its host began {new.last_wrong_ms('host2', event)} ms after; "
                f"three heartbeats are {AGED_OUT_MS} ms")
    before = totals(s.device, "host2")
    checks.equal(f"{how}: they go to the others", set(new.wait_more(60)), {"host1", "host3"})
    checks.equal(f"{how}: the host was given none", totals(s.device, "host2"), before)


def scenario(checks):
    with Scene(checks, live={}) as s, Arrivals(s.topology, (VIP4, VIP6)) as new, Held(s.topology, (VIP4, VIP6), s.agents) as held:
        for how, number, wanted in (("stopped", signal.SIGTERM, "left"), ("killed", signal.SIGKILL, "aged")):
            away(checks, s, new, how, number, wanted)
            s.agents["host2"].start()
            checks.step(f"{how}: the host is usable again", wait_state, s.device, "host2", "usable")
            checks.step(f"{how}: it gets connections", wait_for, lambda: "host2" in new.wait_more(20), "connections")
            tables_equal(checks, f"{how}: tables are equal", s.device, s.agents.values())
        held.wait_more(s.agents)
        checks.equal("no established connection failed", held.failed(s.agents), {})
        checks.equal("no new connection failed", new.faults(), [])
