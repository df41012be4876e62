# SPDX-License-Identifier: BSD-3-Clause
"""An agent with so many applications that its table fills a long frame: the device gets all of them, and none twice."""
from lib.baton import VIP4, Agent, Batond, vip
from lib.shell import wait_for
from lib.topology import DEVICE4, Topology

PORTS = range(8000, 8060)


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        device = Batond(t, [vip("web", VIP4, port=PORTS[0], health="agent", hosts=[1])])
        device.settings["health"] = {"listen": DEVICE4}
        device.settings["ports"][0]["exception"] = "baton0"
        device.start()
        agent = Agent(t, 1)
        agent.settings.update(name="host1", balancers=[f"{DEVICE4}:7472"],
                              applications=[{"vip": VIP4, "port": p, "health": "assumed"} for p in PORTS])
        agent.start()

        def active():
            rows = agent.rows().values()
            return len(rows) == len(PORTS) and all(r["current"] == "active" for r in rows)
        checks.step("no device objects: all are active", wait_for, active, "all applications are active on the host")
        apps = device.show("apps")
        checks.equal("the device knows each of them", sorted(a["port"] for a in apps), list(PORTS))
        checks.true("as active", all(a["target"] == a["current"] == "active" for a in apps), apps)
        garbled = [c for c in device.show("counters") if c["group"] == "health" and c["name"] == "not_decoded" and c["count"]]
        checks.equal("no message was garbled", garbled, [])
