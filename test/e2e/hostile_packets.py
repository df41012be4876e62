# SPDX-License-Identifier: BSD-3-Clause
"""Truncated, absurd and mutated packets beside running transfers: each is counted by name, nothing else changes."""
import random
import struct

from lib import clients
from lib.baton import VIP4, VIP6
from lib.frames import ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, UDP, Wire, icmp, tcp, udp
from lib.link import ARP
from lib.scene import Scene
from lib.shell import wait_for
from lib.transfers import Transfers

SHORT = {"syn": 2, "established": 5, "fin": 1, "closed": 1, "udp": 2}
SRC4, SRC6 = "10.0.0.77", "2001:db8::77"  # nobody's
MUTATIONS = 50000


def wrong_ip4(w):
    """{drop reason: frames}"""
    def ip(l4=tcp(), **how):
        return w.ip(how.pop("src", SRC4), VIP4, how.pop("proto", TCP), l4, **how)

    return {
        "bad_short_ip": [ip()[:14 + n] for n in range(20)],
        "bad_ip_version": [ip(version=v) for v in range(16) if v != 4],
        "bad_ip_header_len": [ip(ihl=n) for n in range(5)] + [ip(ihl=n) for n in range(11, 16)],
        "bad_ip_total_len": [ip(length=n) for n in range(0, 20)] + [ip(length=n) for n in (41, 1500, 9000, 65535)],
        "bad_ip_checksum": [ip(check=0x1234), ip(options=b"\1" * 40, check=1)],
        "bad_ip_source": [ip(src=a) for a in ("127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0")],
        "bad_short_l4": [ip(tcp()[:n]) for n in range(20)] + [ip(udp()[:n], proto=UDP) for n in range(8)],
        "bad_tcp_header_len": [ip(tcp(offset=n)) for n in (0, 1, 2, 3, 4, 6, 15)],
        "bad_tcp_flags": [ip(tcp(flags=f)) for f in (0, FIN, SYN | FIN, SYN | RST, 255, 0xE8)],
        "bad_udp_len": [ip(udp(length=n), proto=UDP) for n in (0, 1, 7, 9, 65535)],
        "bad_port_zero": [ip(tcp(sport=0)), ip(tcp(dport=0)), ip(udp(sport=0), proto=UDP), ip(udp(dport=0), proto=UDP)],
        "bad_short_icmp": [ip(icmp(8)[:n], proto=ICMP) for n in range(1, 8)],
        "bad_short_arp": [w.frame(ARP, bytes(n)) for n in range(28)],
        "bad_echo": [ip(icmp(8, b"x" * 20), proto=ICMP, unsummed=True)],
        "no_service": [ip(tcp(dport=81)), ip(bytes(20), proto=50), ip(bytes(20), proto=255)],
        "not_local": [w.ip(SRC4, "10.0.0.99", TCP, tcp()), w.ip(SRC4, "192.0.2.1", UDP, udp())],
        "own_source": [ip(src=VIP4), ip(src="10.0.0.10"), ip(src="10.0.0.2")],
        "unknown_link": [w.frame(kind, bytes(40)) for kind in (0, 0x88CC, 0xFFFF)],
    }


def overlong(w):
    """Fragments of 4,000 bytes: DPDK's packet socket has the kernel put them together, and that is no whole packet in a buffer."""
    whole = udp(payload=bytes(3992))
    return [w.ip(SRC4, VIP4, UDP, whole[at:at + 1000], unsummed=True, fragment=at // 8 | (0x2000 if at < 3000 else 0))
            for at in range(0, 4000, 1000)]


def wrong_ip6(w):
    def ip(l4=tcp(), **how):
        return w.ip(how.pop("src", SRC6), VIP6, how.pop("proto", TCP), l4, **how)

    dest, fragment = (60, bytes(7)), (44, struct.pack("!BHI", 0, 1, 9))
    return {
        "bad_short_ip": [ip()[:14 + n] for n in range(40)],
        "bad_ip_version": [ip(version=v) for v in range(16) if v != 6],
        "bad_ip_total_len": [ip(length=n) for n in (21, 1500, 65535)],
        "bad_ip_source": [ip(src=a) for a in ("::1", "ff02::1", "::")],
        "bad_ipv6_extension": [ip(extensions=[dest] * 20), ip(extensions=[(43, b"\0\0\1" + bytes(4))]),
                               ip(extensions=[(60, b"\xff" + bytes(6))])],
        "bad_short_l4": [ip(tcp()[:n]) for n in range(20)] + [ip(udp()[:n], proto=UDP) for n in range(8)],
        "bad_tcp_header_len": [ip(tcp(offset=n)) for n in (0, 4, 6, 15)],
        "bad_tcp_flags": [ip(tcp(flags=f)) for f in (0, FIN, SYN | FIN, SYN | RST, 255)],
        "bad_udp_len": [ip(udp(length=n), proto=UDP) for n in (1, 7, 9, 65535)],
        "bad_port_zero": [ip(tcp(sport=0)), ip(udp(dport=0), proto=UDP)],
        "bad_short_icmp": [ip(icmp(128)[:n], proto=ICMP6) for n in range(1, 4)],
        "bad_echo": [ip(icmp(128, b"x" * 20), proto=ICMP6, unsummed=True)],
        "fragment": [ip(extensions=[fragment]), ip(udp(), proto=UDP, extensions=[dest, fragment])],
        "no_service": [ip(tcp(dport=81)), ip(bytes(20), proto=50)],
        "not_local": [w.ip(SRC6, "2001:db8::99", TCP, tcp())],
        "own_source": [ip(src=VIP6), ip(src="2001:db8::10")],
    }


def counts(device):
    return {row["name"]: row["count"] for row in device.show("drops")}


def check_named(checks, device, wire, what, name, frames, n):
    before = counts(device).get(name, 0)
    wire.send(frames)
    checks.step(f"{what}: {n} counted as {name}", wait_for, lambda: counts(device).get(name, 0) >= before + n,
                f"{name} counts {n}", timeout=10)


def mutated(w):
    """Right packets with some bytes changed, anywhere behind the device's link address."""
    r = random.Random(7)
    right = [w.ip(src, dst, proto, l4, **how)
             for src, dst in ((SRC4, VIP4), (SRC6, VIP6))
             for proto, l4 in ((TCP, tcp(options=bytes.fromhex("020405b40402080a0000000100000000"))), (TCP, tcp(flags=ACK, payload=b"G" * 90)),
                               (UDP, udp(dport=53, payload=b"q" * 40)), (ICMP6 if ":" in src else ICMP, icmp(128 if ":" in src else 8, b"e" * 30)))
             for how in ({}, {"tags": (5,)})]
    for _ in range(MUTATIONS):
        frame = bytearray(r.choice(right))
        for _ in range(r.randint(1, 8)):
            frame[r.randrange(12, len(frame))] = r.randrange(256)
        yield bytes(frame[:r.randrange(14, len(frame))] if r.random() < 0.1 else frame)


def scenario(checks):
    with Scene(checks, timeouts=SHORT) as s:
        t, d = s.topology, s.device
        transfers = Transfers(t, [VIP4, VIP6], s.wanted("big"))
        with Wire(t) as w:
            for family, wrong in ((4, wrong_ip4(w)), (6, wrong_ip6(w))):
                for name, frames in wrong.items():
                    check_named(checks, d, w, f"IPv{family}", name, frames, len(frames))
            check_named(checks, d, w, "overlong", "bad_ip_total_len", overlong(w), 1)
            checks.equal("mutated packets sent", w.send(mutated(w)), MUTATIONS)
        transfers.wait_more()
        n, errors = transfers.stop()
        checks.true("downloads went on all the time", n > 1, n)
        checks.equal("downloads that failed or differ", errors, [])
        for vip in (VIP4, VIP6):
            checks.true(f"a new connection to {vip}", clients.whoami(t, vip) in t.hosts)
            checks.equal(f"echo replies from {vip}", clients.ping(t, vip), 3)
        checks.equal("agents alive", [h for h, a in s.agents.items() if not a.process.running()], [])
        checks.step("the routes of all that end", wait_for, lambda: not d.show("routes"), "no route left", timeout=40)
        checks.equal("device ends well", d.process.stop(), 0)
