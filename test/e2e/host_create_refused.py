# SPDX-License-Identifier: BSD-3-Clause
"""Connections that a host can not take: the reason is told and counted, the client hears nothing, no socket is made."""
import random
import secrets
import socket

from lib.baton import SPARE_VIP4, VIP4, VIP6, Agent
from lib.create import ACK, CREATE, SACK, SYN, TIMESTAMPS, WSCALE, Hands, Key, listener, take
from lib.netns import inside
from lib.shell import wait_for
from lib.topology import Topology

VIPS = {4: VIP4, 6: VIP6}
IPPROTO_MPTCP = 262


class Bench:
    def __init__(self, checks, topology, agent, hands):
        self.checks, self.t, self.agent, self.h = checks, topology, agent, hands

    def counters(self):
        return self.agent.status()["counters"]

    def refused(self, what, reason, c, data=b"hello", detail=0):
        before = self.counters()[f"refused_{reason}"]
        c.create(data)
        answer = self.h.wait(c.answers, f"an answer: {what}")[0]
        self.checks.equal(f"{what}: refused", (answer.state, answer.reason, answer.detail), ("refused", reason, detail))
        self.checks.equal(f"{what}: its ISNs", (answer.client_isn, answer.server_isn), (c.client_isn, c.server_isn))
        self.checks.equal(f"{what}: counted", self.counters()[f"refused_{reason}"] - before, 1)
        self.checks.equal(f"{what}: the client hears nothing", c.segments(), [])

    def taken(self, what, server, c):
        data = random.randbytes(50)
        c.create(data)
        s, _, got = take(server, 50)
        self.checks.equal(f"{what}: taken", got, data)
        s.close()

    def dropped(self, what, counter, packet, n=1):
        before = self.counters()[counter]
        self.h.send(packet)
        wait_for(lambda: self.counters()[counter] >= before + n, f"{what}: {counter}")
        self.h.poll(0.05)
        self.checks.true(f"{what}: {counter}", True)


def reasons(b):
    t, h = b.t, b.h
    for family in (4, 6):
        b.refused(f"IPv{family}, no listener", "no_listener", h.connection(family))
        b.refused(f"IPv{family}, question without listener", "no_listener", h.connection(family, port=81))
        with listener(t, "host1", VIPS[family], backlog=2) as server:
            fit = [h.connection(family) for _ in range(3)]  # the kernel lets one more wait than it is told
            for c in fit:
                c.create(b"x")
                c.ask_until("open")
            full = h.connection(family)
            b.refused(f"IPv{family}, backlog full", "backlog_full", full)
            for _ in fit:
                server.accept()[0].close()
            b.taken(f"IPv{family}, backlog empty again", server, full)
            low = 536 if family == 4 else 1220
            b.refused(f"IPv{family}, MSS {low - 1}", "mss", h.connection(family, mss=low - 1))
            b.taken(f"IPv{family}, MSS {low}", server, h.connection(family, mss=low))
    b.refused("not a VIP", "vip", h.connection(vip="10.0.0.99"))
    b.refused("a VIP nobody listens on", "no_listener", h.connection(vip=SPARE_VIP4))


def mptcp(b):
    with inside(b.t.name("host1")):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((VIP4, 80))
        s.listen()
    b.refused("MPTCP listener", "mptcp", b.h.connection())
    s.close()


def sysctls(b):
    def watched(setting, value, condition):
        b.t.sysctl("host1", f"net.ipv4.{setting}={value}")
        wait_for(lambda: condition(b.agent.status()["connections"]), f"the agent sees {setting}={value}")

    with listener(b.t, "host1", VIP4) as server:
        watched("tcp_syncookies", 0, lambda c: not c["taken"])
        b.refused("tcp_syncookies 0", "syncookies_off", b.h.connection())
        watched("tcp_syncookies", 1, lambda c: c["taken"])
        b.taken("tcp_syncookies 1", server, b.h.connection())
        for setting, key, option in (("tcp_timestamps", "timestamps", TIMESTAMPS), ("tcp_sack", "sack", SACK),
                                     ("tcp_window_scaling", "window_scaling", WSCALE)):
            watched(setting, 0, lambda c, key=key: not c[key])
            b.refused(f"{setting} 0", "option_off", b.h.connection(options=option))
            b.taken(f"{setting} 0, not agreed", server, b.h.connection(options=0, wscale=0))
            watched(setting, 1, lambda c, key=key: c[key])
            b.taken(f"{setting} 1", server, b.h.connection(options=option, wscale=7 if option == WSCALE else 0))
    log = b.agent.process.log()
    b.checks.true("the log says what to do", "tcp_syncookies is 0" in log and "net.ipv4.tcp_timestamps is 0" in log, log)


def malformed(b):
    h = b.h
    with listener(b.t, "host1", VIP4) as server:
        c = h.connection()
        first = c.segment(b"data")
        b.dropped("forged", "drop_shim_forged", c.datagram(first, key=Key(secrets.token_hex(32))))
        for cut in (10, 23, 24, 50, 87):
            b.dropped(f"cut at {cut}", "drop_shim_length", c.datagram(first, cut=cut))
        for cut in (89, 107, 108, 127, 128 + 11):
            b.dropped(f"inner packet cut at {cut - 88}", "drop_inner_length", c.datagram(first, cut=cut))
        other = h.connection()
        b.dropped("another one's packet inside", "drop_inner_flow", c.datagram(other.segment(b"data")))
        b.dropped("another VIP's packet inside", "drop_inner_flow",
                  c.datagram(h.connection(vip=SPARE_VIP4, sport=int.from_bytes(c.ports[:2], "big")).segment(b"data")))
        b.taken("after all that", server, c)
        stale = h.connection()
        for at, bad in ((18, b"\x0f"), (19, b"\x0f"), (20, b"\x08"), (21, b"\x06"), (22, b"\0\0"), (24, b"\0\0"), (26, b"\1"),
                        (36, b"\1"), (60, b"\1")):
            body = bytearray(stale.body())
            body[at:at + len(bad)] = bad
            b.dropped(f"body byte {at}", "drop_conn_fields", h.shim(4, CREATE, bytes(body), stale.segment(b"data")))
        checks_nobody(b, server)


def replayed(b):
    """Right in every bit, but sent twice: the second one is not even answered."""
    with listener(b.t, "host1", VIP4) as server:
        c = b.h.connection()
        packet = c.datagram(c.segment(b"once"))
        b.h.send(packet)
        s, _, got = take(server, 4)
        b.checks.equal("sent twice: taken once", got, b"once")
        b.dropped("sent twice", "drop_shim_replayed", packet)
        s.close()


def flags(b):
    """Segments that create nothing: SYN, no ACK, another acknowledgement number."""
    with listener(b.t, "host1", VIP4) as server:
        for what, how in (("SYN", {"flags": SYN}), ("SYN and ACK", {"flags": SYN | ACK}), ("no ACK", {"flags": 8}),
                          ("reset", {"flags": 4 | ACK}), ("foreign acknowledgement", {"ack": 12345})):
            c = b.h.connection()
            c.create(b"data", **how)
            answer = b.h.wait(c.answers, f"an answer: {what}")[0]
            b.checks.equal(f"{what}: nothing is created", (answer.state, c.segments()), ("none", []))
        checks_nobody(b, server)


def checks_nobody(b, server):
    server.settimeout(0.3)
    try:
        server.accept()[0].close()
        b.checks.true("no connection came of it", False)
    except TimeoutError:
        b.checks.true("no connection came of it", True)


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        agent = Agent(t, 1).start()
        with Hands(t) as h:
            b = Bench(checks, t, agent, h)
            reasons(b)
            mptcp(b)
            sysctls(b)
            replayed(b)
            flags(b)
            malformed(b)
            checks.equal("nothing else was said", h.others, [])
