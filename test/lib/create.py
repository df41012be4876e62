# SPDX-License-Identifier: BSD-3-Clause
"""
A device that hands connections over to one host, and the clients behind it, all made by hand: CREATE and ABORT
datagrams out of the device's port, the host's answers, and the packets that the host sends to the clients.
"""
import itertools
import random
import select
import socket
import struct
import time

from lib.baton import SHIM_PORT, TUNNEL4, TUNNEL6, VIP4, VIP6, secret
from lib.fake_forwarder import CHECK_AT, RESYNC, TCP, UDP, Key, l4_offset
from lib.link import checksum, mac_of, packed
from lib.netns import inside
from lib.shell import Failed
from lib.topology import PORT, host_addresses

INTRODUCE, CREATE, ABORT, STATE, ENDED = 1, 4, 5, 6, 7
NONE, OPEN, GONE, LINGERS, REFUSED = range(5)
STATES = ["none", "open", "ended", "lingers", "refused"]
REASONS = ["none", "no_listener", "backlog_full", "mptcp", "mss", "option_off", "syncookies_off", "kernel", "vip",
           "table_full", "other"]
WSCALE, SACK, TIMESTAMPS = 1, 2, 4
ALL_OPTIONS = WSCALE | SACK | TIMESTAMPS
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT4, CLIENT6 = "10.0.0.60", "2001:db8::60"  # no kernel has these, so none answers for our clients
U32 = 1 << 32


def ip_packet(family, src, dst, proto, l4):
    at = CHECK_AT[proto]
    pseudo = src + dst + struct.pack("!II", len(l4), proto)
    l4 = l4[:at] + b"\0\0" + l4[at + 2:]
    l4 = l4[:at] + struct.pack("!H", checksum(pseudo + l4) or 0xFFFF) + l4[at + 2:]
    if family == 6:
        return struct.pack("!IHBB", 6 << 28, len(l4), proto, 63) + src + dst + l4
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 0, 0x4000, 63, proto, 0) + src + dst
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + l4


class Answer:
    """What the host says of a connection."""

    def __init__(self, kind, body):
        (self.client_isn, self.server_isn, self.next_seq, self.flow_id, state, reason, self.detail, self.family, self.ports,
         self.src, self.dst) = struct.unpack("!IIIIBBHBx4s6x16s16s", body)
        self.ended = kind == ENDED
        self.state, self.reason = STATES[state], REASONS[reason]

    def __repr__(self):
        return f"{'ENDED ' if self.ended else ''}{self.state}/{self.reason}/{self.detail} next {self.next_seq} flow {self.flow_id:#x}"


class Segment:
    """A TCP segment from the host to a client."""

    def __init__(self, l4):
        self.ports, self.seq, self.ack, offset, self.flags, self.window = struct.unpack_from("!4sIIBBH", l4)
        end = (offset >> 4) * 4
        self.payload, self.options = l4[end:], l4[20:end]

    def timestamps(self):
        """(value, echo), or None"""
        at = 0
        while at < len(self.options) and self.options[at]:
            if self.options[at] == 8:
                return struct.unpack_from("!II", self.options, at + 2)
            at += 1 if self.options[at] == 1 else self.options[at + 1]
        return None


class Hands:
    """The device's and the clients' end of the wire."""

    def __init__(self, topology, n=1):
        t = topology
        self.host = {4: packed(host_addresses(n)[0]), 6: packed(host_addresses(n)[1])}
        self.tunnel = {4: packed(TUNNEL4), 6: packed(TUNNEL6)}
        name = f"host{n}"
        with open(secret(t), encoding="utf-8") as f:
            self.key = Key(f.readline().strip())
        self.sequence = time.time_ns()
        device, client = mac_of(t, "device", PORT), mac_of(t, "client", PORT)
        for address, mac in ((TUNNEL4, device), (TUNNEL6, device), (CLIENT4, client), (CLIENT6, client)):
            t.ip(name, f"neigh replace {address} lladdr {mac} dev {PORT} nud permanent")
        self.link = bytes.fromhex((mac_of(t, name, PORT) + device).replace(":", ""))
        self.device, self.client = self._socket(t, "device"), self._socket(t, "client")
        self.answers, self.segments, self.others = [], [], []
        self.ports = itertools.count(20000)

    @staticmethod
    def _socket(t, space):
        with inside(t.name(space)):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            s.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
            s.bind((PORT, 3))
        s.setblocking(False)
        return s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.device.close()
        self.client.close()

    def connection(self, family=4, **how):
        return Connection(self, family, **how)

    def shim(self, family, kind, body, inner=b"", key=None, sequence=None, cut=None):
        """A datagram's bytes. cut: only so many of the payload."""
        src, dst = self.tunnel[family], self.host[family]
        if sequence is None:
            sequence = self.sequence
            self.sequence += 1
        key = key or self.key
        header = struct.pack("!HBBHBBQ", 0x4274, 1, kind, 24 + len(body), self.key.id, 0, sequence)
        payload = (header + struct.pack("!Q", key.mac(src, dst, header, body)) + body + inner)[:cut]
        return ip_packet(family, src, dst, UDP, struct.pack("!HHHH", SHIM_PORT, SHIM_PORT, 8 + len(payload), 0) + payload)

    def send(self, packet):
        self.device.send(self.link + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet)

    def poll(self, timeout=0.0):
        """Read what has come; waits so long for the first of it."""
        for s in select.select([self.device, self.client], [], [], timeout)[0]:
            while True:
                try:
                    frame, where = s.recvfrom(70000)
                except BlockingIOError:
                    break
                if where[2] != socket.PACKET_OUTGOING:
                    self._frame(frame, s is self.device)

    def _frame(self, f, to_device):
        family = {0x0800: 4, 0x86DD: 6}.get(struct.unpack_from("!H", f, 12)[0])
        if not family:
            return
        end = 14 + (struct.unpack_from("!H", f, 16)[0] if family == 4 else 40 + struct.unpack_from("!H", f, 18)[0])
        src, dst = (f[26:30], f[30:34]) if family == 4 else (f[22:38], f[38:54])
        proto = f[23] if family == 4 else f[20]
        l4 = f[l4_offset(family):end]
        if proto == TCP and not to_device and dst in (packed(CLIENT4), packed(CLIENT6)):
            if checksum(src + dst + struct.pack("!II", len(l4), TCP) + l4):
                raise Failed(f"checksum of a segment to the client: {l4.hex()}")
            self.segments.append((src, Segment(l4)))
        elif proto == UDP and to_device and dst == self.tunnel[family]:
            self._datagram(src, dst, l4)

    def _datagram(self, src, dst, l4):
        payload = l4[8:]
        if checksum(src + dst + struct.pack("!II", len(l4), UDP) + l4) or l4[:4] != struct.pack("!HH", SHIM_PORT, SHIM_PORT):
            raise Failed(f"bad datagram of the host: {l4.hex()}")
        if struct.unpack_from("!Q", payload, 16)[0] != self.key.mac(src, dst, payload[:24], payload[24:]):
            raise Failed(f"datagram of the host with a wrong code: {payload.hex()}")
        if payload[3] in (STATE, ENDED):
            self.answers.append(Answer(payload[3], payload[24:]))
        elif payload[3] == RESYNC:
            self.sequence = struct.unpack_from("!Q", payload, 24)[0] + 1
        else:
            self.others.append((payload[3], payload[24:]))

    def wait(self, condition, what, timeout=5):
        """Read until condition() is true, and return it."""
        end = time.monotonic() + timeout
        while True:
            self.poll()
            got = condition()
            if got:
                return got
            if time.monotonic() > end:
                raise Failed(f"{what}: not within {timeout} s")
            self.poll(0.05)


class Connection:
    """A client's connection that the device has accepted."""

    def __init__(self, hands, family, port=80, vip=None, client=None, sport=None, options=ALL_OPTIONS, mss=None, wscale=7,
                 isns=None):
        self.hands, self.family, self.options, self.wscale = hands, family, options, wscale
        self.src = packed(client or (CLIENT4 if family == 4 else CLIENT6))
        self.dst = packed(vip or (VIP4 if family == 4 else VIP6))
        self.ports = struct.pack("!HH", sport or next(hands.ports), port)
        self.mss = mss or (1460 if family == 4 else 1440)
        self.client_isn, self.server_isn = isns or (random.randrange(U32), random.randrange(U32))
        self.client_clock, self.server_clock = random.randrange(U32), random.randrange(U32)

    def again(self, **how):
        """Another connection of the same client, from the same port."""
        sport, port = struct.unpack("!HH", self.ports)
        return Connection(self.hands, self.family, port, sport=sport, **how)

    def segment(self, data=b"", at=0, flags=ACK | PSH, ack=None):
        """An IP packet of the client; at: how far behind the first byte."""
        options = b""
        if self.options & TIMESTAMPS:
            options = struct.pack("!BBBBII", 1, 1, 8, 10, self.client_clock, self.server_clock)
        seq = (self.client_isn + 1 + at) % U32
        ack = (self.server_isn + 1) % U32 if ack is None else ack % U32
        l4 = self.ports + struct.pack("!IIBBHHH", seq, ack, (20 + len(options)) // 4 << 4, flags, 64240 >> self.wscale, 0, 0)
        return ip_packet(self.family, self.src, self.dst, TCP, l4 + options + data)

    def body(self):
        scaled = self.options & WSCALE
        return struct.pack("!IIIIHBBBB4s6x16s16s", self.client_isn, self.server_isn,
                           self.client_clock if self.options & TIMESTAMPS else 0, (self.server_clock + 50) % U32, self.mss,
                           self.wscale if scaled else 0, 7 if scaled else 0, self.options, self.family, self.ports, self.src,
                           self.dst)

    def datagram(self, inner=b"", kind=CREATE, **how):
        return self.hands.shim(self.family, kind, self.body(), inner, **how)

    def create(self, data=b"", at=0, **how):
        self.hands.send(self.datagram(self.segment(data, at, **how)))

    def abort(self):
        self.hands.send(self.datagram(kind=ABORT))

    def introduce(self, flow_id, inner=b""):
        body = struct.pack("!IBB4s6x16s16s", flow_id, self.family, TCP, self.ports, self.src, self.dst)
        self.hands.send(self.hands.shim(self.family, INTRODUCE, body, inner))

    def tunneled(self, flow_id, data=b"", at=0, **how):
        packet = self.segment(data, at, **how)
        h = self.hands
        l4 = struct.pack("!I", flow_id) + packet[l4_offset(self.family) - 14 + 4:]
        h.send(ip_packet(self.family, h.tunnel[self.family], h.host[self.family], TCP, l4))

    def answers(self, ended=False):
        return [a for a in self.hands.answers if a.ended == ended and a.family == self.family and a.ports == self.ports and
                a.src == self.src.ljust(16, b"\0") and a.dst == self.dst.ljust(16, b"\0")]

    def ask(self):
        """STATE of it."""
        before = len(self.answers())
        self.hands.send(self.datagram())
        return self.hands.wait(lambda: self.answers()[before:], "an answer to the question")[0]

    def ask_until(self, state, timeout=5):
        """Ask again and again until the answer is this."""
        end = time.monotonic() + timeout
        while True:
            answer = self.ask()
            if answer.state == state:
                return answer
            if time.monotonic() > end:
                raise Failed(f"the host says {answer}, not {state}")
            time.sleep(0.02)

    def ended(self, timeout=5):
        """The host's report that it is over."""
        return self.hands.wait(lambda: self.answers(ended=True), "a report of the end", timeout)[0]

    def segments(self):
        self.hands.poll()
        return [s for src, s in self.hands.segments if src == self.dst and s.ports == self.ports[2:] + self.ports[:2]]

    def received(self, n, timeout=5):
        """The first n bytes that the server sent; Failed unless its sequence numbers go on where the device's ended."""
        def whole():
            stream = bytearray(n)
            have = [False] * n
            for s in self.segments():
                start = (s.seq - self.server_isn - 1) % U32
                for i, byte in enumerate(s.payload):
                    if start + i < n:
                        stream[start + i], have[start + i] = byte, True
            return bytes(stream) if all(have) else None
        return self.hands.wait(whole, f"{n} bytes from the server", timeout) if n else b""

    def resets(self):
        return [s for s in self.segments() if s.flags & RST]


def listener(topology, host, address, port=80, backlog=128, family=None, **options):
    """A server's socket inside a host's namespace. options: SO_… names with values, set before bind."""
    with inside(topology.name(host)):
        s = socket.socket(family or (socket.AF_INET6 if ":" in address else socket.AF_INET), socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for name, value in options.items():
            s.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        s.bind((address, port))
        s.listen(backlog)
    s.settimeout(5)
    return s


def take(server, n):
    """Accept; read n bytes."""
    s, peer = server.accept()
    s.settimeout(5)
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            break
        data += more
    return s, peer, data
