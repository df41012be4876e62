# SPDX-License-Identifier: BSD-3-Clause
"""Endpoints and VIPs come and go by reload under load: no request fails, kept connections stay where they are."""
from lib import clients
from lib.baton import SPARE_VIP4, VIP4, VIP6, vip
from lib.load import Load
from lib.scene import Scene
from lib.shell import wait_for


def scenario(checks):
    with Scene(checks) as s:
        d = s.device
        load = Load(s.topology, [VIP4, VIP6], kept=4, fresh=4)
        load.wait_more(100)

        for name, address in (("web4", VIP4), ("web6", VIP6)):
            d.vips[name] = vip(name, address, hosts=(1, 3))
        checks.equal("reload without host 2", d.reload().returncode, 0)
        checks.step("no new connection goes to host 2 any more", wait_for,
                    lambda: load.wait_more(30)["fresh"] == {"host1", "host3"}, "host 2 left out")

        for name, address in (("web4", VIP4), ("web6", VIP6)):
            d.vips[name] = vip(name, address)
        d.vips["more"] = vip("more", SPARE_VIP4, hosts=(2,))
        checks.equal("reload with host 2 and one more VIP", d.reload().returncode, 0)
        checks.step("host 2 gets new connections again", wait_for,
                    lambda: "host2" in load.wait_more(30)["fresh"], "host 2 taken in")
        checks.equal("the VIP serves", clients.whoami(s.topology, SPARE_VIP4), "host2")
        checks.equal("VIPs shown", sorted(v["name"] for v in d.show("vips")), ["more", "web4", "web6"])

        del d.vips["more"]
        checks.equal("reload without the VIP", d.reload().returncode, 0)
        refused = clients.curl(s.topology, "--connect-timeout", "1", clients.url(SPARE_VIP4, "whoami"), check=False)
        checks.true("the removed VIP serves nobody", refused.returncode)

        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
