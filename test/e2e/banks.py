# SPDX-License-Identifier: BSD-3-Clause
"""
One lcore with two tunnel addresses of each family: every route has the address of its bank, hosts that forget their flows
ask that address, and tell it when a connection is over.
"""
from lib import clients, servers
from lib.baton import ONE_LCORE, VIP4, VIP6, lcores
from lib.capture import Capture
from lib.scene import Scene
from lib.shell import wait_for
from lib.topology import PORT

BANKS = 2
CONNECTIONS = 24  # to each VIP: in each bank there are some
LONG = {state: 3000 for state in ("syn", "established", "fin", "closed")}  # what ends does because a host says so


def tunnels():
    """Addresses by family and bank."""
    (addresses,) = lcores([ONE_LCORE], BANKS)[1]
    return {6: addresses[1::2], 4: addresses[::2]}


def family(address):
    return 6 if ":" in address else 4


def counted(device):
    return {c["name"]: c["count"] for c in device.show("counters", "--all") if c["group"] == "forwarder"}


def sent_as(captures):
    """(source, flow id) of all tunneled TCP packets."""
    own = {a for addresses in tunnels().values() for a in addresses}
    frames = [f for c in captures for f in list(c.frames) if f.protocol == 6 and f.src in own]
    return {(f.src, f.sport << 16 | f.dport) for f in frames}


def ask_all(checks, sockets, small, what):
    answers = [clients.request(s, "small") for s in sockets]
    checks.equal(f"{what}: right answers", sum(a[0] == 200 and a[2] == small for a in answers), len(sockets))


def forget(s):
    """The hosts lose all they know of flows."""
    for agent in s.agents.values():
        agent.process.stop()
        agent.remove()
        agent.start()


def check_mode(checks, mode):
    with Scene(checks, hosts=2, mode=mode, banks=BANKS, timeouts=LONG) as s:
        t, d = s.topology, s.device
        with open(servers.make_files(t)["small"], "rb") as f:
            small = f.read()
        captures = [Capture(t, host, PORT) for host in t.hosts]
        sockets = [clients.connect(t, vip, 80) for vip in (VIP4, VIP6) for _ in range(CONNECTIONS)]
        ask_all(checks, sockets, small, f"{mode}, new connections")
        ask_all(checks, sockets, small, f"{mode}, known connections")

        routes = [r for r in d.show("routes") if r["action"] == "tunnel"]
        checks.equal(f"{mode}: routes in both banks, of both families", {(family(r["address"]), r["bank"]) for r in routes},
                     {(n, bank) for n in (4, 6) for bank in range(BANKS)})
        named = {(tunnels()[family(r["address"])][r["bank"]], r["flow"]) for r in routes}
        checks.equal(f"{mode}: a flow id is one route's", len(named), len(routes))
        wait_for(lambda: sent_as(captures) >= named, "a packet of each flow, from the address of its bank")
        checks.equal(f"{mode}: packets of nothing else", sent_as(captures) - named, set())

        forget(s)
        ask_all(checks, sockets, small, f"{mode}, forgotten by their hosts")
        now = counted(d)
        checks.true(f"{mode}: hosts asked for all flows", now["unknown_flows"] >= len(sockets), now)
        checks.equal(f"{mode}: none of them at the wrong address", now["unknown_flows_gone"], 0)

        for one in sockets:
            one.close()
        wait_for(lambda: not d.show("routes"), f"{mode}: hosts to report the end of all connections", 30)
        checks.true(f"{mode}: hosts said that connections ended", counted(d)["host_reports"] >= len(sockets), counted(d))
        checks.equal(f"{mode}: device ends well", d.process.stop(), 0)


def scenario(checks):
    for mode in ("tunnel", "application"):
        check_mode(checks, mode)
