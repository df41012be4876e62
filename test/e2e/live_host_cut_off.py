# SPDX-License-Identifier: BSD-3-Clause
"""A host is cut off: three missed heartbeats age it out, new connections avoid it; it takes part again when it is back."""
import time

from lib.arrivals import Arrivals, Held
from lib.baton import VIP4, VIP6
from lib.live import AGED_OUT_MS, events, presence, tables_equal, totals, wait_state
from lib.scene import Scene
from lib.shell import wait_for

OTHERS = ("host1", "host3")


def scenario(checks):
    # unreachable next hops are kept, so that nothing but the silence of the agent tells
    with Scene(checks, live={}, unreachable="keep") as s, Arrivals(s.topology, (VIP4, VIP6), patience=2) as new, \
            Held(s.topology, (VIP4, VIP6), OTHERS) as held:
        d = s.device
        new.wait_more(60)
        event = time.monotonic()
        s.topology.cable("host2", False)
        checks.step("the device gives it up", wait_for, lambda: presence(d, "host2") == "aged", "aged out")
        checks.step("new connections avoid it", new.wait_avoided, "host2")
        checks.note(f"cut off: last new connection there began {new.last_wrong_ms('host2', event)} ms after; "
                    f"three heartbeats are {AGED_OUT_MS} ms")
        mark, before = time.monotonic(), totals(d, "host2")
        checks.equal("they go to the others", set(new.wait_more(100)), set(OTHERS))
        checks.equal("the host was given none", totals(d, "host2"), before)
        checks.equal("none fails any more", new.faults(mark), [])
        checks.equal("the log says why", [e["cause"] for e in events(d, "host_aged_out", "host2")],
                     ["the host was not heard of"])
        s.topology.cable("host2", True)
        checks.step("it is back", wait_state, d, "host2", "usable")
        checks.step("it gets connections", wait_for, lambda: "host2" in new.wait_more(20), "connections")
        tables_equal(checks, "tables are equal", d, s.agents.values())
        checks.equal("no established connection to others failed", held.failed(OTHERS), {})
