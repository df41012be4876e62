# SPDX-License-Identifier: BSD-3-Clause
"""Garbage at the health port: batond counts what looks like a frame, lets go of the rest, and hears the hosts as before."""
import random
import struct

from lib.arrivals import Arrivals
from lib.baton import HEALTH_PORT, VIP4, VIP6
from lib.health_link import GREETING, send_frame, stranger
from lib.live import app, counter, events, tables_equal
from lib.scene import Scene
from lib.shell import wait_for
from lib.topology import DEVICE4

FRAMES = 500


def frames(chance):
    yield b""
    yield bytes(8)
    yield b"\xff" * 65536
    for _ in range(FRAMES):
        yield chance.randbytes(chance.randrange(200))


def streams(chance):
    """What is sent on a connection without frames."""
    yield b""
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield chance.randbytes(5000)
    yield GREETING[:5]
    yield GREETING[:4] + struct.pack("!HH", 2 * 16, 0)  # another protocol of the same family
    yield GREETING + struct.pack("!Q", (1 << 63) - 1) + bytes(1000)
    yield GREETING + struct.pack("!Q", 100) + b"half a frame"
    yield GREETING + struct.pack("!Q", 1 << 20) + bytes(1 << 20)


def throw(topology, stream):
    with stranger(topology, "client", DEVICE4, HEALTH_PORT, greet=False) as s:
        try:
            s.sendall(stream)
        except OSError:
            pass  # shown the door


def scenario(checks):
    chance = random.Random(7472)
    with Scene(checks, live={}) as s, Arrivals(s.topology, (VIP4, VIP6)) as new:
        d = s.device
        with stranger(s.topology, "client", DEVICE4, HEALTH_PORT) as sock:
            for frame in frames(chance):
                send_frame(sock, frame)
            checks.step("malformed frames are counted", wait_for, lambda: counter(d, "seal", "malformed") > FRAMES, "counter")
        for _ in range(5):
            for stream in streams(chance):
                throw(s.topology, stream)
        s.agents["host2"].ctl("host", "set", app(2), "--capacity", "33")
        tables_equal(checks, "the hosts are heard", d, s.agents.values())
        checks.true("batond runs", d.process.running())
        checks.equal("no host was lost meanwhile", events(d, "host_aged_out"), [])
        new.wait_more(50)
        checks.equal("no new connection failed", new.faults(), [])
