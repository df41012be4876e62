# SPDX-License-Identifier: BSD-3-Clause
"""batond is killed between any two steps of a hand-over: hosts keep no half-made connection, and after a restart new ones work."""
import signal

from lib import l7_clients, l7_segments, l7_servers
from lib.faults import Faults
from lib.l7_scene import BOTH, FORWARDERS, L7, both
from lib.l7_segments import Segments
from lib.scene import usable
from lib.shell import Failed, wait_for

REQUEST = b"GET /any/b/small HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n"
RULES = [{"path_prefix": ["/any/b/"], "pool": "b"}]


def serve(t):
    return {host: l7_servers.Nginx(t, host, keepalive="2s") for host in t.hosts}


def before_the_head(c, s, faults):
    c.connect()


def within_the_head(c, s, faults):
    c.connect(REQUEST[:20])
    wait_for(lambda: s.counted("pending") > 0, "a pending connection")


def before_the_host_has_it(c, s, faults):
    faults.set(0, ["shim_create"], ["host2"], drop=100)
    c.connect(REQUEST)
    wait_for(lambda: faults.total("shim_create", "host2")["dropped"] > 0, "an offer to the host")


def before_the_host_is_heard(c, s, faults):
    faults.set(0, ["shim_state"], ["device"], drop=100)
    c.connect(REQUEST)
    wait_for(lambda: faults.total("shim_create", "host2")["seen"] > 0, "an offer to the host")
    wait_for(lambda: set(s.sockets("host2")) - {"TIME-WAIT"}, "the connection on its host")


def after_all(c, s, faults):
    c.connect(REQUEST)
    wait_for(lambda: s.counted("created") > 0, "a connection handed over")


STEPS = (before_the_head, within_the_head, before_the_host_has_it, before_the_host_is_heard, after_all)


def end_of(c):
    """What becomes of the client's connection after the restart."""
    try:
        c.deliver(REQUEST)
        return "reset" if c.reset else c.answer()[1]
    except Failed as e:
        return "reset" if c.reset else str(e)


def kill_at(checks, s, address, step, content):
    name = f"{address}, {step.__name__.replace('_', ' ')}"
    with Faults(s.topology, ["device", "host2"], FORWARDERS) as faults, Segments(s.topology, address) as c:
        c.silent = True  # so that an answer that comes meanwhile is not acknowledged
        try:
            step(c, s, faults)
        except Failed as e:
            checks.result(name, False, e)
        s.device.process.stop(signal.SIGKILL)
        faults.set(0)
        states = set(s.sockets("host2"))
        checks.true(f"{name}: no half-made connection on the host", "SYN-RECV" not in states, states)
        s.device.start()
        usable(s.device, 2)
        c.silent = False
        got = end_of(c)
        checks.true(f"{name}: the client gets its answer or a reset", got in ("reset", content), str(got)[:100])
    new = l7_clients.get(s.topology, address, "any/b/small")
    checks.equal(f"{name}: a new connection after the restart", (new.host, new.body == content), ("host2", True))


def scenario(checks):
    with L7(checks, both("web", pools={"b": (2,)}, rules=RULES), serve, hosts=2) as s:
        l7_segments.own_addresses(s.topology)
        content = s.content("small")
        for n, step in enumerate(STEPS):
            kill_at(checks, s, BOTH[n % 2], step, content)
        checks.step("no socket without an application on the hosts", wait_for,
                    lambda: not {"SYN-RECV", "ESTAB", "CLOSE-WAIT"} & set(s.sockets("host2")), "no socket", timeout=60)
