# SPDX-License-Identifier: BSD-3-Clause
"""Faulty cables: packets of a kind are lost, doubled, held back or damaged, the same ones for the same seed."""
import heapq
import json
import os
import select
import shutil
import socket
import struct
import threading
import time

from lib.baton import BUILD, SHIM_PORT
from lib.link import packed
from lib.netns import inside
from lib.shell import run
from lib.topology import MTU, SWITCH

TCP_KINDS = ("syn", "syn_ack", "data", "ack", "fin", "rst")
TUNNEL_KINDS = tuple(f"tunneled_{k}" for k in TCP_KINDS)
SHIM_KINDS = tuple(f"shim_{k}" for k in ("introduce", "unknown", "resync", "create", "abort", "state", "ended", "other"))
KINDS = TCP_KINDS + TUNNEL_KINDS + SHIM_KINDS  # enum kind of faults.bpf.c
FAULTS = ("drop", "duplicate", "hold", "corrupt")
COUNTS = ("seen", "dropped", "duplicated", "held", "corrupted")
OBJECT = os.path.join(BUILD, "test/lib/faults.bpf.o")
QUIET_S = 0.05
SO_MARK, MARK = 36, 0xFA17
ETH_P_ALL = 3


class Faults:
    """
    On the switch's side of the cables to these namespaces; every packet passes one
    of them, on its way to a namespace. forwarders: addresses that tunneled packets
    come from. What is held back passes after hold_ms.
    """

    def __init__(self, topology, spaces, forwarders=(), seed=1, hold_ms=4):
        self.topology, self.spaces = topology, list(spaces)
        self._folder = os.path.dirname(topology.path("faults", "x"))
        if not os.path.ismount(self._folder):
            run("mount", "-t", "bpf", "faults", self._folder)
        self._holder = Holder(hold_ms / 1000)
        for number, space in enumerate(self.spaces):
            self._attach(space, forwarders, seed * 1000 + number)
        self._holder.start()

    def _attach(self, space, forwarders, seed):
        t = self.topology
        pins = self._pins(space)
        os.mkdir(pins)
        t.ip(SWITCH, f"link add hold-{space} mtu {MTU} type veth peer name held-{space} mtu {MTU}")
        for port in (f"hold-{space}", f"held-{space}"):
            t.run(SWITCH, "ethtool", "-K", port, "tx", "off", "gro", "off")
            t.ip(SWITCH, f"link set {port} up")
        run("bpftool", "prog", "load", OBJECT, f"{pins}/program", "type", "classifier", "pinmaps", pins)
        own, hold = (json.loads(t.ip(SWITCH, f"-j link show {port}"))[0]["ifindex"] for port in (space, f"hold-{space}"))
        self._update(space, "settings", struct.pack("=I", 0), struct.pack("=QIIII", seed, own, hold, SHIM_PORT, 0))
        for address in forwarders:
            self._update(space, "forwarders", packed(address).ljust(16, b"\0"), b"\1")
        t.run(SWITCH, "tc", "qdisc", "add", "dev", space, "clsact")
        t.run(SWITCH, "tc", "filter", "add", "dev", space, "egress", "bpf", "da", "pinned", f"{pins}/program")
        self._holder.add(_port(t, f"held-{space}"), _port(t, space))

    def _pins(self, space):
        return os.path.join(self._folder, space)

    def _update(self, space, table, key, value):
        run("bpftool", "map", "update", "pinned", f"{self._pins(space)}/{table}", "key", *map(str, key), "value", *map(str, value))

    def set(self, percent=None, kinds=KINDS, spaces=None, first=0, **each):
        """Percent of every fault, or of each by name; of these kinds on the way to these namespaces. The rest stays."""
        rate = [round(each.get(f, percent or 0) * 10000) for f in FAULTS]
        for space in self.spaces if spaces is None else spaces:
            for kind in kinds:
                self._update(space, "rates", struct.pack("=I", KINDS.index(kind)), struct.pack("=5I", *rate, first))

    def counts(self):
        """{namespace: {kind: {what: packets}}}"""
        got = {}
        for space in self.spaces:
            rows = json.loads(run("bpftool", "-j", "map", "dump", "pinned", f"{self._pins(space)}/counts").stdout)
            got[space] = {KINDS[r["formatted"]["key"]]: r["formatted"]["value"] for r in rows}
        return got

    def total(self, kind=None, space=None):
        """{what: packets} over all namespaces and kinds, or of one."""
        rows = [row for s, kinds in self.counts().items() if space in (None, s) for k, row in kinds.items() if kind in (None, k)]
        return {what: sum(row[what] for row in rows) for what in COUNTS}

    def close(self):
        """Cables are good again; what is held passes first."""
        for space in self.spaces:
            self.topology.run(SWITCH, "tc", "qdisc", "del", "dev", space, "clsact")
        self._holder.stop()
        for space in self.spaces:
            self.topology.ip(SWITCH, f"link del hold-{space}")
            shutil.rmtree(self._pins(space))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Holder:
    """Takes frames in at one socket and puts them out by another after a time, marked."""

    def __init__(self, delay_s):
        self.delay_s = delay_s
        self._ways = {}
        self._due = []
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def add(self, source, sink):
        sink.setsockopt(socket.SOL_SOCKET, SO_MARK, MARK)
        source.setblocking(False)
        self._ways[source] = sink

    def start(self):
        self._thread.start()

    def stop(self):
        os.write(self._stop_w, b"x")
        self._thread.join(10)
        for source, sink in self._ways.items():
            source.close()
            sink.close()
        os.close(self._stop_r)
        os.close(self._stop_w)

    def _work(self):
        number, end = 0, None  # end: told to stop, and nothing more has come for a while; some may be on their way
        while self._due or end is None or time.monotonic() < end:
            until = self._due[0][0] if self._due else end
            wait = None if until is None else max(until - time.monotonic(), 0)
            ready = select.select([*self._ways] + ([self._stop_r] if end is None else []), [], [], wait)[0]
            if ready and (end is not None or self._stop_r in ready):
                end = time.monotonic() + QUIET_S
            for source in ready:
                if source in self._ways:
                    number = self._take(source, number)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, sink, frame = heapq.heappop(self._due)
                sink.send(frame)

    def _take(self, source, number):
        while True:
            try:
                frame, where = source.recvfrom(2048)
            except BlockingIOError:
                return number
            if where[2] != socket.PACKET_OUTGOING:
                number += 1
                heapq.heappush(self._due, (time.monotonic() + self.delay_s, number, self._ways[source], frame))


def _port(topology, name):
    with inside(topology.name(SWITCH)):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind((name, ETH_P_ALL if name.startswith("held-") else 0))
    return s
