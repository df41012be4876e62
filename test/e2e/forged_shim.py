# SPDX-License-Identifier: BSD-3-Clause
"""Forged, replayed, foreign and malformed shim datagrams to device and hosts: refused by name, downloads go on."""
import secrets
import struct
import time

from lib import clients
from lib.baton import SHIM_PORT, TUNNEL4, TUNNEL6, VIP4, VIP6, secret
from lib.fake_forwarder import INTRODUCE, RESYNC, UNKNOWN, Key
from lib.frames import UDP, Wire, udp
from lib.link import packed
from lib.scene import Scene
from lib.shell import wait_for
from lib.topology import host_addresses
from lib.transfers import Transfers

BORROWED = 0x01FFFFF0  # a flow id that no real flow has
UNKNOWN_BODY = struct.pack("!II", 0x01000001, 0)
FAR_AHEAD_NS = 10**9  # newer than what either side has sent by now, not so far that it gets no answer any more


def payload(key, src, dst, kind, body, seq, version=1, magic=0x4274, length=None, key_id=None, flags=0):
    length = 24 + len(body) if length is None else length
    header = struct.pack("!HBBHBBQ", magic, version, kind, length, key.id if key_id is None else key_id, flags, seq)
    return header + struct.pack("!Q", key.mac(packed(src), packed(dst), header, body)) + body


def datagram(wire, src, dst, content):
    return wire.ip(src, dst, UDP, udp(SHIM_PORT, SHIM_PORT, content))


def flow_body(family, flow_id, src, dst, sport=1234, dport=80):
    return struct.pack("!IBBHH6x16s16s", flow_id, family, 6, sport, dport, packed(src), packed(dst))


def to_device(wire, key, host, tunnel):
    """{drop reason: frames}: what somebody might send to F in a host's name."""
    other = Key(secrets.token_hex(32))
    now = time.time_ns()

    def made(key=key, src=host, dst=tunnel, kind=UNKNOWN, body=UNKNOWN_BODY, seq=now, **how):
        return payload(key, src, dst, kind, body, seq, **how)

    def send(content, src=host):
        return datagram(wire, src, tunnel, content)

    right = made()
    return {
        "shim_malformed": [send(right[:n]) for n in range(len(right))] + [send(right + b"x"), send(made(magic=1)),
                           send(made(kind=9)), send(made(length=8)), send(made(length=65528)), send(made(flags=1))],
        "shim_version": [send(made(version=v)) for v in (0, 2, 255)],
        "shim_unknown_key": [send(made(key_id=key.id ^ bit)) for bit in (1, 128)],
        "shim_forged": [send(right[:16] + secrets.token_bytes(8) + right[24:]) for _ in range(50)] +
                       [send(made(other, key_id=key.id)), send(made(dst=VIP6 if ":" in host else VIP4)),
                        send(right, src=host_addresses(2)[":" in host])],
        "shim_foreign": [send(made(src=src), src=src) for src in (("2001:db8::77",) if ":" in host else ("10.0.0.77", "192.0.2.1"))],
        "shim_replayed": [send(made(seq=now + FAR_AHEAD_NS))] * 4,
    }


def to_host(wire, key, tunnel, host, vip):
    """{agent's counter: frames}: the same towards a host, in the device's name: mappings that nobody made."""
    other = Key(secrets.token_hex(32))
    family, now = 6 if ":" in host else 4, time.time_ns()

    def made(key=key, kind=INTRODUCE, body=flow_body(family, BORROWED, host, vip), seq=now + FAR_AHEAD_NS, **how):
        return payload(key, tunnel, host, kind, body, seq, **how)

    def send(content):
        return datagram(wire, tunnel, host, content)

    return {
        "drop_shim_length": [send(made()[:n]) for n in range(0, 72, 7)],
        "drop_shim_magic": [send(made(magic=0x4275))],
        "drop_shim_version": [send(made(version=2))],
        "drop_shim_key": [send(made(key_id=key.id ^ 1))],
        "drop_shim_forged": [send(made(other, body=flow_body(family, 0x01000000 + n, host, vip), key_id=key.id)) for n in range(200)] +
                            [send(made(other, RESYNC, struct.pack("!QQ", 2**62, 1), key_id=key.id))],
        # genuine, so it is taken once; the device's own numbers are then behind, and host and device must agree anew
        "drop_shim_replayed": [send(made())] * 4,
    }


def counts(device):
    return {row["name"]: row["count"] for row in device.show("drops")}


def check_counted(checks, read, wire, to, frames_by_name):
    for name, frames in frames_by_name.items():
        n = len(frames) - name.endswith("replayed")  # the first of them is new
        before = read().get(name, 0)
        wire.send(frames)
        checks.step(f"to {to}: {n} counted as {name}", wait_for, lambda: read().get(name, 0) >= before + n,
                    f"{name} counts {n}", timeout=10)


def scenario(checks):
    with Scene(checks, hosts=2) as s:
        t, d = s.topology, s.device
        with open(secret(t), encoding="utf-8") as f:
            key = Key(f.readline().strip())
        transfers = Transfers(t, [VIP4, VIP6], s.wanted("big"))
        with Wire(t) as to_f, Wire(t, to="host1") as to_h:
            for host, tunnel, vip in zip(host_addresses(1), (TUNNEL4, TUNNEL6), (VIP4, VIP6)):
                check_counted(checks, lambda: counts(d), to_f, tunnel, to_device(to_f, key, host, tunnel))
                check_counted(checks, lambda: s.agents["host1"].status()["counters"], to_h, host, to_host(to_h, key, tunnel, host, vip))
        transfers.wait_more()
        n, errors = transfers.stop()
        checks.true("downloads went on all the time", n > 1, n)
        checks.equal("downloads that failed or differ", errors, [])
        for vip in (VIP4, VIP6):
            checks.equal(f"both hosts answer at {vip}", {clients.whoami(t, vip) for _ in range(20)}, {"host1", "host2"})
        resyncs = {row["name"]: row["count"] for row in d.show("counters")}.get("resyncs", 0)
        checks.true("device and host agreed on higher numbers", resyncs > 0, resyncs)
        checks.equal("agents alive", [x for x, a in s.agents.items() if not a.process.running()], [])
        checks.equal("device ends well", d.process.stop(), 0)
