# SPDX-License-Identifier: BSD-3-Clause
"""A flood of SYNs costs no memory, no entry and no message; real clients go on, new ones among them."""
from lib.baton import SHIM_PORT, VIP4, VIP6
from lib.capture import Capture
from lib.frames import ACK, SYN, TCP, Wire, tcp
from lib.l7_scene import BOTH, L7, both, option
from lib.load import Load
from lib.shell import wait_for
from lib.topology import PORT

SYNS = int(option("--syns", 40000))
ACKS = SYNS // 4
GROWTH_KB = 1024  # of a process that counts and logs


def flood(wire, vip, flags, n):
    network = "2001:db8::5:" if ":" in vip else "10.0.0."  # on the link, so that answers would be seen
    for i in range(n):
        source = f"{network}{i % 32768:x}" if ":" in vip else f"{network}{130 + i % 60}"
        yield wire.ip(source, vip, TCP, tcp(sport=1024 + i % 60000, flags=flags, seq=i * 7919 & 0xFFFFFFFF))


def table_sizes(s):
    return len(s.device.show("routes")), s.device.show("classifiers")[0]["connections"], s.counted("pending")


def scenario(checks):
    vips = both("web", default=(1, 2, 3))
    with L7(checks, vips) as s:
        t, d = s.topology, s.device
        load = Load(t, BOTH, kept=2, fresh=2)
        load.wait_more(50)
        captures = {host: Capture(t, host, PORT) for host in t.hosts}
        memory, log = s.rss_kb(), d.process.log()
        answered = s.counted("syns_answered")
        with Wire(t) as w:
            for vip in (VIP4, VIP6):
                w.send(flood(w, vip, SYN, SYNS))
                routes, connections, pending = table_sizes(s)
                real = len(s.device.show("routes", "--client", t.client4 if vip == VIP4 else t.client6))
                checks.true(f"{vip}: routes are those of real clients", routes - real < 100 and pending < 20, (routes, real, connections, pending))
                w.send(flood(w, vip, ACK, ACKS))
                checks.step(f"{vip}: real clients go on", load.wait_more, 20)
        checks.true("SYNs were answered", s.counted("syns_answered") - answered > SYNS // 4, s.counted("syns_answered") - answered)
        checks.true("invented ACKs were seen through", s.counted("cookies_bad") > 0, s.counted("cookies_bad"))
        n, errors = load.stop()
        checks.equal(f"failed among {n} requests", errors[:5], [])
        checks.true("memory did not grow", s.rss_kb() - memory < GROWTH_KB, f"{memory} to {s.rss_kb()} KiB")
        checks.equal("nothing was logged", d.process.log()[len(log):], "")
        shims = [f for c in captures.values() for f in c.stop() if f.dport == SHIM_PORT and not f.outgoing]
        checks.true("hosts heard of real connections only", len(shims) < 6 * n + 100, f"{len(shims)} messages for {n} requests")
        checks.step("nothing is pending afterwards", wait_for, lambda: s.counted("pending") == 0, "nothing pending")
