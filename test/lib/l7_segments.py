# SPDX-License-Identifier: BSD-3-Clause
"""A TCP client that cuts its bytes as it is told: segments of any size, in any order, again, with the handshake's ACK or late."""
import contextlib
import os
import select
import socket
import struct
import time

from lib.frames import ACK, FIN, RST, SYN, TCP, Wire, tcp
from lib.link import checksum, packed
from lib.netns import inside
from lib.shell import Failed
from lib.topology import PORT

PSH = 8
ADDRESS4, ADDRESS6 = "10.0.0.60", "2001:db8::60"
MASK = 0xFFFFFFFF
END, NOP, MSS, WSCALE, SACK_OK, TIMESTAMPS = 0, 1, 2, 3, 4, 8
REPEAT_S = 0.25
IP, IP6 = 0x0800, 0x86DD


def beside(topology, address):
    """One more address of the client's, that is used when asked for only."""
    topology.ip("client", f"addr add {address}/{64 if ':' in address else 24} dev {PORT}" +
                (" nodad preferred_lft 0" if ":" in address else ""))


def own_addresses(topology):
    """Addresses in the client's namespace that answer on the link, and whose TCP its kernel does not see."""
    for address in (ADDRESS4, ADDRESS6):
        beside(topology, address)
    rules = f"ip daddr {ADDRESS4} meta l4proto tcp drop\nip6 daddr {ADDRESS6} meta l4proto tcp drop\n"
    topology.run("client", "nft", "-f", "-", stdin="table inet segments { chain input { type filter hook input priority 0;\n"
                 f"{rules} }}\n}}\n")


class Segments:
    """
    One connection from a port of its own. Offsets count the client's bytes from 0.
    What comes is acknowledged at once unless .silent; bytes are repeated by
    deliver() and finish() only, so that a test decides what is lost. to: namespace
    that has the address.
    """

    number = 0

    def __init__(self, topology, address, port=80, timestamps=True, sack=True, wscale=7, mss=1460, window=0xFFFF,
                 to="device"):
        Segments.number += 1
        self.source = ADDRESS6 if ":" in address else ADDRESS4
        self.address, self.port = address, port
        self.sport = 20000 + (os.getpid() * 50 + Segments.number) % 40000
        self.options = {"timestamps": timestamps, "sack": sack, "wscale": wscale, "mss": mss}
        self.mss, self.window, self.silent = mss, window, False
        self.isn = int.from_bytes(os.urandom(4))
        self.acknowledged = 0  # of our bytes, the FIN counting as one
        self.received = b""
        self.agreed = {}
        self.ended = self.reset = False
        self._rcv_nxt = self._ts_recent = 0
        self._early = {}
        self._wire = Wire(topology, to=to)
        with inside(topology.name("client")):
            self._in = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IP6 if ":" in address else IP))
        self._in.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
        self._in.bind((PORT, IP6 if ":" in address else IP))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.reset and self._rcv_nxt:
            self.segment(self.acknowledged, flags=RST | ACK)  # leave nothing behind
        self._wire.__exit__()
        self._in.close()

    def _stamp(self):
        return time.monotonic_ns() // 1000000 & MASK

    def _option_bytes(self, syn):
        out = b""
        if syn:
            out += struct.pack("!BBH", MSS, 4, self.options["mss"])
            if self.options["sack"]:
                out += bytes((SACK_OK, 2, NOP, NOP))
            if self.options["wscale"] is not None:
                out += bytes((NOP, WSCALE, 3, self.options["wscale"]))
        if self.options["timestamps"] if syn else self.agreed.get("timestamps"):
            out += bytes((NOP, NOP)) + struct.pack("!BBII", TIMESTAMPS, 10, self._stamp(), self._ts_recent)
        return out

    def segment(self, offset, data=b"", flags=ACK, damaged=False):
        """Exactly this one. damaged: with a wrong checksum."""
        syn = bool(flags & SYN)
        seq = self.isn + (0 if syn else 1 + offset) & MASK
        segment = bytearray(tcp(self.sport, self.port, flags, data, self._option_bytes(syn), seq=seq))
        struct.pack_into("!I", segment, 8, self._rcv_nxt if flags & ACK else 0)
        window = self.window if syn else self.window >> (self.agreed.get("wscale") or 0)
        struct.pack_into("!H", segment, 14, min(window, 0xFFFF))
        frame = bytearray(self._wire.ip(self.source, self.address, TCP, bytes(segment)))
        if damaged:
            frame[-1] ^= 0x55
        self._wire.send([bytes(frame)])

    def _packets(self, timeout):
        """Segments of this connection that come in time: TCP header and what follows."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left < 0 or not select.select([self._in], [], [], left)[0]:
                return
            frame, where = self._in.recvfrom(65535)
            if where[2] == socket.PACKET_OUTGOING:
                continue
            segment = self._ours(frame[14:])
            if segment:
                yield segment

    def _ours(self, ip):
        if ip[0] >> 4 == 4:
            source, target, proto, segment = ip[12:16], ip[16:20], ip[9], ip[(ip[0] & 15) * 4:struct.unpack_from("!H", ip, 2)[0]]
        else:
            source, target, proto, segment = ip[8:24], ip[24:40], ip[6], ip[40:40 + struct.unpack_from("!H", ip, 4)[0]]
        if proto != TCP or source != packed(self.address) or target != packed(self.source):
            return None
        if struct.unpack_from("!HH", segment) != (self.port, self.sport):
            return None
        if checksum(source + target + struct.pack("!II", len(segment), TCP) + segment):
            raise Failed("a segment with a wrong checksum")
        return segment

    def connect(self, first=None):
        """first: bytes that go with the handshake's ACK; None: the bare ACK; False: none at all."""
        for _ in range(20):
            self.segment(0, flags=SYN)
            for s in self._packets(REPEAT_S * 2):
                if s[13] & RST:
                    raise Failed("the handshake was refused")
                if s[13] & SYN and struct.unpack_from("!I", s, 8)[0] == self.isn + 1 & MASK:
                    self._agree(s)
                    if first is not False:
                        self.segment(0, first or b"", ACK | (PSH if first else 0))
                    return self
        raise Failed("no SYN-ACK")

    def _agree(self, s):
        self._rcv_nxt = struct.unpack_from("!I", s, 4)[0] + 1 & MASK
        kinds = dict(_options(s[20:(s[12] >> 4) * 4]))
        self.agreed = {"timestamps": TIMESTAMPS in kinds, "sack": SACK_OK in kinds, "mss": struct.unpack("!H", kinds[MSS])[0],
                       "wscale": self.options["wscale"] if WSCALE in kinds else None}
        if TIMESTAMPS in kinds:
            self._ts_recent = struct.unpack_from("!I", kinds[TIMESTAMPS])[0]

    def hear(self, timeout):
        """Take in what comes within the time; True if anything did."""
        for s in self._packets(timeout):
            self._take(s)
            return True
        return False

    def _take(self, s):
        seq, ack = struct.unpack_from("!II", s, 4)
        flags, data = s[13], s[(s[12] >> 4) * 4:]
        if flags & RST:
            self.reset = True
            return
        if flags & SYN:
            self.segment(self.acknowledged)
            return
        kinds = dict(_options(s[20:(s[12] >> 4) * 4]))
        if self.agreed["timestamps"] != (TIMESTAMPS in kinds):
            raise Failed("time stamps in a segment are not as agreed")
        done = ack - self.isn - 1 & MASK
        if done < 1 << 31:
            self.acknowledged = max(self.acknowledged, done)
        if not data and not flags & FIN:
            return
        self._early[seq] = (data, bool(flags & FIN), kinds.get(TIMESTAMPS))
        for early in sorted(self._early, key=lambda x: x - self._rcv_nxt + (1 << 31) & MASK):
            self._in_order(early)
        if not self.silent:
            self.segment(self.acknowledged)

    def _in_order(self, seq):
        data, fin, stamp = self._early[seq]
        behind = self._rcv_nxt - seq & MASK
        if behind >= 1 << 31:
            return  # a hole before it
        del self._early[seq]
        if self.ended or behind > len(data):
            return
        self.received += data[behind:]
        self._rcv_nxt = seq + len(data) + fin & MASK
        self.ended = self.ended or fin
        if stamp:
            self._ts_recent = struct.unpack_from("!I", stamp)[0]

    def deliver(self, data, offset=0, timeout=15):
        """Repeat what is not acknowledged until all is, as any client would."""
        end, last = time.monotonic() + timeout, 0
        while self.acknowledged < offset + len(data) and not self.reset:
            if time.monotonic() > end:
                raise Failed(f"{self.acknowledged} of {offset + len(data)} bytes were acknowledged within {timeout} s")
            if time.monotonic() - last > REPEAT_S:
                last = time.monotonic()
                for at in range(self.acknowledged, min(offset + len(data), self.acknowledged + 20000), self.mss - 12):
                    self.segment(at, data[at - offset:at - offset + self.mss - 12], ACK | PSH)
            self.hear(0.05)

    def answer(self, timeout=15):
        """One HTTP response: head, body."""
        self.until(lambda: b"\r\n\r\n" in self.received, "the response's head", timeout)
        head, body = self.received.split(b"\r\n\r\n", 1)
        head = head.decode("latin-1")
        length = next(int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length:"))
        self.until(lambda: len(self.received) - len(head) - 4 >= length, "the response's body", timeout)
        body = self.received[len(head) + 4:]
        if len(body) != length:
            raise Failed("more bytes than the response has")
        self.received = b""
        return head, body

    def until(self, condition, what, timeout=15):
        """Take in what comes until the condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            if self.reset or self.ended or time.monotonic() > end:
                raise Failed(f"{what}: {'reset' if self.reset else 'end' if self.ended else 'not within the time'}; "
                             f"{len(self.received)} bytes so far")
            self.hear(0.1)

    def finish(self, offset, timeout=15):
        """FIN behind so many bytes, repeated until it is acknowledged; then the other side's."""
        end, last = time.monotonic() + timeout, 0
        while not (self.acknowledged > offset and self.ended) and not self.reset:
            if time.monotonic() > end:
                raise Failed(f"end of the connection: FIN {'' if self.acknowledged > offset else 'not '}acknowledged, "
                             f"{'their FIN' if self.ended else 'nothing'} came")
            if self.acknowledged <= offset and time.monotonic() - last > REPEAT_S:
                last = time.monotonic()
                self.segment(offset, flags=FIN | ACK)
            self.hear(0.05)


def _options(raw):
    while raw and raw[0] != END:
        if raw[0] == NOP:
            raw = raw[1:]
            continue
        yield raw[0], raw[2:raw[1]]
        raw = raw[raw[1]:]


@contextlib.contextmanager
def connected(topology, address, first=None, **options):
    with Segments(topology, address, **options) as s:
        yield s.connect(first)
