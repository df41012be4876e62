# SPDX-License-Identifier: BSD-3-Clause
"""New connections over hosts with capacities 10, 20 and 60, in each of the three orders, as clients see it."""
import itertools

from lib import clients
from lib.baton import SPARE_VIP4, VIP4, VIP6, resolved, vip
from lib.scene import Scene
from lib.shell import wait_for

CAPACITIES = {"host1": 10, "host2": 20, "host3": 60}
FIRST = 40  # of a fresh allotment, which has at least 64 tokens
ORDERS = {"round-robin": VIP4, "linear": SPARE_VIP4, "greatest": VIP6}


def by_order(order, address):
    settings = vip(order, address, consume=order)
    for endpoint in settings["endpoints"]:
        endpoint["capacity"] = CAPACITIES[endpoint["name"]]
    return settings


def ask(topology, address, answers, n):
    """n connections more; who answered each of them."""
    for _ in range(n):
        with clients.connect(topology, address, 80) as sock:
            answers.append(clients.request(sock, "whoami", last=True)[2].decode().strip())


def as_configured(answers):
    """Is every host's share of all connections within a fifth of what its capacity says?"""
    fair = {host: len(answers) * capacity / sum(CAPACITIES.values()) for host, capacity in CAPACITIES.items()}
    return all(abs(answers.count(host) - n) <= n / 5 for host, n in fair.items())


def by_size(answers):
    return 0 < answers.count("host1") < answers.count("host2") < answers.count("host3")


def runs(answers):
    return [(host, len(list(same))) for host, same in itertools.groupby(answers)]


def scenario(checks):
    with Scene(checks) as s:
        d = s.device
        checks.equal("device stopped", d.process.stop(), 0)
        d.vips = {order: by_order(order, address) for order, address in ORDERS.items()}
        d.start()
        resolved(d, 2 * len(CAPACITIES))
        seen = {order: [] for order in ORDERS}
        for order, address in ORDERS.items():
            ask(s.topology, address, seen[order], FIRST)
        checks.equal("round-robin: one of each in turn", sorted(seen["round-robin"][:3]), s.topology.hosts)
        checks.true("linear: all of one, then the next", len(runs(seen["linear"])) <= 5, runs(seen["linear"]))
        checks.true("greatest: the largest has most left for long", seen["greatest"][:20].count("host3") >= 18, seen["greatest"])
        # what is off stays within one allotment; with the greatest first that is much of the smallest share for long
        for order, good in (("round-robin", as_configured), ("linear", as_configured), ("greatest", by_size)):
            def shares_hold(order=order, good=good):
                ask(s.topology, ORDERS[order], seen[order], 50)
                return good(seen[order])
            checks.step(f"{order}: shares by capacity", wait_for, shares_hold, "shares of 10, 20 and 60", timeout=60)
        totals = {(e["vip"], e["name"]): e["total"] for e in d.show("endpoints")}
        checks.equal("the device counted the same", totals,
                     {(order, host): seen[order].count(host) for order in ORDERS for host in CAPACITIES})
