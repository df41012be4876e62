# SPDX-License-Identifier: BSD-3-Clause
"""Frames made by hand, right or wrong on purpose, and a socket in a namespace to send them."""
import socket
import struct

from lib.link import ARP, IPV6, checksum, mac_of, packed
from lib.netns import inside
from lib.topology import PORT

IPV4 = 0x0800
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
FIN, SYN, RST, ACK = 1, 2, 4, 16
CHECK_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}


def tcp(sport=1000, dport=80, flags=SYN, payload=b"", options=b"", offset=None, seq=1):
    offset = (20 + len(options)) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 2, offset << 4, flags, 64240, 0, 0) + options + payload


def udp(sport=1000, dport=80, payload=b"", length=None):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def icmp(kind, payload=b""):
    return struct.pack("!BBHHH", kind, 0, 0, 1, 1) + payload


class Wire:
    """Where frames to the device are made and sent: the client's interface."""

    def __init__(self, topology, space="client", to="device"):
        self.socket = None
        self.ours = bytes.fromhex(mac_of(topology, space, PORT).replace(":", ""))
        self.theirs = bytes.fromhex(mac_of(topology, to, PORT).replace(":", ""))
        with inside(topology.name(space)):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.bind((PORT, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frames):
        """How many were sent."""
        n = 0
        for n, frame in enumerate(frames, 1):
            self.socket.send(frame)
        return n

    def frame(self, kind, payload, tags=()):
        return self.theirs + self.ours + b"".join(struct.pack("!HH", 0x8100, t) for t in tags) + struct.pack("!H", kind) + payload

    def arp(self, payload):
        return self.frame(ARP, payload)

    def ip(self, src, dst, proto, l4, **how):
        """A packet with right checksums, except where `how` says otherwise; see _ip4 and _ip6."""
        at = CHECK_AT.get(proto)
        if at and len(l4) >= at + 2 and not how.pop("unsummed", False):
            pseudo = b"" if proto == ICMP else packed(src) + packed(dst) + struct.pack("!II", len(l4), proto)
            l4 = l4[:at] + struct.pack("!H", checksum(pseudo + l4[:at] + b"\0\0" + l4[at + 2:]) or 0xFFFF) + l4[at + 2:]
        return self._ip6(src, dst, proto, l4, **how) if ":" in src else self._ip4(src, dst, proto, l4, **how)

    def _ip4(self, src, dst, proto, l4, version=4, ihl=None, length=None, fragment=0, ttl=61, check=None, options=b"", tags=()):
        ihl = 5 + len(options) // 4 if ihl is None else ihl
        length = 20 + len(options) + len(l4) if length is None else length
        head = struct.pack("!BBHHHBBH", version << 4 | ihl, 0, length, 1, fragment, ttl, proto, 0) + packed(src) + packed(dst) + options
        # the header is as long as it says, and that is what its checksum covers
        covered = (head + l4)[:max(ihl * 4, 20)]
        check = checksum(covered) if check is None else check
        return self.frame(IPV4, head[:10] + struct.pack("!H", check) + head[12:] + l4, tags)

    def _ip6(self, src, dst, proto, l4, version=6, length=None, hops=61, extensions=(), tags=()):
        """extensions: (number, its bytes without the first)"""
        chain = [number for number, _ in extensions] + [proto]
        body = b"".join(bytes([chain[i + 1]]) + rest for i, (_, rest) in enumerate(extensions)) + l4
        length = len(body) if length is None else length
        return self.frame(IPV6, struct.pack("!IHBB", version << 28, length, chain[0], hops) + packed(src) + packed(dst) + body, tags)
