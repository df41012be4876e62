# SPDX-License-Identifier: BSD-3-Clause
"""A host reports high load and gets fewer connections, none when it is overloaded, and its share again after that."""
from lib.arrivals import Arrivals
from lib.baton import VIP4, VIP6
from lib.live import app, reasons, states, tables_equal
from lib.scene import Scene
from lib.shell import wait_for


def report(agent, n, percent):
    for v6 in (False, True):
        agent.ctl("host", "set", app(n, v6), "--load", str(percent))


def report_until(scene, percent, state):
    """Again and again: a smoothed load takes several reports to get there."""
    def there():
        report(scene.agents["host2"], 2, percent)
        return states(scene.device, "host2") == {state}
    wait_for(there, f"host2 {state}")


def part(new):
    got = new.wait_more(200)
    return got["host2"] / got.total()


def loads(device):
    return {r["load_percent"] for r in device.show("apps") if r["host"] == "host2"}


def scenario(checks):
    with Scene(checks, live={}) as s, Arrivals(s.topology, (VIP4, VIP6)) as new:
        agent = s.agents["host2"]
        even = part(new)
        checks.true("an even share at first", 0.28 < even < 0.4, f"{even:.0%}")
        report(agent, 2, 80)
        checks.step("the device knows of the load", wait_for, lambda: loads(s.device) == {80}, "80 %")
        new.wait_more(20)
        less = part(new)
        checks.note(f"load 80 %: {less:.0%} of new connections instead of {even:.0%}")
        checks.true("fewer connections", 0 < less < 0.2, f"{less:.0%}")
        tables_equal(checks, "tables are equal", s.device, s.agents.values())
        checks.step("overload drains it", report_until, s, 300, "draining")
        checks.true("and says so", all("overload" in r for r in reasons(s.device, "host2")), reasons(s.device, "host2"))
        checks.step("new connections avoid it", new.wait_avoided, "host2")
        checks.step("it is taken in again when the load has gone", report_until, s, 0, "usable")
        checks.step("it gets connections", wait_for, lambda: "host2" in new.wait_more(20), "connections")
        checks.equal("no new connection failed", new.faults(), [])
