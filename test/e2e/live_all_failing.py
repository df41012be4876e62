# SPDX-License-Identifier: BSD-3-Clause
"""All hosts say that they fail: rather than refuse everybody, the device gives connections to all of them, and shows it."""
from lib.arrivals import Arrivals
from lib.baton import VIP4, VIP6
from lib.live import app, states
from lib.scene import Scene
from lib.shell import wait_for


def say(scene, health):
    for n, agent in enumerate(scene.agents.values(), 1):
        for v6 in (False, True):
            agent.ctl("host", "health", app(n, v6), health)


def panic(device):
    return {(a["vip"], a["panic"]) for a in device.show("allotments")}


def scenario(checks):
    with Scene(checks, live={}) as s, Arrivals(s.topology, (VIP4, VIP6)) as new:
        d = s.device
        new.wait_more(30)
        checks.equal("no panic at first", panic(d), {("web4", "no"), ("web6", "no")})
        say(s, "failing")
        checks.step("the device knows", wait_for, lambda: all(states(d, h) == {"inactive"} for h in s.agents), "all inactive")
        checks.step("panic is shown", wait_for, lambda: panic(d) == {("web4", "yes"), ("web6", "yes")}, "panic")
        checks.step("all hosts get connections", wait_for, lambda: set(new.wait_more(30)) == set(s.agents), "three hosts")
        checks.equal("and nobody else is without answer", set(new.wait_more(60)), set(s.agents))
        say(s, "auto")
        checks.step("healthy again: no panic", wait_for, lambda: panic(d) == {("web4", "no"), ("web6", "no")}, "no panic")
        checks.equal("no new connection failed", new.faults(), [])
