# SPDX-License-Identifier: BSD-3-Clause
"""SYNs beyond what route table or inventory hold: established connections do not notice, new ones work again afterwards."""
import random

from lib import clients
from lib.baton import VIP4, VIP6
from lib.frames import SYN, TCP, Wire, tcp
from lib.load import Load
from lib.scene import Scene
from lib.shell import Failed, wait_for

SHORT = {"syn": 2, "established": 60, "fin": 1, "closed": 1, "udp": 2}
SMALL, LARGE = 1024, 8192
SYNS = 12000  # more than the larger of them holds
FEW = 10  # connections that are there without a flood


def syns(wire, vip):
    r = random.Random(vip)
    source = (lambda: f"2001:db8:66::{r.randrange(1, 65536):x}") if ":" in vip else (lambda: f"198.51.{r.randrange(256)}.{r.randrange(256)}")
    for _ in range(SYNS):
        yield wire.ip(source(), vip, TCP, tcp(sport=r.randrange(1024, 65536), flags=SYN, seq=r.randrange(1 << 32)))


def counted(device, name):
    """Of the forwarder's drops or the classifier's counters."""
    drops = {row["name"]: row["count"] for row in device.show("drops")}
    return drops.get(name, device.show("classifiers")[0].get(name, 0))


def serves(topology, vip):
    try:
        return clients.whoami(topology, vip, timeout=3)
    except Failed:
        return None


def drained(device):
    return device.show("classifiers")[0]["connections"] <= FEW and len(device.show("routes")) <= FEW


def flood(checks, full, routes, connections, names):
    sizes = {"ipv4": routes, "ipv6": routes, "connections": connections}
    with Scene(checks, hosts=2, timeouts=SHORT, device={"routes": sizes}) as s:
        t, d = s.topology, s.device
        small, big = Load(t, [VIP4, VIP6], kept=2, fresh=0), Load(t, [VIP4, VIP6], name="big", kept=2, fresh=0)
        small.wait_more(5)
        big.wait_more(1)
        with Wire(t) as w:
            for vip in (VIP4, VIP6):
                w.send(syns(w, vip))
                checks.step(f"{full}: established connections go on, {vip}", small.wait_more, 20)
        big.wait_more(1)
        for name in names:
            checks.true(f"{full}: counted as {name}", counted(d, name) > 0)
        checks.step(f"{full}: the flood drains, the inventory with it", wait_for, lambda: drained(d), "drained", timeout=40)
        for vip in (VIP4, VIP6):
            checks.step(f"{full}: {vip} serves again", wait_for, lambda vip=vip: serves(t, vip), "it serves", timeout=30)
            checks.equal(f"{full}: both hosts serve {vip}", {clients.whoami(t, vip) for _ in range(20)}, set(t.hosts))
        for load in (small, big):
            n, errors = load.stop()
            checks.equal(f"{full}: failed among {n} requests", errors[:5], [])
        checks.equal(f"{full}: agents alive", [x for x, a in s.agents.items() if not a.process.running()], [])
        checks.equal(f"{full}: device ends well", d.process.stop(), 0)


def scenario(checks):
    flood(checks, "route table full", SMALL, LARGE, ["route_table_full", "refused_table_full"])
    flood(checks, "inventory full", LARGE, SMALL, ["refused_inventory_full"])
