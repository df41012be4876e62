# SPDX-License-Identifier: BSD-3-Clause
"""Starting and stopping a unit adds and removes its application's row: over a real bus, with a stand-in for systemd."""
import os

from lib.baton import BUILD, VIP4, Agent
from lib.shell import wait_for
from lib.topology import Topology, host_addresses

WEB = f"tcp/{VIP4}:80@{host_addresses(1)[0]}:80"
MAIL = f"tcp/{VIP4}:25@{host_addresses(1)[0]}:25"


class Systemd:
    def __init__(self, topology):
        self.folder = os.path.dirname(topology.path("host1", "bus", "x"))
        self.process = topology.start("host1", "systemd", os.path.join(BUILD, "test/lib/systemd_stand_in"), self.folder)
        self.address = f"unix:path={self.folder}/socket"
        self.n = 0
        self.process.wait_ready(lambda: self.address in self.process.log())

    def order(self, *words):
        with open(os.path.join(self.folder, "orders"), "w", encoding="utf-8") as f:
            f.write(" ".join(words) + "\n")
        self.n += 1
        wait_for(lambda: self.process.log().splitlines().count("done") == self.n, " ".join(words))


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        systemd = Systemd(t)
        for unit in ("nginx.service", "postfix.service"):
            systemd.order("add", unit)
        agent = Agent(t, 1)
        agent.settings.update(
            name="host1", watch={"bus_address": systemd.address},
            applications=[{"vip": VIP4, "port": 80, "capacity": 30, "unit": "nginx.service"},
                          {"vip": VIP4, "port": 25, "unit": "postfix.service", "unit_stopped": "failing"}])
        agent.start()

        def is_now(what, app, **wanted):
            def same():
                row = agent.rows().get(app)
                return row is not None and all(row[k] == v for k, v in wanted.items())
            checks.step(what, wait_for, same, f"{app} is {wanted}: {agent.rows().get(app)}")

        def is_gone(what):
            checks.step(what, wait_for, lambda: WEB not in agent.rows(), "the row is gone")

        is_now("a row that stays is failing", MAIL, health="failing", reason="failing: unit postfix.service is inactive")
        checks.true("no row while the unit is stopped", WEB not in agent.rows(), agent.rows())
        systemd.order("set", "nginx.service", "activating")
        systemd.order("set", "nginx.service", "active")
        is_now("starting adds the row", WEB, health="healthy", target="active", current="active", capacity=30)
        systemd.order("set", "postfix.service", "active")
        is_now("starting makes the other healthy", MAIL, health="healthy", target="active")
        systemd.order("set", "nginx.service", "deactivating")
        is_gone("stopping removes the row")
        systemd.order("set", "nginx.service", "inactive")
        systemd.order("set", "nginx.service", "active")
        is_now("starting again", WEB, health="healthy", target="active")

        agent.process.send(1)
        checks.step("reloaded", wait_for, lambda: "configuration reloaded" in agent.process.log(), "reloaded")
        checks.equal("a reload leaves the row alone", agent.rows().get(WEB, {}).get("target"), "active")

        systemd.order("down")
        checks.step("the lost bus is noticed", wait_for, lambda: "units can't be watched" in agent.process.log(), "logged")
        checks.equal("and takes nothing away", agent.rows().get(WEB, {}).get("target"), "active")
        systemd.order("set", "nginx.service", "failed")
        systemd.order("up")
        is_gone("what happened meanwhile is seen")
        systemd.order("exec")
        systemd.order("set", "nginx.service", "active")
        is_now("systemd executed again", WEB, health="healthy", target="active")
        checks.equal("status of the agent", agent.process.stop(), 0)
