# SPDX-License-Identifier: BSD-3-Clause
"""A connection that a device has accepted becomes a socket of the host's kernel: data, options, kinds of listeners."""
import itertools
import random
import socket

from lib.baton import VIP4, VIP6, Agent
from lib.create import ALL_OPTIONS, SACK, TIMESTAMPS, WSCALE, Hands, listener, take
from lib.topology import PORT, Topology

VIPS = {4: VIP4, 6: VIP6}


def served(checks, what, server, c, data):
    """Create it, see that the server gets the data, and the client the server's words."""
    c.create(data)
    s, peer, got = take(server, len(data))
    checks.equal(f"{what}: the server has the bytes", got, data)
    checks.equal(f"{what}: the server sees the client", (socket.inet_pton(s.family, peer[0])[-len(c.src):], peer[1]),
                 (c.src, int.from_bytes(c.ports[:2], "big")))
    reply = random.randbytes(700)
    s.sendall(reply)
    checks.equal(f"{what}: the client gets the answer", c.received(len(reply)), reply)
    answer = c.ask()
    checks.equal(f"{what}: the host says open", (answer.state, answer.next_seq),
                 ("open", (c.client_isn + 1 + len(data)) % 2**32))
    checks.equal(f"{what}: no reset", c.resets(), [])
    return s


def options_kept(checks, what, c):
    clocks = [s.timestamps() for s in c.segments()]
    if not c.options & TIMESTAMPS:
        checks.equal(f"{what}: no timestamps", set(clocks), {None})
        return
    behind = [(v - c.server_clock - 50) % 2**32 for v, _ in clocks]
    checks.true(f"{what}: our clock goes on", all(b < 20000 for b in behind), behind)
    checks.equal(f"{what}: the client's clock is echoed", {e for _, e in clocks}, {c.client_clock})


def every_size(checks, h, t):
    for family, size in itertools.product((4, 6), (0, 23, 1200)):
        with listener(t, "host1", VIPS[family]) as server:
            c = h.connection(family)
            served(checks, f"IPv{family}, {size} bytes", server, c, random.randbytes(size)).close()


def every_option(checks, h, t):
    for family in (4, 6):
        with listener(t, "host1", VIPS[family]) as server:
            for options in range(ALL_OPTIONS + 1):
                words = [n for bit, n in ((WSCALE, "scale"), (SACK, "sack"), (TIMESTAMPS, "time")) if options & bit]
                what = f"IPv{family}, options {' '.join(words) or 'none'}"
                c = h.connection(family, options=options, wscale=9 if options & WSCALE else 0)
                s = served(checks, what, server, c, b"GET / HTTP/1.0\r\n\r\n")
                options_kept(checks, what, c)
                s.close()


def kinds_of_listeners(checks, h, t):
    cases = [("wildcard", 4, "0.0.0.0", {}), ("wildcard", 6, "::", {}), ("wildcard for both families", 4, "::", {}),
             ("bound to the device", 4, VIP4, {"SO_BINDTODEVICE": PORT.encode()}),
             ("bound to the device", 6, VIP6, {"SO_BINDTODEVICE": PORT.encode()})]
    for name, family, address, how in cases:
        with listener(t, "host1", address, **how) as server:
            served(checks, f"{name}, IPv{family}", server, h.connection(family), b"hello").close()


def reuse_port_group(checks, h, t):
    workers = [listener(t, "host1", VIP4, SO_REUSEPORT=1) for _ in range(4)]
    wanted = {}
    for _ in range(40):
        c = h.connection()
        wanted[int.from_bytes(c.ports[:2], "big")] = data = random.randbytes(40)
        c.create(data)
        c.ask_until("open")
    got, busy = {}, 0
    for w in workers:
        w.settimeout(0.2)
        n = len(got)
        try:
            while True:
                s, peer, data = take(w, 40)
                got[peer[1]] = data
                s.close()
        except TimeoutError:
            busy += len(got) > n
        w.close()
    checks.equal("a group of workers: every connection with its bytes", got, wanted)
    checks.true("a group of workers: several got some", busy > 1, busy)


def scenario(checks):
    with Topology(checks, hosts=1) as t:
        Agent(t, 1).start()
        with Hands(t) as h:
            every_size(checks, h, t)
            every_option(checks, h, t)
            kinds_of_listeners(checks, h, t)
            reuse_port_group(checks, h, t)
            checks.equal("nothing else was said", h.others, [])
