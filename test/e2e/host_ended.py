# SPDX-License-Identifier: BSD-3-Clause
"""The host reports the ends of connections: its own kernel's and created ones, also while the agent is away."""
import signal
import struct

from lib.baton import VIP4, VIP6, Agent
from lib.create import ACK, FIN, RST, SYN, Hands, listener, take
from lib.shell import wait_for
from lib.topology import Topology

VIPS = {4: VIP4, 6: VIP6}
WAIT_REPORTED = 20


def opened(h, server, flow_id, family=4, **how):
    """A created connection with a flow, and the server's socket."""
    c = h.connection(family, **how)
    c.create(b"hello")
    s, _, _ = take(server, 5)
    if flow_id:
        c.introduce(flow_id)
    return c, s


def finish(c, s, flow_id, by_client):
    """Both sides close, by tunneled packets."""
    if not by_client:
        s.close()
        c.hands.wait(lambda: [x for x in c.segments() if x.flags & FIN], "the server's FIN")
        c.tunneled(flow_id, at=5, flags=FIN | ACK, ack=c.server_isn + 2)
        return
    c.tunneled(flow_id, at=5, flags=FIN | ACK)
    s.recv(1)
    s.close()
    c.hands.wait(lambda: [x for x in c.segments() if x.flags & FIN], "the server's FIN")
    c.tunneled(flow_id, at=6, flags=ACK, ack=c.server_isn + 2)


def reported(checks, what, c, state, flow_id, own=False, timeout=5):
    e = c.ended(timeout)
    checks.equal(what, (e.state, e.flow_id, e.client_isn, e.server_isn),
                 (state, flow_id, 0 if own else c.client_isn, 0 if own else c.server_isn))
    c.hands.poll(0.2)
    checks.equal(f"{what}: said once", len(c.answers(ended=True)), 1)


def each_way(checks, h, server, family):
    c, s = opened(h, server, 0x01000001, family)
    finish(c, s, 0x01000001, by_client=True)
    reported(checks, f"IPv{family}, the client closes first", c, "ended", 0x01000001)
    c, s = opened(h, server, 0x01000002, family)
    finish(c, s, 0x01000002, by_client=False)
    reported(checks, f"IPv{family}, the server closes first", c, "lingers", 0x01000002)
    c, s = opened(h, server, 0x01000003, family)
    c.tunneled(0x01000003, at=5, flags=RST)
    reported(checks, f"IPv{family}, the client resets", c, "ended", 0x01000003)
    s.close()
    c, s = opened(h, server, 0x01000004, family)
    s.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: reset
    s.close()
    reported(checks, f"IPv{family}, the server resets", c, "ended", 0x01000004)
    c, s = opened(h, server, 0, family)
    c.create(b"", at=5, flags=RST)
    reported(checks, f"IPv{family}, never introduced", c, "ended", 0)
    s.close()


def the_kernels_own(checks, h, server, family, agent):
    """A handshake through the tunnel, no CREATE."""
    c, flow_id = h.connection(family, options=0, wscale=0), 0x01000010 + family
    c.introduce(flow_id, c.segment(at=-1, flags=SYN, ack=0))
    answer = h.wait(lambda: [x for x in c.segments() if x.flags & SYN], "SYN-ACK")[0]
    c.server_isn = answer.seq
    c.tunneled(flow_id, b"hello")
    s, _, got = take(server, 5)
    checks.equal(f"IPv{family}, accepted by the kernel itself", got, b"hello")
    s.close()
    h.wait(lambda: [x for x in c.segments() if x.flags & FIN], "the server's FIN")
    c.tunneled(flow_id, at=5, flags=RST | ACK, ack=c.server_isn + 2)
    reported(checks, f"IPv{family}, accepted by the kernel itself: report", c, "ended", flow_id, own=True)
    flow = [f for f in agent.status()["flows"] if f["flow_id"] == f"{flow_id:08x}" and (":" in f["forwarder"]) == (family == 6)]
    checks.equal(f"IPv{family}, accepted by the kernel itself: its flow goes soon", [f["state"] for f in flow], ["closed"])


def without_agent(checks, h, server, agent):
    """The tracing program is pinned: ends are noted while no agent runs, and told by the next one."""
    c, s = opened(h, server, 0x01000020)
    gone, s2 = opened(h, server, 0x01000021)
    agent.process.stop(signal.SIGKILL)
    c.tunneled(0x01000020, at=5, flags=RST)
    s.close()
    checks.equal("no agent: the host knows of the end", c.ask_until("ended").state, "ended")
    new = h.connection()
    new.create(b"hello")
    s3, _, got = take(server, 5)
    checks.equal("no agent: connections are created", got, b"hello")
    new.create(b"", at=5, flags=RST)
    agent.start()
    reported(checks, "agent back: it reports the end it has missed", c, "ended", 0x01000020)
    gone.tunneled(0x01000021, at=5, flags=RST)
    reported(checks, "agent back: and that of older connections", gone, "ended", 0x01000021)
    s2.close()
    s3.close()


def lost_event(checks, h, server, agent):
    """What the ring buffer had no room for is found by walking the table."""
    before = agent.status()["counters"]["ended_found"]
    agent.process.stop(signal.SIGKILL)
    connections = []
    n = lambda: agent.status()["counters"]["end_lost"]
    lost = n()
    while n() == lost:  # until the ring buffer is full
        batch = [h.connection() for _ in range(400)]
        for c in batch:
            c.create(b"")
        for c in batch:
            server.accept()[0].close()
            c.create(b"", flags=RST)
        connections += batch
    last = h.connection()
    last.create(b"")
    server.accept()[0].close()
    last.create(b"", flags=RST)
    agent.start()
    reported(checks, "ring buffer full: told all the same", last, "ended", 0, timeout=WAIT_REPORTED)
    status = wait_for(lambda: agent.status()["counters"]["ended_found"] > before and agent.status(), "counted")
    checks.true("ring buffer full: counted", status["counters"]["end_lost"] > lost, status["counters"])
    wait_for(lambda: h.poll() or all(c.answers(ended=True) for c in connections[-10:]), "the last ones are reported too")


def unclaimed(checks, h, t):
    with listener(t, "host1", VIP4) as server, listener(t, "host1", "::", port=81) as both:
        c, s = opened(h, server, 0)
        kept, s2 = opened(h, server, 0x01000030)
        mapped, s3 = opened(h, both, 0, port=81)
        for what, x in (("", c), (" (socket for both families)", mapped)):
            reported(checks, f"never introduced: ended{what}", x, "ended", 0, timeout=WAIT_REPORTED)
            checks.true(f"never introduced: the client is told{what}", x.resets())
        checks.equal("introduced: kept", kept.ask().state, "open")
        again, s4 = opened(h, server, 0)
        checks.equal("the listener is still there", s4.getpeername()[1], int.from_bytes(again.ports[:2], "big"))
        for x in (s, s2, s3, s4):
            x.close()


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        agent = Agent(t, 1)
        agent.settings["idle"] = {"unclaimed": 3600}
        agent.start()
        with Hands(t) as h:
            for family in (4, 6):
                with listener(t, "host1", VIPS[family]) as server:
                    each_way(checks, h, server, family)
                    the_kernels_own(checks, h, server, family, agent)
            with listener(t, "host1", VIP4, backlog=1000) as server:
                without_agent(checks, h, server, agent)
                lost_event(checks, h, server, agent)
            agent.process.stop()
            agent.settings["idle"] = {"unclaimed": 2}
            agent.start()
            unclaimed(checks, h, t)
            checks.equal("counted", agent.status()["counters"]["unclaimed_ended"], 2)
