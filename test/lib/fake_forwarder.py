# SPDX-License-Identifier: BSD-3-Clause
"""The balancer's end of the tunnel, just enough to try a host's agent alone: every connection goes to one host."""
import hashlib
import os
import select
import socket
import struct
import threading
import time

from lib.baton import SHIM_PORT, TUNNEL4, TUNNEL6, VIP4, VIP6, secret
from lib.link import checksum, mac_of, packed
from lib.netns import inside
from lib.topology import MTU, PORT

SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_CSUM = 1
INTRODUCE, UNKNOWN, RESYNC = 1, 2, 3
MASK = (1 << 64) - 1
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
CHECK_AT = {TCP: 16, UDP: 6}
SYN = 2


def rotate(x, n):
    return (x << n | x >> (64 - n)) & MASK


def siphash(k0, k1, data):
    """SipHash-2-4 of whole 64-bit words."""
    v0, v1, v2, v3 = k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573
    words = [*struct.unpack(f"<{len(data) // 8}Q", data), (len(data) & 255) << 56]
    for word, rounds in [(w, 2) for w in words] + [(None, 4)]:
        if word is None:
            v2 ^= 0xff
        else:
            v3 ^= word
        for _ in range(rounds):
            v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
            v1, v3 = rotate(v1, 13) ^ v0, rotate(v3, 16) ^ v2
            v0 = rotate(v0, 32)
            v2, v0 = (v2 + v1) & MASK, (v0 + v3) & MASK
            v1, v3 = rotate(v1, 17) ^ v2, rotate(v3, 21) ^ v0
            v2 = rotate(v2, 32)
        if word is not None:
            v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


class Key:
    """The shim's key out of the cluster secret."""

    def __init__(self, secret_hex):
        out = hashlib.blake2b(b"baton shim MAC key, version 1", key=bytes.fromhex(secret_hex), digest_size=32).digest()
        self.k0, self.k1, self.id = struct.unpack_from("<QQB", out)

    def mac(self, src, dst, header, body):
        return siphash(self.k0, self.k1, src.ljust(16, b"\0") + dst.ljust(16, b"\0") + header[:16] + bytes(8) + body)


def l4_offset(family):
    return 34 if family == 4 else 54


class FakeForwarder:
    """
    Answers for the VIPs at the device's port by static neighbour entries of the
    client. lose: introductions are not sent, until the host asks for them.
    partial: packets reach the host with their checksums left to the network card.
    """

    generation = 0

    def __init__(self, topology, host, addresses, lose=False, partial=False):
        self.lose, self.partial = lose, partial
        self.host = {4: packed(addresses[0]), 6: packed(addresses[1])}
        self.tunnel = {4: packed(TUNNEL4), 6: packed(TUNNEL6)}
        self.vips = {packed(VIP4), packed(VIP6)}
        with open(secret(topology), encoding="utf-8") as f:
            self.key = Key(f.readline().strip())
        self.sequence = time.time_ns()
        FakeForwarder.generation += 1  # hosts may still hold the flows of the one before
        self.next_id = FakeForwarder.generation << 24 | 1
        self.flows = {}  # key of the client's packets: flow id
        self.by_id = {}
        self.unknown, self.forged, self.errors = [], 0, []
        self._open(topology, host)

    def _open(self, t, host):
        ours = mac_of(t, "device", PORT)
        for vip in (VIP4, VIP6):
            t.ip("client", f"neigh replace {vip} lladdr {ours} dev {PORT} nud permanent")
        self.link = bytes.fromhex((mac_of(t, host, PORT) + ours).replace(":", ""))
        if self.partial:
            t.run("device", "ethtool", "-K", PORT, "tx", "on")
            t.run("sw", "ethtool", "-K", host, "tx", "on")
        with inside(t.name("device")):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
            self.socket.bind((PORT, 3))
        self.wake_r, self.wake_w = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.write(self.wake_w, b"x")
        self.thread.join(10)
        self.socket.close()
        os.close(self.wake_r)
        os.close(self.wake_w)

    def _run(self):
        while self.wake_r not in select.select([self.socket, self.wake_r], [], [])[0]:
            data, where = self.socket.recvfrom(70000)
            if where[2] != socket.PACKET_HOST:
                continue
            try:
                self._frame(data[10:])
            except Exception as e:  # shown by the test, which goes on to fail
                self.errors.append(repr(e))

    def _frame(self, f):
        family = {0x0800: 4, 0x86DD: 6}.get(struct.unpack_from("!H", f, 12)[0])
        if not family:
            return
        end = 14 + (struct.unpack_from("!H", f, 16)[0] if family == 4 else 40 + struct.unpack_from("!H", f, 18)[0])
        src, dst = (f[26:30], f[30:34]) if family == 4 else (f[22:38], f[38:54])
        proto = f[23] if family == 4 else f[20]
        if proto not in CHECK_AT:
            return
        if dst in self.vips:
            self._client(family, proto, src, dst, f[14:end])
        elif dst == self.tunnel[family]:
            self._host(family, src, dst, f[l4_offset(family):end])

    def _client(self, family, proto, src, dst, packet):
        at = l4_offset(family) - 14
        key = (family, proto, src, dst, packet[at:at + 4])
        first = key not in self.flows or proto == TCP and packet[at + 13] & SYN
        if key not in self.flows:
            flow_id = self.next_id
            self.next_id += 1
            self.flows[key], self.by_id[family, flow_id] = flow_id, key
        if first and not self.lose:
            inside_fits = len(packet) + 72 + l4_offset(family) - 14 + 8 <= MTU
            self.introduce(key, packet if inside_fits else b"")
            if inside_fits:
                return
        self.send_tunneled(key, packet)

    def _host(self, family, src, dst, datagram):
        """A datagram of the shim; anything else from the host must not be."""
        if datagram[:4] != struct.pack("!HH", SHIM_PORT, SHIM_PORT):
            raise ValueError(f"host sent {datagram[:20].hex()}")
        payload = datagram[8:]
        pseudo = src + dst + struct.pack("!II", len(datagram), UDP)
        if checksum(pseudo + datagram) or struct.unpack_from("!Q", payload, 16)[0] != self.key.mac(src, dst, payload[:24], payload[24:]):
            self.forged += 1
        elif payload[3] == UNKNOWN:
            flow_id = struct.unpack_from("!I", payload, 24)[0]
            self.unknown.append(flow_id)
            self.introduce(self.by_id[family, flow_id], b"")
        elif payload[3] == RESYNC:
            self.sequence = struct.unpack_from("!Q", payload, 24)[0] + 1

    def introduce(self, key, packet):
        family, proto, src, dst, ports = key
        body = struct.pack("!IBB4s6x16s16s", self.flows[key], family, proto, ports, src, dst)
        self.send_shim(family, INTRODUCE, body, packet)

    def send_shim(self, family, kind, body, packet=b""):
        src, dst = self.tunnel[family], self.host[family]
        header = struct.pack("!HBBHBBQ", 0x4274, 1, kind, 24 + len(body), self.key.id, 0, self.sequence)
        self.sequence += 1
        payload = header + struct.pack("!Q", self.key.mac(src, dst, header, body)) + body + packet
        self._send(family, UDP, src, dst, struct.pack("!HHHH", SHIM_PORT, SHIM_PORT, 8 + len(payload), 0) + payload)

    def send_tunneled(self, key, packet):
        family, proto = key[:2]
        at = l4_offset(family) - 14
        self._send(family, proto, self.tunnel[family], self.host[family], struct.pack("!I", self.flows[key]) + packet[at + 4:])

    def _send(self, family, proto, src, dst, l4):
        """A whole packet, its checksums made here."""
        at = CHECK_AT[proto]
        pseudo = src + dst + struct.pack("!II", len(l4), proto)
        l4 = l4[:at] + b"\0\0" + l4[at + 2:]
        check = checksum(pseudo) ^ 0xFFFF if self.partial else checksum(pseudo + l4) or 0xFFFF
        l4 = l4[:at] + struct.pack("!H", check) + l4[at + 2:]
        if family == 4:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 0, 0x4000, 63, proto, 0) + src + dst
            ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        else:
            ip = struct.pack("!IHBB", 6 << 28, len(l4), proto, 63) + src + dst
        ether = self.link + (b"\x08\x00" if family == 4 else b"\x86\xdd")
        offload = struct.pack("=BBHHHH", NEEDS_CSUM, 0, 0, 0, 14 + len(ip), at) if self.partial else bytes(10)
        self.socket.send(offload + ether + ip + l4)
