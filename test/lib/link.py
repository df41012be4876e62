# SPDX-License-Identifier: BSD-3-Clause
"""Speak ARP and neighbour discovery by hand on a namespace's interface."""
import json
import socket
import struct

from lib.netns import inside
from lib.shell import wait_for

ARP, IPV6 = 0x0806, 0x86DD
BROADCAST = b"\xff" * 6


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_of(topology, short, port):
    """Link address of an interface, as text."""
    return json.loads(topology.ip(short, f"-j link show {port}"))[0]["address"]


class Link:
    """A packet socket on an interface."""

    def __init__(self, topology, short, port):
        with inside(topology.name(short)):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.bind((port, 3))  # every type
        self.socket.setblocking(False)
        self.mac = self.socket.getsockname()[4]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, target, source):
        """Send an ARP request or a neighbour solicitation."""
        self.socket.send(self._solicitation(target, source) if ":" in target else self._request(target, source))

    def announce(self, address, mac):
        """Claim an IPv4 address by a gratuitous ARP request."""
        self.socket.send(BROADCAST + mac + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, 1) + mac + packed(address) +
                         bytes(6) + packed(address) + bytes(18))

    def _request(self, target, source):
        return (BROADCAST + self.mac + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, 1) + self.mac + packed(source) +
                bytes(6) + packed(target) + bytes(18))

    def _solicitation(self, target, source):
        group = packed("ff02::1:ff00:0")[:13] + packed(target)[13:]
        unspecified = source == "::"
        body = struct.pack("!BBHI", 135, 0, 0, 0) + packed(target) + (b"" if unspecified else b"\x01\x01" + self.mac)
        pseudo = packed(source) + group + struct.pack("!II", len(body), socket.IPPROTO_ICMPV6)
        body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
        return (b"\x33\x33" + group[12:] + self.mac + struct.pack("!HIHBB", IPV6, 6 << 28, len(body), 58, 255) +
                packed(source) + group + body)

    def answer(self, timeout=10):
        """The next answer or announcement from others: (address, its link address, receiver's link address)."""
        return wait_for(self._answer, "an answer on the link", timeout)

    def _answer(self):
        while True:
            try:
                f, where = self.socket.recvfrom(2048)
            except BlockingIOError:
                return None
            if where[2] == socket.PACKET_OUTGOING:
                continue
            kind, operation = struct.unpack_from("!H", f, 12)[0], f[20:22]
            if kind == ARP and (operation == b"\x00\x02" or f[28:32] == f[38:42]):
                return socket.inet_ntop(socket.AF_INET, f[28:32]), f[22:28].hex(":"), f[:6].hex(":")
            if kind == IPV6 and len(f) >= 86 and f[20] == 58 and f[54] == 136 and f[21] == 255:
                return socket.inet_ntop(socket.AF_INET6, f[62:78]), f[80:86].hex(":"), f[:6].hex(":")
