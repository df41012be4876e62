# SPDX-License-Identifier: BSD-3-Clause
"""
Hosts that can not take a connection: nothing listens, the backlog is full, the agent is gone, the host is
cut off. The client gets another host's answer or a reset, the reason is counted, nothing is left behind.
"""
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

from lib import l7_clients, l7_servers
from lib.l7_scene import BOTH, L7, both
from lib.netns import inside
from lib.shell import wait_for
from lib.topology import host_addresses

NOTHING, FULL, GOOD = 8001, 8002, 8003
RULES = [{"path_prefix": ["/any/one/"], "pool": "one"}]
ONE, TWO = "any/one/small", "any/two/small"  # of host1 alone; of both
TRIES = 4
SLEEPER = ("import socket, time\nfor a, f in (('0.0.0.0', socket.AF_INET), ('::', socket.AF_INET6)):\n"
           "\ts = socket.socket(f)\n\tif f == socket.AF_INET6: s.setsockopt(41, 26, 1)\n"
           "\ts.bind((a, int(__import__('sys').argv[1]))); s.listen(1); globals()[f.name] = s\ntime.sleep(1000)\n")


def serve(t):
    for port in (NOTHING, FULL, GOOD):
        l7_servers.Nginx(t, "host2", port)
    l7_servers.Nginx(t, "host1", GOOD)
    p = t.start("host1", "sleeper", sys.executable, "-c", SLEEPER, str(FULL))
    p.wait_ready(lambda: len(t.run("host1", "ss", "-Htln", f"sport = :{FULL}").stdout.splitlines()) == 2)


def asked(s, address, path, port, tries=TRIES):
    """Set of (reset or not, host, content right), of clients that ask at the same time."""
    with ThreadPoolExecutor(tries) as pool:
        got = list(pool.map(lambda _: l7_clients.get(s.topology, address, path, port=port, timeout=30), range(tries)))
    return {(g.ended == l7_clients.RESET, g.host, g.sha256 == s.wanted("small")) for g in got}


RESET, OTHER, OWN = (True, None, False), (False, "host2", True), (False, "host1", True)


def refused(checks, s, address, port, why):
    """The host says no: the other one gets the connection, or the client is told."""
    before, elsewhere = s.counted(f"refused_{why}"), s.counted("tried_elsewhere")
    checks.equal(f"{address}, {why}: the other host answers all", asked(s, address, TWO, port), {OTHER})
    checks.true(f"{address}, {why}: tried elsewhere", s.counted("tried_elsewhere") > elsewhere)
    checks.equal(f"{address}, {why}: a reset where there is no other", asked(s, address, ONE, port, 2), {RESET})
    checks.true(f"{address}, {why}: counted by reason", s.counted(f"refused_{why}") >= before + 2, s.counted(f"refused_{why}"))


def fill(s):
    """Connections that nobody accepts, until the listeners take no more."""
    kept = []
    for address in host_addresses(1):
        with inside(s.topology.name("client")):
            for _ in range(4):
                c = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
                c.setblocking(False)
                c.connect_ex((address, FULL))
                kept.append(c)
    wait_for(lambda: s.topology.run("host1", "ss", "-Htn", "state", "established", f"sport = :{FULL}").stdout.count("\n") >= 4, "full backlogs")
    return kept


def silent(checks, s, why):
    """The host says nothing: resets from it, good answers from the other. Each client waits; all of them do at the same time."""
    before = s.counted("host_silent") + s.counted("no_endpoint")
    with ThreadPoolExecutor(2 * len(BOTH)) as pool:
        two = {address: pool.submit(asked, s, address, TWO, GOOD) for address in BOTH}
        one = {address: pool.submit(asked, s, address, ONE, GOOD, 1) for address in BOTH}
    for address in BOTH:
        got = two[address].result()
        checks.true(f"{address}, {why}: the other host or a reset", got <= {OTHER, RESET}, got)
        checks.equal(f"{address}, {why}: a reset where there is no other", one[address].result(), {RESET})
    checks.true(f"{why}: counted for each", s.counted("host_silent") + s.counted("no_endpoint") >= before + len(BOTH))


def nothing_left(checks, s, when):
    checks.step(f"{when}: nothing pending on the device", wait_for, lambda: s.counted("pending") == 0, "nothing pending")
    checks.step(f"{when}: no route", wait_for, lambda: not s.device.show("routes"), "no route", timeout=30)
    for host in s.topology.hosts:
        for port in (NOTHING, GOOD):
            checks.step(f"{when}: no socket of port {port} on {host}", wait_for,
                        lambda h=host, p=port: not set(s.sockets(h, p)) - {"TIME-WAIT"}, "no socket")


def scenario(checks):
    vips = [v for port in (NOTHING, FULL, GOOD) for v in both(
        f"p{port}", port, default=(1, 2), pools={"one": (1,)}, rules=RULES, timeouts={"fin": 5, "closed": 1})]
    with L7(checks, vips, serve, hosts=2) as s:
        for address in BOTH:
            refused(checks, s, address, NOTHING, "no_listener")
        kept = fill(s)
        for address in BOTH:
            refused(checks, s, address, FULL, "backlog_full")
        for c in kept:
            c.close()
        agent = s.agents["host1"]
        agent.process.stop(signal.SIGKILL)
        for address in BOTH:
            checks.equal(f"{address}, agent killed: what it attached goes on", asked(s, address, ONE, GOOD, 2), {OWN})
        agent.start()
        for address in BOTH:
            checks.equal(f"{address}, agent back", asked(s, address, ONE, GOOD, 2), {OWN})
        nothing_left(checks, s, "after refusals")
        agent.process.stop()
        agent.remove()
        silent(checks, s, "agent removed")
        agent.start()
        for address in BOTH:
            checks.equal(f"{address}, agent there again", asked(s, address, ONE, GOOD, 2), {OWN})
        s.topology.cable("host1", False)
        silent(checks, s, "host cut off")
        s.topology.cable("host1", True)
        nothing_left(checks, s, "after silence")
