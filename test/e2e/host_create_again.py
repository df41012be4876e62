# SPDX-License-Identifier: BSD-3-Clause
"""CREATE repeated, late, out of order, given up; and what older connections have left in its way."""
import fcntl
import json
import random
import struct
import time

from lib.baton import VIP4, VIP6, Agent
from lib.create import ACK, FIN, PSH, RST, Hands, listener, take
from lib.shell import wait_for
from lib.topology import Topology

VIPS = {4: VIP4, 6: VIP6}


def counters(agent):
    return agent.status()["counters"]


def nobody(server):
    """Whether no connection waits to be accepted."""
    server.settimeout(0.3)
    try:
        server.accept()[0].close()
        return False
    except TimeoutError:
        return True
    finally:
        server.settimeout(5)


def repeated(checks, h, server, family):
    what = f"IPv{family}, five times the same"
    c, data = h.connection(family), random.randbytes(300)
    for _ in range(5):
        c.create(data)
    s, _, got = take(server, 300)
    checks.equal(f"{what}: the bytes once", got, data)
    checks.true(f"{what}: one connection", nobody(server))
    checks.equal(f"{what}: open", c.ask_until("open").next_seq, (c.client_isn + 301) % 2**32)
    s.close()


def out_of_order(checks, h, server, family):
    what = f"IPv{family}, second segment first"
    c, data = h.connection(family), random.randbytes(2000)
    c.create(data[1000:], at=1000)
    answer = h.wait(c.answers, "an answer to the later segment")[0]
    checks.equal(f"{what}: it creates nothing", (answer.state, nobody(server)), ("none", True))
    c.create(data[:1000])
    c.create(data[1000:], at=1000)
    c.create(data[:1000])
    s, _, got = take(server, 2000)
    checks.equal(f"{what}: all bytes in order", got, data)
    checks.equal(f"{what}: the host has all", c.ask().next_seq, (c.client_isn + 2001) % 2**32)
    checks.equal(f"{what}: no reset", c.resets(), [])
    s.close()


def end_by_client(c, s, sent):
    """The client closes first, so the host keeps no TIME_WAIT."""
    c.create(b"", at=sent, flags=ACK | FIN)
    if s.recv(1):
        raise AssertionError("more data than sent")
    s.close()
    h = c.hands
    fin = h.wait(lambda: [x for x in c.segments() if x.flags & FIN], "the server's FIN")[0]
    c.create(b"", at=sent + 1, flags=ACK, ack=fin.seq + 1 + len(fin.payload))


def end_by_server(c, s, sent):
    """The server closes first: TIME_WAIT stays on the host."""
    s.close()
    fin = c.hands.wait(lambda: [x for x in c.segments() if x.flags & FIN], "the server's FIN")[0]
    c.create(b"", at=sent, flags=ACK | FIN, ack=fin.seq + 1 + len(fin.payload))
    return (fin.seq + 1 + len(fin.payload)) % 2**32


def late(checks, h, server, family):
    what = f"IPv{family}, late duplicate"
    c, data = h.connection(family), random.randbytes(100)
    c.create(data)
    s, _, _ = take(server, 100)
    end_by_client(c, s, 100)
    c.ask_until("ended")
    c.create(data)
    checks.equal(f"{what}: it makes no second connection", (c.ask().state, nobody(server)), ("ended", True))


def time_wait(checks, h, server, family):
    what = f"IPv{family}, TIME_WAIT"
    c, data = h.connection(family), random.randbytes(100)
    c.create(data)
    s, _, _ = take(server, 100)
    end_by_server(c, s, 100)
    c.ask_until("lingers")
    c.create(data)
    checks.equal(f"{what}: its own connection lingers", (c.ask().state, nobody(server)), ("lingers", True))
    n = c.again()
    n.create(data)
    answer = n.ask_until("none")
    checks.equal(f"{what}: it makes way for another", answer.reason, "none")
    n.create(data)
    s, _, got = take(server, 100)
    checks.equal(f"{what}: whose bytes arrive", got, data)
    checks.equal(f"{what}: the client hears no reset", n.resets(), [])
    s.close()


def leftover(checks, h, server, family, agent):
    what = f"IPv{family}, forgotten connection"
    c, data = h.connection(family), random.randbytes(100)
    c.create(data)
    s, _, _ = take(server, 100)
    before = counters(agent)["leftover_ended"]
    n = c.again()
    n.create(data)
    n.ask_until("none")
    try:
        s.recv(1)
        failed = False
    except ConnectionResetError:
        failed = True
    checks.true(f"{what}: the server sees it reset", failed)
    n.create(data)
    s2, _, got = take(server, 100)
    checks.equal(f"{what}: the new one's bytes arrive", got, data)
    checks.equal(f"{what}: counted", counters(agent)["leftover_ended"] - before, 1)
    checks.equal(f"{what}: the client hears no reset", n.resets(), [])
    s.close()
    s2.close()


def aborted(checks, h, server, family, agent):
    what = f"IPv{family}, given up"
    c, data = h.connection(family), random.randbytes(100)
    c.create(data)
    s, _, _ = take(server, 100)
    other = c.again()
    other.abort()
    checks.equal(f"{what}: another one's ISNs end nothing", c.ask().state, "open")
    c.abort()
    try:
        s.recv(1)
        failed = False
    except ConnectionResetError:
        failed = True
    s.close()
    checks.true(f"{what}: the server sees it reset", failed)
    checks.equal(f"{what}: the client hears nothing", c.resets(), [])
    c.create(data)
    checks.equal(f"{what}: a late CREATE makes nothing", (c.ask().state, nobody(server)), ("ended", True))
    never = h.connection(family)
    never.abort()
    never.create(data)
    checks.equal(f"{what} before: a late CREATE makes nothing", (never.ask().state, nobody(server)), ("ended", True))
    time.sleep(0.3)
    h.poll()
    checks.equal(f"{what}: no report of its end", c.answers(ended=True), [])
    checks.equal(f"{what}: counted", counters(agent)["aborted"] > 0, True)


def reset_by_client(checks, h, server, family):
    """The client's own reset, while its packets still go the long way."""
    c = h.connection(family)
    c.create(b"abc")
    s, _, _ = take(server, 3)
    c.create(b"", at=3, flags=RST)
    try:
        s.recv(1)
        failed = False
    except ConnectionResetError:
        failed = True
    checks.true(f"IPv{family}, the client's reset reaches the server", failed)
    s.close()


def several_segments(checks, h, server, family):
    """Data and acknowledgements that follow by CREATE, until the flow is plumbed."""
    what = f"IPv{family}, several segments"
    c, data = h.connection(family), random.randbytes(5000)
    for at in range(0, 5000, 1000):
        c.create(data[at:at + 1000], at=at, flags=ACK | PSH)
    s, _, got = take(server, 5000)
    checks.equal(f"{what}: all bytes", got, data)
    s.sendall(b"x" * 1000)
    c.received(1000)
    c.create(b"", at=5000, flags=ACK, ack=c.server_isn + 1001)
    wait_for(lambda: unsent(s) == 0, "the acknowledgement reaches the socket")
    checks.true(f"{what}: acknowledged", True)
    s.close()


def unsent(s):
    """Bytes not acknowledged (SIOCOUTQ)."""
    return struct.unpack("i", fcntl.ioctl(s, 0x5411, b"\0" * 4))[0]


def pushed_out_of_the_table(checks, h, server, t, agent):
    """The table of connections may forget an entry: the socket itself is asked."""
    c, data = h.connection(), random.randbytes(100)
    c.create(data)
    s, _, _ = take(server, 100)
    checks.equal("forgotten entry: deleted", forget(t, agent), True)
    c.create(data)
    checks.equal("forgotten entry: the connection is known by its numbers", c.ask().state, "open")
    checks.equal("forgotten entry: the server can go on", s.send(b"still here"), 10)
    s.close()


def forget(t, agent):
    pin = f"{agent.run_dir}/bpf/connections_v2"
    out = t.run("host1", "bpftool", "-j", "map", "dump", "pinned", pin).stdout
    keys = [e["key"] for e in json.loads(out)]
    for key in keys:
        t.run("host1", "bpftool", "map", "delete", "pinned", pin, "key", *key)
    return bool(keys)


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        agent = Agent(t, 1).start()
        with Hands(t) as h:
            for family in (4, 6):
                with listener(t, "host1", VIPS[family]) as server:
                    repeated(checks, h, server, family)
                    out_of_order(checks, h, server, family)
                    several_segments(checks, h, server, family)
                    late(checks, h, server, family)
                    time_wait(checks, h, server, family)
                    leftover(checks, h, server, family, agent)
                    aborted(checks, h, server, family, agent)
                    reset_by_client(checks, h, server, family)
            with listener(t, "host1", VIP4) as server:
                pushed_out_of_the_table(checks, h, server, t, agent)
            checks.equal("nothing else was said", h.others, [])
