# SPDX-License-Identifier: BSD-3-Clause
"""A host is unplugged: new connections avoid it, and it takes part again once it is back."""
from lib.baton import VIP4, VIP6
from lib.clients import whoami
from lib.scene import Scene
from lib.shell import wait_for


def state(device, host):
    return {n["address"]: n["state"] for n in device.show("neighbours")}[host]


def scenario(checks):
    with Scene(checks, unreachable="avoid") as s:
        t, d = s.topology, s.device
        t.cable("host2", False)
        for address in ("10.0.0.12", "2001:db8::12"):
            checks.step(f"{address} is noticed to be gone", wait_for, lambda: state(d, address) == "failed",
                        "neighbour failed", timeout=30)
        for vip in (VIP4, VIP6):
            checks.equal(f"answers at {vip} without host2", {whoami(t, vip, timeout=5) for _ in range(30)}, {"host1", "host3"})
        t.cable("host2", True)
        for address in ("10.0.0.12", "2001:db8::12"):
            checks.step(f"{address} is back", wait_for, lambda: state(d, address) == "reachable", "neighbour back", timeout=30)
        for vip in (VIP4, VIP6):
            checks.step(f"host2 answers at {vip} again", wait_for, lambda: whoami(t, vip) == "host2", "host2 answers")
