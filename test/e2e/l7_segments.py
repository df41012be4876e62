# SPDX-License-Identifier: BSD-3-Clause
"""Requests cut into odd segments: with the handshake's ACK, late, byte by byte, backwards, twice, damaged, with the FIN."""
import time

from lib import l7_segments
from lib.frames import ACK, FIN, RST
from lib.l7_scene import BOTH, L7, both
from lib.l7_segments import PSH, Segments, connected
from lib.shell import Failed, wait_for

REQUEST = b"GET /any/b/small HTTP/1.1\r\nHost: vip.test\r\nAccept: */*\r\nX-Filler: " + b"f" * 120 + b"\r\n\r\n"
LAST = REQUEST.replace(b"Accept: */*", b"Connection: close")
SIZE = len(REQUEST)
LATE_S = 3


def with_the_ack(c):
    c.connect(REQUEST)


def after_the_ack(c):
    c.connect().segment(0, REQUEST, ACK | PSH)


def without_a_bare_ack(c):
    c.connect(False).segment(0, REQUEST, ACK | PSH)


def late(c):
    c.connect()
    time.sleep(LATE_S)
    c.segment(0, REQUEST, ACK | PSH)


def byte_by_byte(c):
    c.connect()
    for at in range(SIZE):
        c.segment(at, REQUEST[at:at + 1], ACK | PSH)
        if at % 16 == 0:
            c.hear(0.001)


def small_pieces(c):
    c.connect()
    for at in range(0, SIZE, 10):
        c.segment(at, REQUEST[at:at + 10])


def backwards(c):
    c.connect()
    for at in range(SIZE - 1 - (SIZE - 1) % 10, -1, -10):
        c.segment(at, REQUEST[at:at + 10])


def overlapping_twice(c):
    c.connect()
    for _ in range(2):
        for start, end in ((0, 30), (20, 60), (100, None), (50, 120)):
            c.segment(start, REQUEST[start:end], ACK | PSH)


def whole_three_times(c):
    c.connect()
    for _ in range(3):
        c.segment(0, REQUEST, ACK | PSH)


def damaged_first(c):
    c.connect()
    c.segment(0, REQUEST, ACK | PSH, damaged=True)
    c.segment(0, REQUEST, ACK | PSH)


def in_two_with_a_pause(c):
    c.connect().segment(0, REQUEST[:7], ACK | PSH)
    time.sleep(0.5)
    c.segment(7, REQUEST[7:], ACK | PSH)


WAYS = (with_the_ack, after_the_ack, without_a_bare_ack, late, byte_by_byte, small_pieces, backwards, overlapping_twice,
        whole_three_times, damaged_first, in_two_with_a_pause)


def try_ways(checks, s, address, content):
    for way in WAYS if address == BOTH[0] else [w for w in WAYS if w is not late]:
        with Segments(s.topology, address, timestamps=way is not small_pieces, sack=way is not backwards) as c:
            name = f"{address}: {way.__name__.replace('_', ' ')}"
            try:
                way(c)
                c.deliver(REQUEST)
                head, body = c.answer()
                c.deliver(REQUEST, SIZE)
                again = c.answer()[1]
                c.finish(2 * SIZE)
            except Failed as e:
                checks.result(name, False, e)
                continue
            checks.true(name, "X-Host: host2" in head and body == content == again and not c.reset, f"{head}, reset: {c.reset}")


def pipelined(checks, s, address, content):
    with connected(s.topology, address, REQUEST + REQUEST) as c:
        c.deliver(REQUEST + REQUEST)
        c.until(lambda: c.received.count(content) == 2, "two responses")
        checks.equal(f"{address}: two requests in one segment", c.received.count(content), 2)


def finished_at_once(checks, s, address, content):
    """The FIN comes with the request or right behind it."""
    for name, first, flags in (("FIN with the request", b"", FIN), ("FIN right behind it", LAST, 0)):
        with connected(s.topology, address, first or None) as c:
            if flags:
                c.segment(0, LAST, ACK | FIN | PSH)
            else:
                c.segment(len(LAST), flags=ACK | FIN)
            c.deliver(LAST)
            c.finish(len(LAST))
            checks.true(f"{address}: {name}", c.received.endswith(content) and not c.reset, f"{len(c.received)} bytes, reset: {c.reset}")


def given_up(checks, s, address, content):
    """A client resets before its head is complete, and takes the same port again."""
    with connected(s.topology, address, REQUEST[:20]) as c:
        c.segment(20, flags=RST | ACK)
        port = c.sport
    with Segments(s.topology, address) as c:
        c.sport = port
        c.connect(REQUEST)
        c.deliver(REQUEST)
        checks.true(f"{address}: the same port again after a reset", c.answer()[1] == content)
    with Segments(s.topology, address) as c:
        c.sport = port  # whose last connection the client ended by a reset
        c.connect(REQUEST)
        c.deliver(REQUEST)
        checks.true(f"{address}: and after a served one", c.answer()[1] == content)


def small_mss(checks, s, address, content):
    """Hosts' kernels take none below RFC 9293's least; the handshake is refused then."""
    least = 1220 if ":" in address else 536
    with connected(s.topology, address, REQUEST, mss=least) as c:
        c.deliver(REQUEST)
        checks.true(f"{address}: MSS {least}", c.answer()[1] == content)
    with Segments(s.topology, address, mss=least - 1) as c:
        try:
            c.connect()
            checks.result(f"{address}: MSS {least - 1} is refused", False, "it was accepted")
        except Failed as e:
            checks.true(f"{address}: MSS {least - 1} is refused", "refused" in str(e), e)
        c.reset = True


def scenario(checks):
    vips = both("web", pools={"b": (2,)}, rules=[{"path_prefix": ["/any/b/"], "pool": "b"}])
    with L7(checks, vips, hosts=2) as s:
        l7_segments.own_addresses(s.topology)
        content = s.content("small")
        for address in BOTH:
            try_ways(checks, s, address, content)
            for part in (pipelined, finished_at_once, given_up, small_mss):
                try:
                    part(checks, s, address, content)
                except Failed as e:
                    checks.result(f"{address}: {part.__name__}", False, e)
        checks.step("nothing is left on the hosts", wait_for, lambda: not set(s.sockets("host1") + s.sockets("host2")) - {"TIME-WAIT"},
                    "no socket")
