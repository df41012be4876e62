# SPDX-License-Identifier: BSD-3-Clause
"""One host of a group speaks for all; it is killed in mid-sentence, another takes over, and no living host is lost."""
from lib.arrivals import Held
from lib.baton import VIP4, VIP6
from lib.live import counter, events, presence, tables_equal, wait_state
from lib.scene import Scene
from lib.shell import wait_for

MESSAGES = {"content": 6, "membership": 1}  # that are waited for: one with every heartbeat; one in 10 s where nothing changes


def leaders(device):
    """{host: the host that speaks for it, or itself}"""
    rows = device.show("hosts")
    names = {r["id"]: r["host"] for r in rows}
    return {r["host"]: names.get(r["leader"], r["host"]) for r in rows if r["presence"] == "present"}


def led(device, hosts):
    """The one leader of these hosts, or None."""
    said = leaders(device)
    lead = {said.get(h) for h in hosts}
    return lead.pop() if len(lead) == 1 and lead <= set(hosts) else None


def check_mode(checks, mode):
    with Scene(checks, live={}, group={"mode": mode}) as s, Held(s.topology, (VIP4, VIP6), s.topology.hosts) as held:
        d, hosts = s.device, s.topology.hosts
        first = checks.step(f"{mode}: one leader", wait_for, lambda: led(d, hosts), "one leader", 20)
        before = counter(d, "groups", "heard")
        checks.step(f"{mode}: it speaks for all", wait_for, lambda: counter(d, "groups", "heard") >= before + MESSAGES[mode], "heartbeats", 20)
        first = led(d, hosts)
        others = [h for h in hosts if h != first]
        s.agents[first].process.kill()
        checks.step(f"{mode}: the next one takes over", wait_for, lambda: led(d, others), "another leader", 20)
        checks.step(f"{mode}: the dead one is given up", wait_for, lambda: presence(d, first) == "aged", "age-out", 20)
        checks.equal(f"{mode}: no living host was given up", [e["host"] for e in events(d, "host_aged_out") if e["host"] != first], [])
        s.agents[first].start()
        checks.step(f"{mode}: it comes back", wait_state, d, first, "usable")
        tables_equal(checks, f"{mode}: tables are equal", d, s.agents.values())
        held.wait_more(hosts)
        checks.equal(f"{mode}: no established connection failed", held.failed(hosts), {})


def scenario(checks):
    for mode in ("content", "membership"):
        check_mode(checks, mode)
