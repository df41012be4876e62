# SPDX-License-Identifier: BSD-3-Clause
"""An application turns inactive: a VIP with inactive = "stop" ends its established connections, one with "hold" does not."""
from lib import clients
from lib.arrivals import Arrivals, Held, established
from lib.baton import SPARE_VIP4, VIP4, VIP6, vip
from lib.live import wait_state
from lib.scene import Scene
from lib.shell import wait_for


def scenario(checks):
    hold = vip("hold", SPARE_VIP4, health="agent", warm_up_s=0, inactive="hold")
    with Scene(checks, live={}, more_vips=[hold], inactive="stop") as s, Arrivals(s.topology, (VIP4, VIP6)) as new, \
            Held(s.topology, (VIP4, VIP6), s.agents) as held:
        kept = established(s.topology, SPARE_VIP4, "host2")
        held.wait_more(s.agents)
        s.agents["host2"].ctl("drain", "host2", "--inactive", "--reason", "power goes")
        checks.step("the device knows", wait_state, s.device, "host2", "inactive")
        checks.step("established connections to it end", wait_for, lambda: len(held.errors["host2"]) == 2, "both ended")
        checks.step("new connections avoid it", new.wait_avoided, "host2")
        held.wait_more(("host1", "host3"))
        checks.equal("those to other hosts go on", held.failed(("host1", "host3")), {})
        checks.equal("so does one of the other VIP", clients.request(kept, "whoami", last=True)[2], b"host2\n")
        kept.close()
