# SPDX-License-Identifier: BSD-3-Clause
"""A host that returns gets few connections at first and its full share later."""
import time

from lib.arrivals import Arrivals
from lib.baton import VIP4, VIP6
from lib.live import wait_state
from lib.scene import Scene
from lib.shell import wait_for

WARM_UP_S = 2


def part(new, host, begin, end=float("inf")):
    got = new.hosts(begin, end)
    return got[host] / got.total()


def scenario(checks):
    with Scene(checks, live={}, warm_up_s=WARM_UP_S) as s, Arrivals(s.topology, (VIP4, VIP6)) as new:
        start = time.monotonic()
        wait_for(lambda: time.monotonic() > start + WARM_UP_S, "the end of the first warm-up")
        s.agents["host2"].ctl("drain", "host2")
        wait_state(s.device, "host2", "draining")
        new.wait_avoided("host2")
        s.agents["host2"].ctl("undrain", "host2")
        wait_for(lambda: "host2" in new.wait_more(5), "the first connections to host2")
        back = time.monotonic()
        wait_for(lambda: time.monotonic() > back + WARM_UP_S, "the end of the warm-up")
        new.wait_more(200)
        early, late = part(new, "host2", back, back + WARM_UP_S / 4), part(new, "host2", back + WARM_UP_S)
        checks.note(f"returned: {early:.0%} of new connections in the first quarter of {WARM_UP_S} s, {late:.0%} after them")
        checks.true("few connections at first", early < 0.75 * late, f"{early:.0%}")
        checks.true("a full share at the end", 0.28 < late < 0.4, f"{late:.0%}")
        checks.equal("no new connection failed", new.faults(), [])
