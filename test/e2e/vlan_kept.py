# SPDX-License-Identifier: BSD-3-Clause
"""A tagged client's packets leave with their VLAN tag: echo replies, introductions, tunneled packets."""
import socket
import struct

from lib.baton import TUNNEL4, VIP4
from lib.link import checksum, mac_of, packed
from lib.netns import inside
from lib.scene import Scene
from lib.shell import wait_for
from lib.topology import PORT, host_addresses

SOL_PACKET, PACKET_AUXDATA, VLAN_VALID = 263, 8, 0x10
TAG = 3 << 13 | 42  # priority 3, VLAN 42
CLIENT_PORT = 41000
SYN, ACK = 2, 16


class Tagged:
    """A packet socket that tells tags, which the kernel takes out of what it hands over."""

    def __init__(self, topology, short):
        with inside(topology.name(short)):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        with inside(topology.name(short)):
            self.socket.bind((PORT, 3))
        self.socket.setblocking(False)
        self.mac = self.socket.getsockname()[4]

    def send(self, to, packet):
        self.socket.send(to + self.mac + struct.pack("!HHH", 0x8100, TAG, 0x0800) + packet)

    def receive(self, wanted):
        """Tag of the next frame that came in and whose IP packet is wanted."""
        def look():
            while True:
                try:
                    frame, extra, _, where = self.socket.recvmsg(2048, 256)
                except BlockingIOError:
                    return None
                tag = next((struct.unpack_from("=IIIHHHH", data)[5] for _, kind, data in extra
                            if kind == PACKET_AUXDATA and struct.unpack_from("=I", data)[0] & VLAN_VALID), 0)
                if where[2] != socket.PACKET_OUTGOING and frame[12:14] == b"\x08\x00" and wanted(frame[14:]):
                    return tag + 1
        return wait_for(look, "the packet") - 1


def ip(protocol, source, target, payload):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + packed(source) + packed(target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def echo(source, target):
    body = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"tagged.."
    return ip(1, source, target, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def tcp(source, target, flags, data=b""):
    body = struct.pack("!HHIIBBHHH", CLIENT_PORT, 80, 1, 0 if flags == SYN else 1, 5 << 4, flags, 1000, 0, 0) + data
    pseudo = packed(source) + packed(target) + struct.pack("!HH", 6, len(body))
    return ip(6, source, target, body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:])


def scenario(checks):
    with Scene(checks, hosts=1) as s:
        t = s.topology
        device = bytes.fromhex(mac_of(t, "device", PORT).replace(":", ""))
        client, host = Tagged(t, "client"), Tagged(t, "host1")
        client.send(device, echo(t.client4, VIP4))
        checks.equal("echo reply", client.receive(lambda p: p[9] == 1 and p[12:16] == packed(VIP4)), TAG)
        ends = packed(TUNNEL4) + packed(host_addresses(1)[0])
        client.send(device, tcp(t.client4, VIP4, SYN))
        checks.equal("introduction", host.receive(lambda p: p[9] == 17 and p[12:20] == ends), TAG)
        client.send(device, tcp(t.client4, VIP4, ACK))
        checks.equal("tunneled packet", host.receive(lambda p: p[9] == 6 and p[12:20] == ends), TAG)
        # a SYN too long to travel together with the mapping, which goes ahead alone
        client.send(device, tcp(t.client4, VIP4, SYN, bytes(1440)))
        checks.equal("mapping alone", host.receive(lambda p: p[9] == 17 and p[12:20] == ends and len(p) < 200), TAG)
