# SPDX-License-Identifier: BSD-3-Clause
"""
Every kind of packet is lost, doubled, held back and damaged on every hop: no connection breaks
that would not break on a direct connection with the same faults, and no byte is another one.

By hand: --connections 100000 --percent 5 --seed 7 --at-once 1000
"""
from lib import l7_servers
from lib.faults import COUNTS, KINDS, Faults
from lib.l7_load import Many, Target
from lib.l7_scene import BOTH, FORWARDERS, L7, both, option
from lib.shell import wait_for
from lib.topology import host_addresses

CONNECTIONS, SEED, AT_ONCE = int(option("--connections", 3000)), int(option("--seed", 1)), int(option("--at-once", 600))
PERCENT = option("--percent", 0.5)  # of each of four faults
RULES = [{"path_prefix": ["/any/a/"], "pool": "a"}, {"path_prefix": ["/any/b/"], "pool": "b"}]
PATHS = [("/any/a/small", "host1"), ("/any/b/small", "host2")]
USED = ("syn", "syn_ack", "data", "ack", "fin", "tunneled_data", "tunneled_ack", "tunneled_fin", "shim_create", "shim_state", "shim_ended",
        "shim_introduce")


def serve(t):
    for host in t.hosts:
        l7_servers.Node(t, host)


def targets(s):
    content = s.content("small")
    direct = [(n, address) for n in (1, 2) for address in host_addresses(n)]
    return [Target("through baton", address, PATHS, content) for address in BOTH for _ in range(2)] + \
           [Target("direct", address, [(path, f"host{n}") for path, _ in PATHS], content) for n, address in direct]


def left_behind(s):
    return {h: set(s.sockets(h)) - {"TIME-WAIT"} for h in s.topology.hosts if set(s.sockets(h)) - {"TIME-WAIT"}}


def scenario(checks):
    vips = both("web", pools={"a": (1,), "b": (2,)}, rules=RULES, application={"timeout_ms": 60000})
    with L7(checks, vips, serve, hosts=2) as s:
        with Faults(s.topology, ["client", "device", *s.topology.hosts], FORWARDERS, seed=SEED) as f:
            f.set(PERCENT)
            many = Many(s.topology, targets(s), AT_ONCE)
            results = many.run(CONNECTIONS)
            rows = {kind: f.total(kind) for kind in KINDS}
        checks.note(f"device: {', '.join(f'{name} {count}' for name, count in s.counters().items())}")
        for kind in USED:
            checks.note(f"{kind}: {', '.join(f'{rows[kind][c]} {c}' for c in COUNTS)}")
            checks.true(f"there were faults of {kind} packets", sum(rows[kind][c] for c in COUNTS[1:]), rows[kind])
        for label, outcomes in results.items():
            checks.note(f"{label}: {dict(outcomes)}")
            checks.equal(f"{label}: other bytes or another host", (outcomes["corrupted"], outcomes["another host"]), (0, 0))
        broken = {label: sum(outcomes.values()) - outcomes["good"] for label, outcomes in results.items()}
        checks.true("no more broken than on a direct connection", broken["through baton"] <= broken["direct"], "\n".join(many.bad))
        checks.step("nothing is left on the hosts", wait_for, lambda: not left_behind(s), "no socket", timeout=90)
        checks.step("the device waits for nobody", wait_for, lambda: s.counted("pending") == 0, "nothing pending", timeout=30)
