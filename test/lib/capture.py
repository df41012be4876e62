# SPDX-License-Identifier: BSD-3-Clause
"""Capture frames on a namespace's interface and read what is in them."""
import os
import select
import socket
import struct
import threading

from lib.netns import inside
from lib.shell import wait_for

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_AUXDATA = 263, 8
BUFFER_BYTES = 64 << 20
SNAP = 128  # bytes kept of each frame; its length is noted whole


class Frame:
    """Headers of one captured frame; fields that it does not have are None."""

    def __init__(self, data, length, outgoing):
        self.length = length
        self.outgoing = outgoing
        self.data = data
        self.ether_type = struct.unpack_from("!H", data, 12)[0]
        self.family = {0x0800: 4, 0x86DD: 6}.get(self.ether_type)
        self.protocol = self.src = self.dst = self.sport = self.dport = self.ip_length = self.tcp_flags = None
        self.fragment = False
        if self.family == 4:
            self._read4()
        elif self.family == 6:
            self._read6()

    def _read4(self):
        ihl, self.ip_length, flags, self.protocol = (self.data[14] & 15) * 4, *struct.unpack_from("!HxxH", self.data, 16), self.data[23]
        self.fragment = bool(flags & 0x3FFF)  # more fragments, or an offset
        self.src = socket.inet_ntop(socket.AF_INET, self.data[26:30])
        self.dst = socket.inet_ntop(socket.AF_INET, self.data[30:34])
        self._read_ports(14 + ihl)

    def _read6(self):
        self.ip_length, self.protocol = struct.unpack_from("!HB", self.data, 18)
        self.ip_length += 40
        self.fragment = self.protocol == 44
        self.src = socket.inet_ntop(socket.AF_INET6, self.data[22:38])
        self.dst = socket.inet_ntop(socket.AF_INET6, self.data[38:54])
        self._read_ports(54)

    def _read_ports(self, offset):
        if self.protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP) and not self.fragment and len(self.data) >= offset + 4:
            self.sport, self.dport = struct.unpack_from("!HH", self.data, offset)
            if self.protocol == socket.IPPROTO_TCP and len(self.data) > offset + 13:
                self.tcp_flags = self.data[offset + 13]

    def __repr__(self):
        return f"<{self.src}:{self.sport} > {self.dst}:{self.dport} proto {self.protocol} len {self.length}>"


class Capture:
    """Frames that pass an interface, from the moment it is made until stop()."""

    def __init__(self, topology, short, port):
        self.frames = []
        self._socket = _packet_socket(topology.name(short), port)
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        topology.captures.append(self)

    def _read(self):
        while True:
            try:
                data, extra, _, where = self._socket.recvmsg(SNAP, 64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if self._stop_r in select.select([self._socket, self._stop_r], [], [])[0]:
                    return
                continue
            except OSError:
                return  # the interface is gone
            length = struct.unpack_from("=II", extra[0][2])[1]  # struct tpacket_auxdata: status, length on the wire
            self.frames.append(Frame(data, length, where[2] == socket.PACKET_OUTGOING))

    def stop(self):
        """All frames up to now."""
        if self._socket.fileno() >= 0:
            os.write(self._stop_w, b"x")
            self._thread.join(10)
            self._socket.close()
            os.close(self._stop_r)
            os.close(self._stop_w)
        return self.frames

    def wait(self, condition, what, timeout=10):
        """Poll until a captured frame fulfils condition(frame); that frame."""
        return wait_for(lambda: next((f for f in list(self.frames) if condition(f)), None), what, timeout)


def _packet_socket(namespace, port):
    with inside(namespace):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        s.bind((port, ETH_P_ALL))
    return s
