#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write the first inputs of the targets packet, rewrite, shim and worker into corpus/: correct packets and near misses."""
import ipaddress
import os
import struct

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
SRC4, DST4 = "198.51.100.7", "203.0.113.80"
SRC6, DST6 = "2001:db8:1::7", "2001:db8:80::80"


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(text):
    return ipaddress.ip_address(text).packed


def link(ethertype, vlans=0):
    tags = b"".join(struct.pack("!HH", 0x88A8 if i + 1 < vlans else 0x8100, 100 + i) for i in range(vlans))
    return bytes.fromhex("0200000000d00200000000c1") + tags + struct.pack("!H", ethertype)


def summed(proto, src, dst, message, field):
    pseudo = b"" if proto == ICMP else packed(src) + packed(dst) + struct.pack("!II", len(message), proto)
    value = checksum(pseudo + message) or (0xFFFF if proto == UDP else 0)
    return message[:field] + struct.pack("!H", value) + message[field + 2:]


def tcp(src, dst, flags=0x10, payload=b"", options=b""):
    head = struct.pack("!HHIIBBHHH", 40007, 443, 1000, 2000, (20 + len(options)) << 2, flags, 0xFAF0, 0, 0)
    return summed(TCP, src, dst, head + options + payload, 16)


def udp(src, dst, payload=b""):
    return summed(UDP, src, dst, struct.pack("!HHHH", 40007, 443, 8 + len(payload), 0) + payload, 6)


def icmp(proto, src, dst, kind, payload=b""):
    return summed(proto, src, dst, struct.pack("!BBHHH", kind, 0, 0, 7, 1) + payload, 2)


def ip4(proto, message, src=SRC4, dst=DST4, options=b"", fragment=0, vlans=0, padding=0):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(message), 1, fragment, 61,
                       proto, 0) + packed(src) + packed(dst) + options
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return link(0x0800, vlans) + head + message + bytes(padding)


def ip6(proto, message, src=SRC6, dst=DST6, extensions=(), vlans=0):
    """extensions: (number, bytes without the next-header field)"""
    chain = [number for number, _ in extensions] + [proto]
    body = b"".join(bytes([chain[i + 1]]) + rest for i, (_, rest) in enumerate(extensions)) + message
    return link(0x86DD, vlans) + struct.pack("!IHBB", 6 << 28, len(body), chain[0], 61) + packed(src) + packed(dst) + body


def flows():
    hop, dest, route = (0, bytes(7)), (60, b"\1" + bytes(14)), (43, bytes(7))
    return {
        "tcp4_syn": ip4(TCP, tcp(SRC4, DST4, 2, options=bytes.fromhex("020405b40402080a000000010000000001030307"))),
        "tcp4_data": ip4(TCP, tcp(SRC4, DST4, 0x18, b"GET / HTTP/1.1\r\n\r\n")),
        "tcp4_fin_odd": ip4(TCP, tcp(SRC4, DST4, 0x11, b"end")),
        "tcp4_rst": ip4(TCP, tcp(SRC4, DST4, 4), padding=6),
        "tcp4_options": ip4(TCP, tcp(SRC4, DST4), options=b"\1" * 8),
        "tcp4_vlan": ip4(TCP, tcp(SRC4, DST4), vlans=1),
        "tcp4_qinq": ip4(TCP, tcp(SRC4, DST4), vlans=2),
        "udp4": ip4(UDP, udp(SRC4, DST4, b"question")),
        "udp4_unsummed": ip4(UDP, struct.pack("!HHHH", 40007, 443, 9, 0) + b"x"),
        "udp4_trailer": ip4(UDP, udp(SRC4, DST4, b"abc") + b"trailer"),
        "tcp6_syn": ip6(TCP, tcp(SRC6, DST6, 2)),
        "tcp6_data": ip6(TCP, tcp(SRC6, DST6, 0x18, b"odd")),
        "tcp6_extensions": ip6(TCP, tcp(SRC6, DST6), extensions=[hop, dest, route, dest]),
        "udp6": ip6(UDP, udp(SRC6, DST6, b"question"), vlans=1),
    }


def others():
    good4, good6 = ip4(TCP, tcp(SRC4, DST4)), ip6(TCP, tcp(SRC6, DST6))
    fragment, dest = (44, struct.pack("!BHI", 0, 1, 9)), (60, bytes(7))
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20)
    return {
        "echo4": ip4(ICMP, icmp(ICMP, SRC4, DST4, 8, b"ping" * 8)),
        "echo4_options": ip4(ICMP, icmp(ICMP, SRC4, DST4, 8, b"odd"), options=b"\1" * 4),
        "echo6": ip6(ICMP6, icmp(ICMP6, SRC6, DST6, 128, b"ping")),
        "echo6_extension": ip6(ICMP6, icmp(ICMP6, SRC6, DST6, 128, b"ping"), extensions=[dest]),
        "unreachable4": ip4(ICMP, icmp(ICMP, SRC4, DST4, 3, good4[14:42])),
        "solicitation": ip6(ICMP6, icmp(ICMP6, SRC6, "ff02::1:ff00:80", 135, packed(DST6)), dst="ff02::1:ff00:80"),
        "dad": ip6(ICMP6, icmp(ICMP6, "::", "ff02::1:ff00:80", 135, packed(DST6)), src="::", dst="ff02::1:ff00:80"),
        "fragment4": ip4(UDP, udp(SRC4, DST4, bytes(16)), fragment=0x2000),
        "fragment6": ip6(UDP, udp(SRC6, DST6, bytes(16)), extensions=[fragment]),
        "vrrp": ip4(112, bytes(12), dst="224.0.0.18"),
        "esp6": ip6(50, bytes(16)),
        "arp": link(0x0806) + arp,
        "arp_vlan": link(0x0806, 1) + arp,
        "lldp": link(0x88CC) + bytes(20),
        "three_vlans": link(0x8100, 2) + bytes(30),
        "bad_header_len": good4[:14] + b"\x4f" + good4[15:],
        "bad_checksum": good4[:24] + b"\0\0" + good4[26:],
        "bad_cut4": good4[:40],
        "bad_cut6": good6[:60],
        "bad_payload_len": good6[:18] + b"\xff\xff" + good6[20:],
        "bad_many_extensions": ip6(TCP, tcp(SRC6, DST6), extensions=[dest] * 9),
        "bad_extension_len": ip6(TCP, tcp(SRC6, DST6), extensions=[(60, b"\xff" + bytes(6))]),
        "bad_source": ip4(UDP, udp("127.0.0.1", DST4), src="127.0.0.1"),
        "bad_flags": ip4(TCP, tcp(SRC4, DST4, 3)),
        "empty": b"",
    }


def rewrites():
    tunnel = packed("192.0.2.1") + bytes(12) + packed("192.0.2.9") + bytes(12) + bytes.fromhex("01000007")
    tunnel6 = packed("2001:db8:f::1") + packed("2001:db8:f::9") + bytes.fromhex("ff123456")
    for name, frame in flows().items():
        yield name, (tunnel if "4" in name else tunnel6) + frame
    yield "to_zeros", bytes(36) + flows()["udp4"]
    yield "to_ones", b"\xff" * 36 + flows()["udp6"]
    last_hop = bytearray(flows()["tcp6_data"])
    last_hop[21] = 1
    yield "last_hop", tunnel6 + bytes(last_hop)


def shims():
    def datagram(kind, body, version=1, key=5, flags=0, seq=1000000, length=None, magic=0x4274):
        length = 24 + len(body) if length is None else length
        return struct.pack("!HBBHBBQQ", magic, version, kind, length, key, flags, seq, 0) + body

    def flow(family, proto, src, dst):
        return struct.pack("!IBBHH6x", 0x01000007, family, proto, 40007, 443) + src.ljust(16, b"\0") + dst.ljust(16, b"\0")

    flow4, flow6 = flow(4, TCP, packed(SRC4), packed(DST4)), flow(6, UDP, packed(SRC6), packed(DST6))
    signed = {
        "introduce4": datagram(1, flow4),
        "introduce4_inner": datagram(1, flow4) + flows()["tcp4_syn"][14:],
        "introduce6_inner": datagram(1, flow6) + flows()["udp6"][18:],
        "unknown": datagram(2, bytes(8)),
        "resync": datagram(3, bytes(16)),
        "highest_seq": datagram(2, bytes(8), seq=2**64 - 1),
        "seq_zero": datagram(2, bytes(8), seq=0),
        "bad_family": datagram(1, b"\0\0\0\1\5" + flow4[5:]),
        "bad_addr": datagram(1, flow4[:-1] + b"\1"),
        "bad_version": datagram(2, bytes(8), version=2),
        "bad_key": datagram(2, bytes(8), key=6),
        "bad_flags": datagram(2, bytes(8), flags=1),
        "bad_type": datagram(9, bytes(8)),
        "bad_len": datagram(2, bytes(8), length=40),
        "bad_magic": datagram(2, bytes(8), magic=0x4275),
        "trailing": datagram(2, bytes(9), length=32),
        "cut": datagram(1, flow4)[:71],
    }
    for name, data in signed.items():
        yield name, b"\1" + data
    yield "unsigned", b"\0" + signed["introduce4_inner"]
    yield "only_options", b"\1"


def workers():
    def step(kind, arg=1, data=b""):
        return struct.pack("!BBH", kind, arg, len(data)) + data

    every = {**flows(), **others()}
    for action, name in enumerate(("drop", "tunnel", "nat", "return", "no_answer")):
        yield f"all_{name}", step(3, action) + b"".join(step(0, i % 3 == 0, f) for i, f in enumerate(every.values()))
    for name in ("tcp4_syn", "udp4", "tcp6_syn", "udp6"):
        yield f"twice_{name}", step(0, 1, every[name]) * 2
    big = ip4(UDP, udp(SRC4, DST4, bytes(1472)))
    yield "full_size", step(0, 1, big) * 2
    yield "too_long", step(0, 1, big + bytes(600))
    yield "many_clients", b"".join(step(0, 0, ip4(UDP, udp(src, DST4), src=src)) for src in
                                   (f"198.51.100.{i}" for i in range(1, 40)))
    yield "shim", b"".join(step(2, arg, bytes([1, 0, 0, 0, 0, 0, 0, i])) for i in range(3) for arg in range(16))
    foreign = ip4(TCP, tcp("10.0.0.11", "198.51.100.9"), src="10.0.0.11", dst="198.51.100.9")
    yield "reply", step(3, 3) + step(1, 1, foreign) * 2
    own = ip4(TCP, tcp(DST4, DST4), src=DST4)
    yield "own_source", step(0, 1, own)


def main():
    corpus = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
    for target, seeds in (("packet", {**flows(), **others()}), ("rewrite", dict(rewrites())), ("shim", dict(shims())),
                          ("worker", dict(workers()))):
        os.makedirs(os.path.join(corpus, target), exist_ok=True)
        for name, data in seeds.items():
            with open(os.path.join(corpus, target, name), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
