# SPDX-License-Identifier: BSD-3-Clause
"""VIP and tunnel address answer echo requests of every size that fits the MTU with the very same bytes."""
import os
import random
import select
import socket
import struct

from lib import baton
from lib.link import checksum
from lib.netns import inside
from lib.scene import Scene
from lib.topology import MTU

WINDOW = 16  # requests under way at once
PATIENCE = 5  # seconds without any answer


def open_socket(topology, address):
    v6 = ":" in address
    with inside(topology.name("client")):
        s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW,
                          socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
    s.connect((address, 0))
    return s


def message(kind, ident, payload, v6):
    """Echo message; its sequence number is the size. For IPv6 the kernel fills in the checksum, and checks it."""
    m = struct.pack("!BBHHH", kind, 0, 0, ident, len(payload)) + payload
    return m if v6 else m[:2] + struct.pack("!H", checksum(m)) + m[4:]


def wrong_sizes(topology, address):
    """Sizes that were not answered, or not as they should be."""
    v6 = ":" in address
    ident = os.getpid() & 0xFFFF
    data = random.Random(address).randbytes(MTU)
    sizes = list(range(MTU - (48 if v6 else 28) + 1))
    left = {n: message(129 if v6 else 0, ident, data[:n], v6) for n in sizes}
    with open_socket(topology, address) as s:
        under_way = set()
        while sizes or under_way:
            while sizes and len(under_way) < WINDOW:
                n = sizes.pop()
                s.send(message(128 if v6 else 8, ident, data[:n], v6))
                under_way.add(n)
            if not select.select([s], [], [], PATIENCE)[0]:
                break
            got = s.recv(65536)
            got = got if v6 else got[(got[0] & 15) * 4:]
            if len(got) < 8 or got[0] != (129 if v6 else 0):
                continue
            n = struct.unpack_from("!H", got, 6)[0]
            under_way.discard(n)
            if left.get(n) == (got[:2] + b"\0\0" + got[4:] if v6 else got):
                del left[n]
    return sorted(left)


def scenario(checks):
    with Scene(checks, hosts=1, mode="full-nat") as scene:
        for address in (baton.VIP4, baton.TUNNEL4, baton.VIP6, baton.TUNNEL6):
            checks.equal(f"echoes of {address} that are missing or differ", wrong_sizes(scene.topology, address), [])
