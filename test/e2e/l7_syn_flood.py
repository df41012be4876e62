# SPDX-License-Identifier: BSD-3-Clause
"""A flood of SYNs costs no memory, no entry and no message; real clients go on, new ones among them."""
import itertools

from lib.baton import SHIM_PORT, VIP4, VIP6
from lib.capture import Capture
from lib.frames import ACK, SYN, TCP, Wire, tcp
from lib.l7_scene import BOTH, L7, both, option
from lib.load import Load
from lib.shell import wait_for
from lib.topology import PORT

SYNS = int(option("--syns", 12000))
BURST = 4000
ACKS = SYNS // 4
GROWTH_KB = 128


def flood(wire, vip, flags, n):
    network = "2001:db8::5:" if ":" in vip else "10.0.0."  # on the link, so that answers would be seen
    for i in range(n):
        source = f"{network}{i % 32768:x}" if ":" in vip else f"{network}{130 + i % 60}"
        yield wire.ip(source, vip, TCP, tcp(sport=1024 + i % 60000, flags=flags, seq=i * 7919 & 0xFFFFFFFF))


def send(s, wire, frames):
    """No faster than the device takes them: what its port has no room for would be anybody's packets."""
    while burst := list(itertools.islice(frames, BURST)):
        before = s.counted("rx_packets")
        wire.send(burst)
        wait_for(lambda n=before: s.counted("rx_packets") - n >= BURST // 2, "the device to take a burst")


def table_sizes(s):
    return len(s.device.show("routes")), s.device.show("classifiers")[0]["connections"], s.counted("pending")


def memory_stays(checks, s):
    """After the first flood, that touches buffers for the first time."""
    sizes = []
    for _ in range(2):
        with Wire(s.topology) as w:
            for vip in BOTH:
                send(s, w, flood(w, vip, SYN, SYNS))
                send(s, w, flood(w, vip, ACK, ACKS))
        checks.equal("a flood leaves nothing", table_sizes(s), (0, 0, 0))
        sizes.append(s.rss_kb())
    checks.true("memory did not grow", sizes[1] - sizes[0] <= GROWTH_KB, sizes)


def scenario(checks):
    vips = both("web", default=(1, 2, 3))
    with L7(checks, vips) as s:
        t, d = s.topology, s.device
        memory_stays(checks, s)
        load = Load(t, BOTH, kept=2, fresh=2)
        load.wait_more(50)
        captures = {host: Capture(t, host, PORT) for host in t.hosts}
        log = d.process.log()
        answered = s.counted("syns_answered")
        with Wire(t) as w:
            for vip in (VIP4, VIP6):
                send(s, w, flood(w, vip, SYN, SYNS))
                routes, connections, pending = table_sizes(s)
                real = sum(len(s.device.show("routes", "--client", c)) for c in (t.client4, t.client6))
                checks.true(f"{vip}: routes are those of real clients", routes - real < 100 and pending < 20, (routes, real, connections, pending))
                send(s, w, flood(w, vip, ACK, ACKS))
                checks.step(f"{vip}: real clients go on", load.wait_more, 20)
        checks.true("SYNs were answered", s.counted("syns_answered") - answered > SYNS // 4, s.counted("syns_answered") - answered)
        checks.true("invented ACKs were seen through", s.counted("cookies_bad") > 0, s.counted("cookies_bad"))
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
        checks.equal("nothing was logged", d.process.log()[len(log):], "")
        shims = [f for c in captures.values() for f in c.stop() if f.dport == SHIM_PORT and not f.outgoing]
        checks.true("hosts heard of real connections only", len(shims) < 6 * n + 100, f"{len(shims)} messages for {n} requests")
        checks.step("nothing is pending afterwards", wait_for, lambda: s.counted("pending") == 0, "nothing pending")
