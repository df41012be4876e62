# SPDX-License-Identifier: BSD-3-Clause
"""A web server hangs but its kernel still accepts connections: the probe's time-out tells, and its answer when it goes on."""
import signal
import time

from lib.arrivals import Arrivals, Held
from lib.baton import VIP4, VIP6
from lib.live import HTTP, PROBED, totals, wait_state
from lib.scene import Scene
from lib.shell import wait_for

OTHERS = ("host1", "host3")


def scenario(checks):
    with Scene(checks, live={**PROBED, "probes": [HTTP]}) as s, Arrivals(s.topology, (VIP4, VIP6), patience=2) as new, \
            Held(s.topology, (VIP4, VIP6), s.agents) as held:
        d = s.device
        new.wait_more(60)
        event = time.monotonic()
        s.nginx["host2"].signal(signal.SIGSTOP)
        checks.step("the device knows", wait_state, d, "host2", "inactive")
        checks.step("new connections avoid it", new.wait_avoided, "host2")
        checks.note(f"hung: last new connection there began {new.last_wrong_ms('host2', event)} ms after; "
                    f"two probes {HTTP['interval_ms']} ms apart must have no answer for {HTTP['timeout_ms']} ms")
        mark, before = time.monotonic(), totals(d, "host2")
        checks.equal("they go to the others", set(new.wait_more(100)), set(OTHERS))
        checks.equal("the host was given none", totals(d, "host2"), before)
        checks.equal("none fails any more", new.faults(mark), [])
        s.nginx["host2"].signal(signal.SIGCONT)
        checks.step("it is back", wait_state, d, "host2", "usable")
        checks.step("it gets connections", wait_for, lambda: "host2" in new.wait_more(20), "connections")
        held.wait_more(s.agents)
        checks.equal("no established connection failed, not even there", held.failed(s.agents), {})
