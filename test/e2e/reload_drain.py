# SPDX-License-Identifier: BSD-3-Clause
"""Capacity 0 drains an endpoint under load: no new connection, kept ones stay where they are and work to their end."""
from lib import clients
from lib.baton import VIP4, VIP6, vip
from lib.load import Load
from lib.scene import Scene
from lib.shell import wait_for

SHORT = {"fin": 1, "closed": 1}


def capacities(device, host2):
    for name, address in (("web4", VIP4), ("web6", VIP6)):
        settings = vip(name, address, timeouts=SHORT)
        settings["endpoints"][1]["capacity"] = host2
        device.vips[name] = settings
    return device.reload().returncode


def row(device):
    return next(e for e in device.show("endpoints") if e["vip"] == "web4" and e["name"] == "host2")


def on_host2(topology):
    while True:
        sock = clients.connect(topology, VIP4, 80)
        if clients.request(sock, "whoami")[2] == b"host2\n":
            return sock
        sock.close()


def scenario(checks):
    with Scene(checks, timeouts=SHORT) as s:
        d = s.device
        load = Load(s.topology, [VIP4, VIP6], kept=4, fresh=2)
        load.wait_more(20)
        mine = on_host2(s.topology)
        checks.equal("capacity of host 2 set to 0", capacities(d, 0), 0)
        checks.step("no new connection goes there", wait_for,
                    lambda: load.wait_more(20)["fresh"] == {"host1", "host3"}, "host 2 left out")
        total = row(d)["total"]
        checks.equal("its connection is still there", clients.request(mine, "whoami")[2], b"host2\n")
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
        checks.equal("the last request of a drained connection", clients.request(mine, "whoami", last=True)[2], b"host2\n")
        mine.close()
        checks.step("the endpoint runs empty", wait_for, lambda: row(d)["connections"] == 0, "no connection left", timeout=30)
        checks.equal("and got none meanwhile", row(d)["total"], total)
        checks.equal("capacity given back", capacities(d, 50), 0)
        checks.step("it gets new connections again", wait_for,
                    lambda: clients.whoami(s.topology, VIP4) == "host2", "an answer from host 2")
