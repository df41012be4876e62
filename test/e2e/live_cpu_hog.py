# SPDX-License-Identifier: BSD-3-Clause
"""A program that eats CPU beside the server slows a host: its agent measures it, and the host gets fewer connections."""
import os
import sys
from contextlib import contextmanager

from lib.arrivals import Arrivals
from lib.baton import VIP4, VIP6
from lib.scene import Scene
from lib.shell import run, wait_for


@contextmanager
def cgroup(topology):
    """A control group of the test's own, in a hierarchy mounted for it; counts CPU time and limits nothing."""
    top = topology.path("cgroup", "x")[:-2]
    run("mount", "-t", "cgroup2", "none", top)
    group = os.path.join(top, os.path.basename(topology.path("x")[:-2]))
    try:
        os.mkdir(group)
        yield group
    finally:
        if os.path.isdir(group):
            os.rmdir(group)
        run("umount", top)


def part(new):
    got = new.wait_more(200)
    return got["host2"] / got.total()


def load(device):
    return max((r["load_percent"] for r in device.show("apps") if r["host"] == "host2"), default=0)


def scenario(checks):
    with Scene(checks, live={}) as s, cgroup(s.topology) as group, Arrivals(s.topology, (VIP4, VIP6)) as new:
        agent = s.agents["host2"]
        agent.settings["watch"] = {"load_interval_s": 1}
        for application in agent.settings["applications"]:
            application["load"] = {"cpu": True, "cgroup": group}
        agent.process.stop()
        agent.start()
        checks.step("the host is back", wait_for, lambda: load(s.device) < 10 and "host2" in new.wait_more(20), "connections")
        even = part(new)
        hog = s.topology.start("host2", "hog", sys.executable, "-c",
                               f"open('{group}/cgroup.procs', 'w').write('0')\nwhile True: pass")
        checks.step("its agent measures the load", wait_for, lambda: load(s.device) >= 25, "load", 40)
        less = part(new)
        checks.note(f"one busy CPU beside the server: load {load(s.device)} %, {less:.0%} of new connections instead of {even:.0%}")
        checks.true("fewer connections go there", less < even, f"{less:.0%}, {even:.0%}")
        hog.kill()
        checks.step("it recovers", wait_for, lambda: load(s.device) < 10, "load gone", 60)
        checks.equal("no new connection failed", new.faults(), [])
